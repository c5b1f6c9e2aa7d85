/** What a flow holds when its sink takes nothing is what it said before, over every kind of edge and every kind of hop. */
import { type ActorSystem, createSystem, node, secret, thread } from 'troupe';
import type { Bounds, RunStatistics } from 'troupe/streams';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kinds, stuckActor, stuckFlow, type Tap, tapOf } from './fixtures/stuck.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

// A busy machine takes its time with what fills over two processes.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const fixture = new URL('./fixtures/stuck.ts', import.meta.url);
const places = { here: undefined, thread: thread(), node: node({ role: 'workers' }) };

let folder: Awaited<ReturnType<typeof secretFolder>>;
let other: NodeProcess;
let system: ActorSystem;
beforeAll(async () => {
  folder = await secretFolder();
  other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', fixture.pathname]);
  system = await createSystem({
    registry: fixture,
    threads: 1,
    join: [other.address],
    auth: secret({ file: folder.file }),
    logLevel: 'silent',
  });
  await vi.waitUntil(() => system.nodes.length === 1, { timeout: 20_000 });
});
afterAll(async () => {
  await system.shutdown({ deadlineMs: 500 });
  await endNode(other);
  await folder.remove();
});

interface Case {
  /** Elements that were read and are not held: they went past what is stuck, or were dropped and counted. */
  readonly gone?: (tap: Tap, statistics: RunStatistics) => number;
  /** Elements that one of the sink was made of. */
  readonly madeOf?: number;
  /** How many its source has: a lossy edge does not hold it back. */
  readonly elements?: number;
  /** The fewest that it reads before it stands still: a window, where there is an edge. */
  readonly least?: number;
  /** What comes when the sink goes on: all that was read; what was paired of it; nothing, since it never does. */
  readonly after?: 'all' | 'pairs' | 'cancel';
}
const passed = (tap: Tap): number => tap.passed;
/** NaN until all has come to the lossy edge, as of the last reports. */
const dropped = ({ read }: Tap, { stages: { overflow } }: RunStatistics): number =>
  overflow?.in === read ? overflow.dropped : Number.NaN;
const pairs: Case = { madeOf: 2, after: 'pairs' };
const cases: Readonly<Record<string, Case>> = {
  'a sink in the segment of its source': { least: 1_024 },
  'an edge': {},
  'two edges': {},
  'balanced instances': {},
  'a keyed edge': {},
  windows: {},
  'one branch of a broadcast': {},
  'one branch of a partition': { gone: passed },
  'all branches of a balance': {},
  'a merge': {},
  'a concat': {},
  'a zip': pairs,
  'a zip with a source that gives nothing': pairs,
  'a combineLatest': pairs,
  'a withLatestFrom': pairs,
  'a lossy edge': { gone: dropped, elements: 200_000 },
  'operators whose promises stay open': { least: 1_024 },
  'an output that nobody reads': {},
  'an actor that takes nothing': { after: 'cancel' },
  'an edge behind the stream of an actor': { after: 'cancel' },
};

/** What of the bounds can fill up here: no element is given up, so none waits in that output. */
function statedBy({ parts }: Bounds, madeOf: number): number {
  const counted = parts.filter(({ stage, elements }) => Number.isFinite(elements) && stage !== 'dead-letters');
  return counted.reduce((sum, { stage, what, elements }) => {
    const isBehindJoin = what === 'sink' || (what === 'batch' && !stage.startsWith('source'));
    return sum + elements * (isBehindJoin ? madeOf : 1);
  }, 0);
}

/** Waits until at least so many are held, and then no more. */
async function standsStill(held: () => Promise<number>, least: number): Promise<number> {
  let last = -1;
  let same = 0;
  const look = async (): Promise<number> => {
    const now = await held();
    same = now === last && now >= least ? same + 1 : 0;
    last = now;
    return same;
  };
  await expect.poll(look, { timeout: 60_000, interval: 40 }).toBeGreaterThanOrEqual(6);
  return last;
}

it('looks at every kind that there is', () => {
  expect(Object.keys(cases)).toEqual(Object.keys(kinds));
});

let runs = 0;

it.each(['here', 'thread', 'node'] as const)(
  'edges leading %s are filled by elements of 5,000 characters when these weigh as much as was said, and not 8,192',
  async (on) => {
    runs += 1;
    const characters = 5_000;
    const args = { kind: 'an edge', on, run: `${runs}`, characters };
    const { parts } = stuckFlow.bounds(args);
    const sum = (what: string, of: 'elements' | 'weight'): number =>
      parts.filter((part) => part.what === what).reduce((total, part) => total + part[of], 0);
    const tap = tapOf(args.run);
    await using run = await system.run(stuckFlow, { args });
    run.done.catch(() => undefined);
    const held = await standsStill(async () => tap.read, 3_000);
    const inEdges = held - sum('batch', 'elements') - sum('sink', 'elements');
    expect(inEdges * characters).toBeLessThanOrEqual(sum('edge', 'weight'));
    tap.release();
    await run.done;
    expect(tap.delivered).toBe(tap.read);
  },
);

describe.each(['here', 'thread', 'node'] as const)('a flow holds no more than it said, its edges leading %s:', (on) => {
  it.each(Object.entries(cases))(
    '%s',
    async (kind, { gone = () => 0, madeOf = 1, least = 8_192, after = 'all', elements }) => {
      runs += 1;
      const hasActor = /actor/.test(kind);
      const ref = hasActor ? await system.spawn(stuckActor, on === 'here' ? {} : { on: places[on] }) : undefined;
      const args = {
        ...{ kind, on, run: `${runs}` },
        ...(ref === undefined ? {} : { ref }),
        ...(elements === undefined ? {} : { elements }),
      };
      const stated = statedBy(stuckFlow.bounds(args), madeOf);
      const tap = tapOf(args.run);
      await using run = await system.run(stuckFlow, { args });
      run.done.catch(() => undefined);
      const read = async (): Promise<number> => (kind.endsWith('stream of an actor') ? await ref!.given() : tap.read);
      const held = await standsStill(async () => (await read()) - gone(tap, run.statistics()), least);
      expect(held).toBeLessThanOrEqual(stated);
      if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log({ on, kind, held, stated });

      tap.release();
      if (after === 'cancel') return;
      if (kind.startsWith('an output')) for await (const _ of run.output('out')) tap.delivered += 1;
      await run.done;
      expect(run.statistics().ledger).toMatchObject({ unaccounted: 0, held: 0, lost: 0 });
      if (after === 'all') expect(tap.delivered + gone(tap, run.statistics())).toBe(tap.read);
      else expect(tap.delivered).toBeGreaterThan(0);
    },
  );
});
