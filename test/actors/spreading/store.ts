/** Actors that the tests of routers and pools spread messages over, and that note what they got. */
import * as z from 'zod';
import { type ActorDefinition, actor, type MailboxOptions } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../../src/actors/protocol.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { type Deferred, deferred } from '../../support/deferred.ts';

export interface StoreRef extends Ref<typeof Store> {}
export const Store = protocol('store', {
  put: tell(z.object({ key: z.string(), value: z.int().default(0) })),
  get: ask({ input: z.object({ key: z.string() }), output: z.string(), errors: { missing: z.string() } }),
  slow: ask({ output: z.string() }),
  wait: tell(),
  fail: ask({ output: z.string() }),
  quit: tell(),
  via: ask({ input: refTo<StoreRef>('store'), output: z.string() }),
  count: stream({ input: z.int(), output: z.string() }),
});

export interface Noted {
  readonly by: string;
  readonly what: string;
}

/** A definition whose actors write into one log, and wait for one gate. */
export function stores(mailbox: MailboxOptions = {}): {
  readonly store: ActorDefinition<typeof Store, z.ZodObject<{ name: z.ZodDefault<z.ZodString> }>>;
  readonly log: Noted[];
  /** How often each noted something. */
  readonly shares: () => Record<string, number>;
  readonly gate: Deferred<void>;
  readonly aborted: string[];
} {
  const log: Noted[] = [];
  const gate = deferred();
  const aborted: string[] = [];
  const store = actor(
    Store,
    {
      args: z.object({ name: z.string().default('') }),
      state: ({ name }) => ({ name }),
      mailbox,
      supervise: { restartsMax: 1 },
    },
    {
      put: ({ name }, { key, value }, ctx) => {
        log.push({ by: name || String(ctx.self), what: `${key}=${value}` });
      },
      get: ({ name }, { key }, ctx) => {
        log.push({ by: name || String(ctx.self), what: key });
        if (key === 'none') ctx.fail('missing', name);
        return `${name}:${key}`;
      },
      slow: async ({ name }, _message, ctx) => {
        log.push({ by: name, what: 'slow' });
        ctx.signal.addEventListener('abort', () => aborted.push(name));
        await gate.promise;
        return name;
      },
      wait: () => gate.promise,
      fail: ({ name }) => {
        throw new Error(`${name} failed`);
      },
      quit: (_state, _message, ctx) => ctx.stop(),
      via: (_state, other) => other.get({ key: 'via' }),
      async *count({ name }, to) {
        for (let n = 0; n < to; n += 1) yield `${name}:${n}`;
      },
    },
  );
  const shares = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { by } of log) counts[by] = (counts[by] ?? 0) + 1;
    return counts;
  };
  return { store, log, shares, gate, aborted };
}
