/** What the compiler lets callers do. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  type ActorSystem,
  actor,
  ask,
  closureActor,
  kill,
  pathOf,
  protocol,
  type Ref,
  refOf,
  type Stream,
  sameRef,
  stop,
  stream,
  tell,
} from '../../src/index.ts';

export const Counter = protocol('counter', {
  inc: tell(z.object({ by: z.int().default(1) })),
  add: tell(z.object({ by: z.int() })),
  reset: tell(),
  get: ask({ output: z.int() }),
  spend: ask({
    input: z.object({ by: z.int() }),
    output: z.int(),
    errors: { tooLittle: z.object({ missing: z.int() }), frozen: z.void() },
  }),
  changes: stream({ output: z.int() }),
  changesFrom: stream({ input: z.object({ from: z.int() }), output: z.int() }),
});
export const Peer = protocol('peer', { greet: ask({ input: z.object({ via: refOf(Counter) }), output: z.string() }) });

declare const counter: Ref<typeof Counter>;
declare const peer: Ref<typeof Peer>;
declare const signal: AbortSignal;

export async function right(): Promise<void> {
  counter.inc() satisfies boolean;
  counter.inc({}) satisfies boolean;
  counter.inc({ by: 2 }) satisfies boolean;
  counter.reset() satisfies boolean;
  counter.inc.offer({ by: 2 }, { timeoutMs: 50, signal }) satisfies Promise<void>;
  counter.reset.offer({ timeoutMs: 50 }) satisfies Promise<void>;
  (await counter.get()) satisfies number;
  (await counter.get({ timeoutMs: 500, signal })) satisfies number;
  (await counter.spend({ by: 1 }, { timeoutMs: 500 })) satisfies number;
  counter.changes() satisfies Stream<number>;
  counter.changes({ signal }) satisfies Stream<number>;
  for await (const n of counter.changesFrom({ from: 0 })) n satisfies number;
  counter
    .changes()
    .subscribe({ next: (n) => n satisfies number })
    .unsubscribe();
  (await peer.greet({ via: counter })) satisfies string;
  pathOf(counter) satisfies string;
  sameRef(counter, peer) satisfies boolean;
  await stop(counter, { deadlineMs: 100 });
  await kill(peer);
  // An awaited ref is still the ref, since it is not thenable.
  (await counter) satisfies Ref<typeof Counter>;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error wrong payload of a tell
  counter.inc({ by: 'x' });
  // @ts-expect-error wrong payload of an ask
  await counter.spend({ by: 'x' });
  // @ts-expect-error wrong payload of a stream
  counter.changesFrom({ from: 'x' });
  // @ts-expect-error a key that the schema does not name
  counter.add({ by: 1, extra: 1 });
  // @ts-expect-error a message is missing
  counter.add();
  // @ts-expect-error a message where none is taken
  counter.reset({ by: 1 });
  // @ts-expect-error options where a message belongs
  await counter.add.offer({ timeoutMs: 5 });
  // @ts-expect-error options where a message belongs
  await counter.spend({ timeoutMs: 5 });
  // @ts-expect-error a tell takes no options
  counter.add({ by: 1 }, { timeoutMs: 5 });
  // @ts-expect-error unknown operation
  counter.nope();
  // @ts-expect-error an ask has no offer
  await counter.get.offer();
  // @ts-expect-error a tell has no outcome
  await counter.inc.outcome();
  // @ts-expect-error a reply is no string
  (await counter.get()) satisfies string;
  // @ts-expect-error wrong ref in a message
  await peer.greet({ via: peer });
  // @ts-expect-error no ref in a message
  await peer.greet({ via: 'counter' });
  // @ts-expect-error system verbs take refs
  await stop({});
  // @ts-expect-error a ref is not of another protocol
  counter satisfies Ref<typeof Peer>;
}

export function declarations(): void {
  // @ts-expect-error not a schema
  tell(42);
  // @ts-expect-error an ask needs an output
  ask({ input: z.int() });
  // @ts-expect-error reserved operation name
  // biome-ignore lint/suspicious/noThenProperty: it is refused, which is what is shown here
  protocol('bad', { then: tell() });
  // @ts-expect-error reserved operation name
  protocol('bad', { toString: tell() });
  // @ts-expect-error reserved error code
  ask({ output: z.int(), errors: { Rejected: z.void() } });
  // @ts-expect-error reserved error code
  stream({ output: z.int(), errors: { Lagged: z.void() } });
  // @ts-expect-error not an operation
  protocol('bad', { get: z.int() });
}

export async function outcomes(): Promise<string> {
  const outcome = await counter.spend.outcome({ by: 5 });
  if (outcome.ok) return (outcome.value satisfies number).toString();
  const { error } = outcome;
  switch (error.code) {
    case 'tooLittle':
      return (error.data.missing satisfies number).toString();
    case 'frozen':
      // @ts-expect-error an error without a schema for data has none
      error.data satisfies object;
      return 'frozen';
    case 'InvalidMessage':
      return (error.path satisfies readonly (string | number)[]).join();
    case 'Rejected':
      return error.reason === 'cycle' ? (error.path ?? []).join(' → ') : error.reason;
    case 'Cancelled':
      return (error.delivered satisfies boolean).toString();
    case 'NotDelivered':
      return error.reason satisfies 'stopped' | 'unknown' | 'unreachable' | 'no-routee';
    case 'ActorFailed':
      return error.message;
    case 'OutcomeUnknown':
      return error.reason satisfies 'deadline' | 'link-lost' | 'cycle';
    default:
      return error satisfies never;
  }
}

export async function outcomeOfTheUndeclared(): Promise<void> {
  const outcome = await counter.get.outcome();
  // @ts-expect-error the operation declares no such error
  if (!outcome.ok && outcome.error.code === 'tooLittle') return;
  // @ts-expect-error a failure has no value
  if (!outcome.ok) void outcome.value;
}

declare const system: ActorSystem;
const withArgs = closureActor(Peer, z.object({ greeting: z.string() }), ({ greeting }) => ({ greet: () => greeting }));
const withDefaults = actor(
  Peer,
  {
    args: z.object({ greeting: z.string().default('hi') }),
    state: ({ greeting }) => ({ greeting }),
    internal: { tick: tell() },
  },
  { greet: (state) => state.greeting, tick: () => undefined },
);

export async function spawning(): Promise<void> {
  (await system.spawn(withArgs, { args: { greeting: 'hi' } })) satisfies Ref<typeof Peer>;
  (await system.spawn(withDefaults)) satisfies Ref<typeof Peer>;
  const ref = await system.spawn(withDefaults, { args: { greeting: 'hello' } });
  // @ts-expect-error args missing
  await system.spawn(withArgs);
  // @ts-expect-error args missing in the options
  await system.spawn(withArgs, {});
  // @ts-expect-error wrong args
  await system.spawn(withArgs, { args: { greeting: 1 } });
  // @ts-expect-error a private operation is not on refs from outside
  ref.tick();
  // @ts-expect-error not an actor
  await system.spawn(Counter);
}
