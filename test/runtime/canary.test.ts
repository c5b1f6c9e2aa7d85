/**
 * No payload in logs and errors: messages, arguments, states and replies carry canaries through everything that can go
 * wrong, on this place and another, and no log line and no text of an error may hold one. What a program writes into the text of an error that it
 * throws is its own.
 */
import { afterEach, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { TroupeError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ended } from '../support/deferred.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const canaries: string[] = [];
const random = seededRandom(18);
/** A value that stands nowhere else. */
function canary(): string {
  const value = `canary-${random.u32().toString(36)}-${random.u32().toString(36)}`;
  canaries.push(value);
  return value;
}
/** The same as a number, for schemas that want one. */
function digits(): number {
  const value = 10 ** 12 + random.u32();
  canaries.push(String(value));
  return value;
}

const secretSchema = z.strictObject({ secret: z.string(), n: z.int().max(9e15).optional() });
const Vault = protocol('vault', {
  put: tell(secretSchema),
  slow: ask({ input: secretSchema, output: z.string() }),
  fails: ask({ input: secretSchema, output: z.string() }),
  misfit: ask({ input: secretSchema, output: z.object({ length: z.literal(5) }) }),
  declared: ask({ input: secretSchema, output: z.void(), errors: { closed: z.object({ why: z.string() }) } }),
  badError: ask({ input: secretSchema, output: z.void(), errors: { closed: z.object({ why: z.literal('x') }) } }),
  leaks: stream({ input: secretSchema, output: z.string().max(3) }),
  pipes: tell(secretSchema),
  timer: tell(secretSchema),
  hires: tell(secretSchema),
});
const vault = actor(
  Vault,
  {
    args: z.object({ pin: z.string().max(64), broken: z.boolean().default(false) }),
    state: ({ pin, broken }) => {
      if (broken) throw new TypeError('no vault');
      return { pin, kept: [] as unknown[] };
    },
    internal: { loaded: tell(z.object({ row: z.string().max(3) })), tick: tell(z.string()) },
    mailbox: { highWater: 2, capacity: 3 },
    supervise: { restartsMax: 1_000, poison: { retry: 1, afterwards: 'quarantine' } },
  },
  {
    put: (state, message) => {
      state.kept.push(message);
      throw new RangeError('the lid is stuck');
    },
    slow: async (_state, { secret }, context) => {
      await context.delay(40);
      return secret;
    },
    fails: (_state, message) => {
      // Beside the text, which is the program's own to keep clean: nobody looks at what else an error holds.
      throw Object.assign(new Error('the vault failed'), { request: message, toJSON: () => message });
    },
    misfit: (_state, { secret }) => ({ length: secret }) as never,
    declared: (_state, { secret }, context) => context.fail('closed', { why: secret }),
    badError: (_state, { secret }, context) => context.fail('closed', { why: secret as 'x' }),
    leaks: async function* (_state, { secret }) {
      yield secret;
    },
    pipes: (_state, { secret }, context) => context.run(Promise.resolve({ row: secret }), context.self.loaded),
    timer: (_state, { secret }, context) => void context.after(1, context.self.tick, secret),
    hires: (_state, { secret }, context) => void context.spawn(vault as never, { args: { pin: secret, broken: true } }),
    loaded: () => undefined,
    tick: () => {
      throw new Error('tick');
    },
  },
);

let open: TwoPlaces | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

it.each([
  ['thread', true],
  ['node', false],
] as const)('200 seeded payloads are in no log line and no error text: with a %s', async (_name, sameNode) => {
  open = twoPlaces([vault], sameNode, 'nodes');
  const { here, there } = open;
  const texts: string[] = [];
  const note = async (work: Promise<unknown>): Promise<void> => {
    const outcome = await ended(work);
    if ('error' in outcome) texts.push(...textsOf(outcome.error));
  };
  const spawnThere = async (args: unknown): Promise<Ref<typeof Vault>> => {
    const place = here.router.place(thereId(open!))!;
    const { cell, branch } = await place.spawn('vault', args, undefined);
    return new (refClassOf(Vault))(place.target(cell, branch, 'vault'), here.host.outside) as unknown as Ref<
      typeof Vault
    >;
  };
  const spawnHere = (args: unknown): Ref<typeof Vault> => {
    const cell = here.host.spawn(vault, { args, name: undefined, parent: undefined });
    void cell.started?.catch(() => undefined);
    return new cell.behavior.refClass(cell, here.host.outside) as unknown as Ref<typeof Vault>;
  };
  const letters: string[] = [];
  here.host.deadLetters.stream().subscribe({ next: ({ reason }) => void letters.push(reason) });

  for (const make of [async () => spawnHere({ pin: canary() }), () => spawnThere({ pin: canary() })]) {
    const ref = await make();
    const secret = () => ({ secret: canary(), n: digits() });
    for (let round = 0; round < 4; round += 1) {
      await note(ref.fails(secret()));
      await note(ref.misfit(secret()));
      await note(ref.declared(secret()));
      await note(ref.badError(secret()));
      await note(ref.leaks(secret())[Symbol.asyncIterator]().next());
      await note(ref.slow(secret(), { timeoutMs: 1 }));
      for (const tell of [ref.put, ref.pipes, ref.timer, ref.hires]) {
        tell(secret());
        await note(ref.slow(secret()));
      }
      // Too many at once: full, dropped, offers out of time.
      for (let n = 0; n < 8; n += 1) ref.put(secret());
      await note(ref.put.offer(secret(), { timeoutMs: 1 }));
      // What does not fit, with the payload where something else is due.
      const wrong: unknown[] = [
        { secret: digits() },
        { secret: canary(), n: canary() },
        { secret: canary(), extra: canary() },
        canary(),
        [canary()],
        { secret: canary(), n: digits() + 0.5 },
        new Map([['secret', canary()]]),
      ];
      for (const one of wrong) {
        await note((async () => ref.put(one as never))());
        await note(ref.slow(one as never));
        await note(ref.put.offer(one as never));
      }
    }
    await note(stop(ref, { drain: true, deadlineMs: 500 }));
    ref.put(secret());
    await note(ref.slow(secret()));
    const killed = await make();
    const asked = note(killed.slow(secret()));
    await kill(killed);
    await asked;
  }
  // Arguments that do not fit, and a start that fails.
  for (const args of [{ pin: digits() }, { pin: canary().repeat(9) }, { pin: canary(), broken: canary() }]) {
    await note((async () => spawnHere(args))());
    await note(spawnThere(args));
  }
  await note(spawnThere({ pin: canary(), broken: true }));
  // What is on its way when the place is lost.
  const last = await spawnThere({ pin: canary() });
  const underway = [note(last.slow({ secret: canary() })), note(last.slow({ secret: canary() }))];
  last.put({ secret: canary() });
  open.cut();
  await Promise.all(underway);
  last.put({ secret: canary() });

  const logged = [...here.logged, ...there.logged].map((line) => JSON.stringify(line));
  expect(canaries.length).toBeGreaterThan(200);
  expect(logged.length).toBeGreaterThan(5);
  expect(texts.length).toBeGreaterThan(60);
  expect(letters.length).toBeGreaterThan(10);
  for (const text of [...logged, ...texts]) {
    const leaked = canaries.find((value) => text.includes(value));
    expect(leaked === undefined ? undefined : text).toBeUndefined();
  }
});

/** Every text of an error and of its causes: message, stack, and own properties but `data`, which is the payload. */
function textsOf(error: unknown): string[] {
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    texts.push(`${cause.message} ${cause.stack}`);
    const { data, ...rest } = cause as unknown as { readonly data?: unknown };
    void data;
    // An error of the program's own stays in its place as it is.
    if (cause instanceof TroupeError) texts.push(JSON.stringify(rest));
  }
  return texts;
}
