/** Runs one query and says what it took and came to. */
import { type ActorSystem, createSystem } from 'troupe';
import type { RunStatistics } from 'troupe/streams';
import type { Arguments } from './arguments.ts';
import { queries } from './queries.ts';
import { resultStage } from './results.ts';

/** What a run took and came to. */
export interface Execution {
  /** Of all threads, user and system, from the start of the run to its end. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** The most that the process had resident. */
  readonly peakBytes: number;
  /** The most that keyed state took in a report of the stages, by their estimate. */
  readonly stateBytes: number;
  readonly rows: number;
  readonly checksum: number;
  /** Events that came late, by the output that they were given to. */
  readonly late: LateEvents;
}

export type LateEvents = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** A system whose threads know the queries. */
export function openSystem(threads: number): Promise<ActorSystem> {
  return createSystem({ registry: new URL('./actors.ts', import.meta.url), threads, logLevel: 'error' });
}

export async function execute(system: ActorSystem, name: string, args: Arguments): Promise<Execution> {
  const { flow, late = {} } = queries[name]!;
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  const run = await system.run(flow, { args });
  const lateEvents = Promise.all(
    Object.keys(late).map(async (output) => [output, await gathered(run.output(output))] as const),
  );
  const stateBytes = mostStateBytes(run.stats());
  await run.done;
  const wallSeconds = (performance.now() - beganMs) / 1_000;
  const { user, system: kernel } = process.cpuUsage(cpu);
  const { rows = 0, checksum = 0 } = run.statistics().stages[resultStage]!.counts;
  return {
    cpuSeconds: (user + kernel) / 1e6,
    wallSeconds,
    peakBytes: process.resourceUsage().maxRSS * 1_024,
    stateBytes: await stateBytes,
    rows,
    checksum,
    late: Object.fromEntries(await lateEvents) as LateEvents,
  };
}

async function gathered(output: AsyncIterable<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of output) events.push(event);
  return events;
}

async function mostStateBytes(stats: AsyncIterable<RunStatistics>): Promise<number> {
  let most = 0;
  for await (const { stages } of stats) {
    const bytes = Object.values(stages).reduce((sum, { counts }) => sum + (counts.stateBytes ?? 0), 0);
    most = Math.max(most, bytes);
  }
  return most;
}
