/** What the run's statistics say about this job. */
import type { InstanceStatistics, RunStatistics } from 'troupe/streams';
import type { PlaceProgress, Progress } from './display.ts';

export type FlowProgress = Pick<
  Progress,
  'rows' | 'windowed' | 'late' | 'lines' | 'places' | 'sourceCreditWaits' | 'sinkCreditWaits'
>;

export function progressOf({ ledger, instances, stages }: RunStatistics): FlowProgress {
  const source = instances.find(({ segment }) => segment === 0);
  const sink = instances.find((instance) => instance.stages.some(({ name }) => name === 'sink'));
  return {
    rows: stages.source?.out ?? 0,
    windowed: ledger.windowed,
    late: ledger.late,
    lines: stages.sink?.counts.lines ?? 0,
    places: instances.filter((instance) => instance.stages[0]?.name === 'window').map(placeProgress),
    sourceCreditWaits: source?.creditWaits ?? 0,
    sinkCreditWaits: sink?.creditWaits ?? 0,
  };
}

/** Of one partition of the keyed windows. */
function placeProgress({ path, stages, creditWaits }: InstanceStatistics): PlaceProgress {
  const window = stages[0];
  return { name: placeOf(path), rows: window?.in ?? 0, windows: window?.out ?? 0, creditWaits };
}

/** A path begins with `troupe://node~incarnation/thread/`; threads are called main, t1, t2, and so on. */
function placeOf(path: string): string {
  const [, node, thread] = /^troupe:\/\/([^~]+)~[^/]+\/([^/]+)\//.exec(path) ?? [];
  if (node === 'second') return 'second node';
  return thread === 'main' ? 'this thread' : `thread ${thread?.slice(1)}`;
}
