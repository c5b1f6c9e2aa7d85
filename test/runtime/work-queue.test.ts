/**
 * Queues of work in random programs: workers on three nodes, links that are cut for short and for long, nodes that die.
 * Every message has its outcome, and is begun twice only where somebody was lost who may have begun it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { deliveryOf } from '../../src/actors/delivery/methods.ts';
import { workQueue } from '../../src/actors/delivery/work-queue.ts';
import { ask, protocol, type Ref } from '../../src/actors/protocol.ts';
import { stop } from '../../src/actors/verbs.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { SeveralPlaces } from './several-places.ts';

const lostAfterMs = 2_000;
const Worker = protocol('worker', { work: ask({ input: z.object({ n: z.int(), ms: z.int() }), output: z.int() }) });

interface Begun {
  readonly node: number;
  readonly n: number;
}
const workerOf = (begun: Begun[]) =>
  actor(
    Worker,
    { args: z.object({ node: z.int() }), state: ({ node }) => ({ node }) },
    {
      work: async ({ node }, { n, ms }, ctx) => {
        begun.push({ node, n });
        await ctx.delay(ms);
        return n * n;
      },
    },
  );

const ids = ['a~1/main', 'b~1/main', 'c~1/main', 'd~1/main'];
const far = fc.integer({ min: 1, max: 3 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      many: fc.integer({ min: 1, max: 5 }),
      ms: fc.constantFrom(1, 50, 500),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(5, 50, 500) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('blink' as const), node: far, told: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), node: far }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), node: far }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), node: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), worker: fc.nat(5) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Runs a program. Returns how many messages were begun twice. */
async function run(perWorker: number, steps: readonly Step[]): Promise<number> {
  const begun: Begun[] = [];
  const worker = workerOf(begun);
  const several = new SeveralPlaces([worker], { places: ids });
  const { places } = several;
  const a = places[0]!;
  const there: Ref<typeof Worker>[] = [];
  const refs: Ref<typeof Worker>[] = [];
  for (const node of [1, 1, 2, 2, 3, 3]) {
    there.push(await places[node]!.spawn(worker, { args: { node } }));
    refs.push(a.own(there.at(-1)!));
  }
  const work = workQueue(Worker, refs, { perWorker, lostAfterMs, attempts: 100 });
  /** Nodes that were lost for long enough, or with an actor. */
  const lost = new Set<number>();
  const isCut = new Set<number>();
  const isDead = new Set<number>();
  const outcomes: Promise<unknown>[] = [];
  const join = (node: number, told: boolean): void => {
    if (isDead.has(node)) return;
    isCut.delete(node);
    several.join(a, places[node]!, told);
  };
  const cut = (node: number): void => {
    if (isDead.has(node)) return;
    isCut.add(node);
    several.cut(a, places[node]!);
  };
  for (const one of steps) {
    switch (one.do) {
      case 'work':
        for (let count = 0; count < one.many; count += 1) {
          outcomes.push(work.work.outcome({ n: outcomes.length, ms: one.ms }));
        }
        break;
      case 'advance':
        await several.advance(one.ms);
        break;
      case 'deliver': {
        const pairs = several.underWay;
        if (pairs.length > 0) several.deliver(pairs[one.which % pairs.length]!);
        break;
      }
      case 'blink':
        if (isCut.has(one.node)) break;
        cut(one.node);
        join(one.node, one.told);
        break;
      case 'cut':
        cut(one.node);
        lost.add(one.node);
        break;
      case 'join':
        join(one.node, true);
        break;
      case 'kill':
        if (isDead.has(one.node)) break;
        isDead.add(one.node);
        lost.add(one.node);
        places[one.node]!.kill();
        break;
      case 'end': {
        // Its node is known by the order in which they were started.
        const node = 1 + Math.floor(one.worker / 2);
        if (node === 3 || isDead.has(node)) break;
        // With what it has done and not yet confirmed.
        lost.add(node);
        void stop(there[one.worker]!);
        break;
      }
      default:
        one satisfies never;
    }
    await several.think();
  }
  for (const node of [1, 2, 3]) join(node, true);
  for (let rounds = 0; rounds < 600 && deliveryOf(work).unconfirmed > 0; rounds += 1) await several.advance(100);
  expect(deliveryOf(work).unconfirmed).toBe(0);
  const results = (await Promise.all(outcomes)) as { ok: boolean; value?: number; error?: { code: string } }[];
  for (const [n, result] of results.entries()) {
    // One that was ended by its actor amid the work has failed with it, and is not begun again.
    if (result.ok) expect(result.value).toBe(n * n);
    else expect(result.error!.code).toBe('ActorFailed');
    const where = begun.filter((one) => one.n === n).map(({ node }) => node);
    expect(where.length).toBeGreaterThan(0);
    for (const before of where.slice(0, -1)) expect([...lost]).toContain(before);
  }
  deliveryOf(work).close();
  await several.advance(100);
  expect([a.host.deadlines.open, a.host.reached.size]).toEqual([0, 0]);
  for (const [index, ref] of there.entries()) {
    const place = places[1 + Math.floor(index / 2)]!;
    if (!place.runs(ref)) continue;
    expect(place.cellOf(ref)!.extensionIfAny?.consumer?.own ?? {}).toEqual({});
  }
  return begun.length - results.length;
}

test(
  'every message has its outcome, and is begun twice only where who may have begun it was lost',
  async () => {
    let again = 0;
    let ran = 0;
    const program = fc.record({
      perWorker: fc.constantFrom(1, 3),
      steps: fc.array(step, { minLength: 10, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(program, async ({ perWorker, steps }) => {
        again += await run(perWorker, steps);
        ran += 1;
      }),
      { numRuns: proofRuns(60) },
    );
    // Else nothing was ever lost, and the test proves nothing.
    expect([ran >= 60, again > 0]).toEqual([true, true]);
  },
  proofTimeoutMs(60),
);
