/** What is printed of the runs of the queries. */
import type { Arguments } from './arguments.ts';
import type { Execution } from './execute.ts';
import type { FlinkRun } from './flink.ts';
import { queries } from './queries.ts';

/** Of the runs of a query: medians, but for the memory, which is the most. */
export interface Measured {
  readonly query: string;
  readonly events: number;
  readonly runs: number;
  readonly eventsPerCpuSecond: number;
  readonly eventsPerSecond: number;
  /** The most that the process had resident. */
  readonly peakBytes: number;
  readonly stateBytes: number;
  readonly rows: number;
  readonly lateEvents: number;
  readonly compared: boolean;
  /** Of Flink on this machine; undefined where it was not run. */
  readonly flink: { readonly eventsPerCpuSecond: number; readonly peakBytes: number } | undefined;
  /** What failed, or differs from SQL. */
  readonly problems: readonly string[];
}

export function measuredOf(
  query: string,
  { events }: Arguments,
  { runs, flinkRuns }: { runs: readonly Execution[]; flinkRuns: readonly FlinkRun[] },
  { problems, compared }: { problems: readonly string[]; compared: boolean },
): Measured {
  return {
    query,
    events,
    runs: runs.length,
    eventsPerCpuSecond: Math.round(median(runs.map(({ cpuSeconds }) => events / cpuSeconds))),
    eventsPerSecond: Math.round(median(runs.map(({ wallSeconds }) => events / wallSeconds))),
    peakBytes: Math.max(0, ...runs.map(({ peakBytes }) => peakBytes)),
    stateBytes: Math.max(0, ...runs.map(({ stateBytes }) => stateBytes)),
    rows: runs[0]?.rows ?? 0,
    lateEvents: Object.values(runs[0]?.late ?? {}).reduce((sum, { length }) => sum + length, 0),
    compared,
    flink: flinkRuns.length === 0 ? undefined : flinkOf(flinkRuns, events),
    problems,
  };
}

function flinkOf(runs: readonly FlinkRun[], events: number): NonNullable<Measured['flink']> {
  return {
    eventsPerCpuSecond: Math.round(median(runs.map(({ cpuSeconds }) => events / cpuSeconds))),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  };
}

/** While the others still run. */
export function textOf({ query, eventsPerCpuSecond, rows, problems, compared }: Measured): string {
  if (problems.length > 0) return [`${query}: different`, ...problems.map((problem) => `  ${problem}`)].join('\n');
  const oracle = compared ? `${rows.toLocaleString('en')} rows equal to SQL` : `${rows.toLocaleString('en')} rows`;
  return `${query}: ${thousands(eventsPerCpuSecond)} events/CPU s, ${oracle}`;
}

export function printTable(all: readonly Measured[], args: Arguments): void {
  const withFlink = all.some(({ flink }) => flink !== undefined);
  const head = [
    'query',
    'M events',
    'k events/CPU s',
    'floor',
    'k events/s',
    'peak MiB',
    'state MiB',
    'rows',
    'late',
    'SQL says',
    'Flink*',
    ...(withFlink ? ['Flink here', 'peak MiB'] : []),
  ];
  const rows = all.map((one) => [
    one.query,
    (one.events / 1e6).toFixed(2),
    (one.eventsPerCpuSecond / 1_000).toFixed(0),
    `${queries[one.query]!.floor}`,
    (one.eventsPerSecond / 1_000).toFixed(0),
    mebibytes(one.peakBytes),
    mebibytes(one.stateBytes),
    one.rows.toLocaleString('en'),
    one.lateEvents.toLocaleString('en'),
    one.problems.length > 0 ? 'different' : one.compared ? 'equal' : '-',
    queries[one.query]!.flink.join(', '),
    ...(withFlink ? flinkCells(one) : []),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  for (const row of [head, ...rows]) console.log(row.map((cell, column) => cell.padStart(widths[column]!)).join('  '));
  const { ratePerSecond, group, parallelism, sources } = args;
  console.log(`
${ratePerSecond.toLocaleString('en')} events in a second of event time, group ${group}, \
parallelism ${parallelism}, sources ${sources}; Node.js ${process.version}.
CPU s: user and system time of all threads of the process, generator and checksum of the rows included.
* Published, on other hardware: k events/s and core of Apache Flink with RocksDB, from the guides of nexmark/nexmark.${
    withFlink
      ? '\nFlink here: k events/CPU s, over the same events, state on the heap, after a warm-up, rows discarded.'
      : ''
  }`);
}

/** Those that are below what we hold them to. */
export function belowFloor(all: readonly Measured[]): string[] {
  return all
    .filter(({ query, eventsPerCpuSecond }) => eventsPerCpuSecond < 1_000 * queries[query]!.floor)
    .map(({ query }) => query);
}

function flinkCells({ flink }: Measured): string[] {
  return flink === undefined ? ['-', '-'] : [(flink.eventsPerCpuSecond / 1_000).toFixed(0), mebibytes(flink.peakBytes)];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function thousands(value: number): string {
  return `${(value / 1_000).toFixed(0)} k`;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
