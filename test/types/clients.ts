/** What the compiler says of clients; `tsc -p tsconfig.check.json` is the test. */
import { allow, ask, createSystem, protocol, type Ref, stream, tell } from 'troupe';
import { type Client, type ClientStatus, connect } from 'troupe/client';
import * as z from 'zod';

const Counter = protocol('counter', {
  inc: tell(z.object({ by: z.int() })),
  get: ask({ output: z.int() }),
  changes: stream({ output: z.date() }),
});

allow(Counter, { operations: ['inc', 'changes'], actors: ['a'] });
allow(Counter, { operations: ['get'], actors: (name, { id }) => name === id });
// @ts-expect-error there is no such operation
allow(Counter, { operations: ['drop'], actors: ['a'] });
// @ts-expect-error who may be reached must be said
allow(Counter, { operations: ['get'] });

export const client: Client = connect('wss://app.example.org', { token: async () => 'token' });
export const status: ClientStatus = client.status;
export const ref: Ref<typeof Counter> = client.ref(Counter, 'a');
export const reply: Promise<number> = ref.get({ timeoutMs: 5 });
export const taken: boolean = ref.inc({ by: 1 });
export const dates: AsyncIterable<Date> = ref.changes();
// @ts-expect-error a message that does not fit
ref.inc({ by: 'one' });
// @ts-expect-error no such option
connect('wss://app.example.org', { secret: 'x' });

// @ts-expect-error somebody must say who clients are
void createSystem({ clients: { listen: 'ws://127.0.0.1:1', allow: [] } });
// @ts-expect-error an identity has an id
void createSystem({ clients: { listen: 'ws://127.0.0.1:1', allow: [], authenticate: () => ({ name: 'ada' }) } });
