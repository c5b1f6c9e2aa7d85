/** Deadlocks of actors in several places: named by the call that closed them, and none where there is none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { OutcomeUnknown, Rejected } from '../../src/actors/outcomes.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { pathOf } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { refTo } from '../../src/index.ts';
import { Kind } from '../../src/runtime/items.ts';
import { deferred } from '../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { SeveralPlaces } from './several-places.ts';

const forever = { timeoutMs: limits.askTimeoutMsMax };
/** By when every cycle that has stood so long has been looked for, in ms. */
const seenAfterMs = limits.probeMs * 3;

interface PeerRef extends Ref<typeof Peer> {}
const Peer = protocol('peer', {
  /** Waits for so long, then asks the other, if any, to answer. */
  work: ask({ input: z.object({ ms: z.int(), route: z.array(refTo<PeerRef>('peer')) }), output: z.string() }),
  /** Offers the other so many notes, one after the other. */
  feed: ask({ input: z.object({ ms: z.int(), to: refTo<PeerRef>('peer'), notes: z.int() }), output: z.string() }),
  note: tell(z.object({ n: z.int() })),
});

const refused = (error: unknown): string => {
  if (error instanceof Rejected && error.reason === 'cycle') return `cycle ${error.path?.join(' ')}`;
  throw error;
};

const peer = actor(
  Peer,
  { args: z.object({}), state: () => ({}), mailbox: { highWater: 2, capacity: 64 } },
  {
    async work(_state, { ms, route }, ctx) {
      await ctx.delay(ms);
      const [next, ...rest] = route;
      if (next === undefined) return 'done';
      return next.work({ ms: 0, route: rest }, forever).then((answer) => `> ${answer}`, refused);
    },
    async feed(_state, { ms, to, notes }, ctx) {
      await ctx.delay(ms);
      try {
        for (let n = 0; n < notes; n += 1) await to.note.offer({ n }, forever);
      } catch (error) {
        return refused(error);
      }
      return 'fed';
    },
    note: () => undefined,
  },
);

/** An actor on each place, and on each place a ref to all of them. */
async function peers(several: SeveralPlaces) {
  const spawned = await Promise.all(several.places.map((place) => place.spawn(peer)));
  const known = several.places.map((place) => spawned.map((ref) => place.own(ref)));
  return { paths: spawned.map(pathOf), ref: (from: number, to: number): Ref<typeof Peer> => known[from]![to]! };
}

/** What the promises have come to after so long; undefined for those that are open. */
async function outcomesIn<T>(
  several: SeveralPlaces,
  ms: number,
  all: readonly Promise<T>[],
): Promise<(T | undefined)[]> {
  const results: (T | undefined)[] = all.map(() => undefined);
  for (const [index, one] of all.entries())
    void one.then((result) => {
      results[index] = result;
    });
  await several.advance(ms);
  return results;
}

describe('a deadlock over places', () => {
  it.each([
    ['threads', ['a~1/main', 'a~1/t1']],
    ['nodes', ['a~1/main', 'b~1/main']],
  ])('is named where two actors of different %s ask each other: the later call is refused', async (_what, places) => {
    const several = new SeveralPlaces([peer], { places });
    const { ref, paths } = await peers(several);
    const open = [
      ref(0, 0).work({ ms: 50, route: [ref(0, 1)] }, forever),
      ref(1, 1).work({ ms: 51, route: [ref(1, 0)] }, forever),
    ];
    expect(await outcomesIn(several, 51 + limits.probeMs - 1, open)).toEqual([undefined, undefined]);
    expect(await outcomesIn(several, seenAfterMs, open)).toEqual([
      '> done',
      `cycle ${[paths[0], paths[1], paths[0]].join(' ')}`,
    ]);
    expect(several.clock.pending).toBeLessThanOrEqual(2);
    await several.advance(limits.probeMs * 2);
    expect(several.clock.pending).toBe(0);
  });

  it('is refused once where both calls are made in the same millisecond', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'b~1/main'] });
    const { ref } = await peers(several);
    const open = [
      ref(0, 0).work({ ms: 50, route: [ref(0, 1)] }, forever),
      ref(1, 1).work({ ms: 50, route: [ref(1, 0)] }, forever),
    ];
    const outcomes = await outcomesIn(several, 50 + seenAfterMs, open);
    expect(outcomes.map((one) => one?.slice(0, 5)).sort()).toEqual(['> don', 'cycle']);
  });

  it('is named with all on the way where it leads round 4 places', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'a~1/t1', 'b~1/main', 'c~1/main'] });
    const { ref, paths } = await peers(several);
    const open = [0, 1, 2, 3].map((n) => ref(n, n).work({ ms: 20 + n, route: [ref(n, (n + 1) % 4)] }, forever));
    const outcomes = await outcomesIn(several, 23 + seenAfterMs, open);
    expect(outcomes).toEqual(['> done', '> done', '> done', `cycle ${[0, 1, 2, 3, 0].map((n) => paths[n]).join(' ')}`]);
  });

  it('is named where part of the way is within a place, whoever called last', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'b~1/main'] });
    const { ref } = await peers(several);
    const beside = await several.places[0]!.spawn(peer);
    const far = several.places[1]!.own(beside);
    // a → b → beside → a, of which the last is local.
    const open = [
      ref(0, 0).work({ ms: 10, route: [ref(0, 1)] }, forever),
      ref(1, 1).work({ ms: 20, route: [far] }, forever),
      beside.work({ ms: 30, route: [ref(0, 0)] }, forever),
    ];
    const outcomes = await outcomesIn(several, 30 + limits.probeMs * 5, open);
    expect(outcomes.filter((one) => one?.startsWith('cycle'))).toHaveLength(1);
    expect(outcomes).not.toContain(undefined);
  });

  it('is named where two offer to each other while both mailboxes are full', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'b~1/main'] });
    const { ref } = await peers(several);
    const open = [
      ref(0, 0).feed({ ms: 50, to: ref(0, 1), notes: 10 }, forever),
      ref(1, 1).feed({ ms: 51, to: ref(1, 0), notes: 10 }, forever),
    ];
    const outcomes = await outcomesIn(several, 51 + seenAfterMs, open);
    expect(outcomes.map((one) => one?.slice(0, 5)).sort()).toEqual(['cycle', 'fed']);
  });

  it('is none while a handler is slow, however many wait for it in a row', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'a~1/t1', 'b~1/main', 'c~1/main'] });
    const { ref } = await peers(several);
    const open = [
      ref(3, 3).work({ ms: 60_000, route: [] }, forever),
      ...[0, 1, 2].map((n) => ref(n, n).work({ ms: 0, route: [ref(n, n + 1)] }, forever)),
    ];
    expect(await outcomesIn(several, 59_000, open)).toEqual([undefined, undefined, undefined, undefined]);
    expect(await outcomesIn(several, 2_000, open)).toEqual(['done', '> done', '> done', '> done']);
  });

  it('is not believed where a node says that a probe came back which never reached it', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'b~1/main'] });
    const { ref } = await peers(several);
    const open = [
      ref(0, 0).work({ ms: 0, route: [ref(0, 1)] }, forever),
      ref(1, 1).work({ ms: 5_000, route: [] }, forever),
    ];
    await several.settle();
    expect(await outcomesIn(several, 1_000, open)).toEqual([undefined, undefined]);
    // Whatever number it guesses.
    const liar = several.places[1]!.router.place('a~1/main')!;
    void ref(1, 0).work({ ms: 0, route: [] }, forever);
    await several.settle();
    for (let call = 0; call < 10; call += 1) {
      for (const nonce of [0, 1, 2, Number.MAX_SAFE_INTEGER])
        liar.send(Kind.probe, call, [1e15, 0, 'x'], null, nonce, []);
    }
    expect(await outcomesIn(several, 10_000, open)).toEqual(['> done', 'done']);
  });

  it('is found as ever while another node floods with more probes than are followed, which is in the log', async () => {
    const several = new SeveralPlaces([peer], { places: ['a~1/main', 'b~1/main', 'c~1/main'] });
    const { ref, paths } = await peers(several);
    const [a, b] = several.places;
    const busy = b!.own(await a!.spawn(peer)).work({ ms: 60_000, route: [] }, forever);
    const open = [
      ref(0, 0).work({ ms: 50, route: [ref(0, 2)] }, forever),
      ref(2, 2).work({ ms: 51, route: [ref(2, 0)] }, forever),
    ];
    const outcomes = outcomesIn(several, 0, open);
    const flooding = b!.router.place('a~1/main')!;
    for (let sent = 0; sent < limits.probeStepsBurst + 10_000; sent += 1) {
      flooding.send(Kind.probe, 1, [1, 1, 'x'], null, sent, []);
      if (sent % 1_000 === 0) await several.settle();
    }
    await several.settle();
    const [line] = a!.log.matching({ text: /more probes than are followed/ });
    expect(line).toMatchObject({ level: 'warn', fields: { event: 'probes-dropped', node: 'b~1' } });
    expect(await outcomes).toEqual([undefined, undefined]);
    expect(await outcomesIn(several, 51 + seenAfterMs, open)).toEqual([
      '> done',
      `cycle ${[paths[0], paths[2], paths[0]].join(' ')}`,
    ]);
    expect(await outcomesIn(several, 60_000, [busy])).toEqual(['done']);
    expect([...a!.broken, ...b!.broken]).toEqual([]);
  });
});

// ── random programs, against the true wait-for graph ──

/** What an actor is to do in one message: wait, ask others one after the other, or several at once. */
interface Plan {
  readonly ms: number;
  readonly steps: readonly (readonly { readonly to: number; readonly plan: Plan }[])[];
}
const plan: fc.Memo<Plan> = fc.memo((depth) =>
  fc.record({
    ms: fc.integer({ min: 0, max: 3 }),
    steps:
      depth <= 1
        ? fc.constant([])
        : fc.array(fc.array(fc.record({ to: fc.nat(5), plan: plan(depth - 1) }), { minLength: 1, maxLength: 2 }), {
            maxLength: 2,
          }),
  }),
);

interface DoerRef extends Ref<typeof Doer> {}
const Doer = protocol('doer', {
  do: ask({ input: z.object({ plan: z.unknown(), all: z.array(refTo<DoerRef>('doer')) }), output: z.null() }),
});

/** Who is handled by each actor, and whom that waits for: known to the test alone. */
class Truth {
  readonly holder = new Map<number, number[]>();
  readonly violations: string[] = [];
  refusals = 0;
  /** True where a handler runs on that nobody waits for: its chain of calls is known no more. */
  givenUp = false;

  toString(): string {
    return [...this.holder].map(([one, waits]) => `${one} → ${[...waits]}`).join('; ');
  }

  /** Of calls that have ended at this very moment: a probe may have gone by them, and found a second cycle. */
  #ended: { readonly from: number; readonly to: number; readonly ms: number }[] = [];

  end(waits: number[], from: number, to: number, ms: number): void {
    waits.splice(waits.indexOf(to), 1);
    this.#ended = [...this.#ended.filter((one) => one.ms === ms), { from, to, ms }];
  }

  begin(actorNumber: number): number[] {
    const waits: number[] = [];
    this.holder.set(actorNumber, waits);
    return waits;
  }

  /** Whether an actor that waits for `first` waits for itself. */
  isCycle(from: number, first: number): boolean {
    const reached = new Set([first]);
    for (const at of reached) {
      for (const next of this.holder.get(at) ?? []) reached.add(next);
      for (const one of this.#ended) if (one.from === at) reached.add(one.to);
    }
    return reached.has(from);
  }
}

function doer(truth: Truth, count: number) {
  return Array.from({ length: count }, (_, self) =>
    actor(
      Doer,
      { name: `doer${self}`, args: z.object({}), state: () => ({}) },
      {
        async do(_state, { plan: given, all }, ctx) {
          const { ms, steps } = given as Plan;
          const waits = truth.begin(self);
          if (ms > 0) await ctx.delay(ms);
          for (const step of steps) {
            const asked = step.map(async ({ to, plan: then }) => {
              try {
                await all[to]!.do({ plan: then, all }, forever);
              } catch (error) {
                truth.refusals += 1;
                // The others of the cycle have not heard of it yet, and wait.
                if (error instanceof OutcomeUnknown && error.reason === 'cycle') truth.givenUp = true;
                else if (!(error instanceof Rejected) || error.reason !== 'cycle') truth.violations.push(String(error));
                else if (!truth.isCycle(self, to) && !truth.givenUp)
                  truth.violations.push(`${self} does not wait for itself by ${to}: ${truth}`);
              } finally {
                truth.end(waits, self, to, ctx.now());
              }
            });
            waits.push(...step.map(({ to }) => to));
            await Promise.all(asked);
          }
          truth.holder.delete(self);
          return null;
        },
      },
    ),
  );
}

async function runProgram(
  starts: readonly { at: number; to: number; plan: Plan; ms: number }[],
  order: readonly number[],
) {
  const truth = new Truth();
  const definitions = doer(truth, 6);
  const several = new SeveralPlaces(definitions, { places: ['a~1/main', 'a~1/t1', 'b~1/main'] });
  const { places } = several;
  const spawned = await Promise.all(definitions.map((one, n) => places[n % 3]!.spawn(one)));
  await several.settle();
  const known = places.map((place) => spawned.map((ref) => place.own(ref)) as Ref<typeof Doer>[]);
  const done = deferred<void>();
  let open = starts.length;
  let at = 0;
  for (const start of starts) {
    await several.advance(start.ms);
    void known[start.at]![start.to]!.do({ plan: start.plan, all: known[start.at]! }, forever).then(() => {
      open -= 1;
      if (open === 0) done.resolve();
    }, done.reject);
    // Some frames come now, in any order, and others later.
    for (let n = 0; n < 3; n += 1) {
      const pairs = several.underWay;
      if (pairs.length > 0) several.deliver(pairs[order[at++ % order.length]! % pairs.length]!);
      await several.think();
    }
  }
  for (let waited = 0; waited < 30_000 && open > 0; waited += 100) await several.advance(100);
  expect(truth.violations).toEqual([]);
  expect(open).toBe(0);
  await done.promise;
  for (const place of places) expect(place.broken).toEqual([]);
  return truth.refusals;
}

it(
  'ends for all, and only what would wait for itself is refused, in 60 random programs of asks in 6 actors on 3 places',
  async () => {
    let refusals = 0;
    const start = fc.record({ at: fc.nat(2), to: fc.nat(5), plan: plan(4), ms: fc.integer({ min: 0, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(start, { minLength: 2, maxLength: 10 }),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 50 }),
        async (starts, order) => {
          refusals += await runProgram(starts, order);
        },
      ),
      { numRuns: proofRuns(60) },
    );
    expect(refusals).toBeGreaterThan(proofRuns(60) / 4);
  },
  proofTimeoutMs(60) * 4,
);
