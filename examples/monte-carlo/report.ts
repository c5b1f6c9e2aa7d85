// npm run example:monte-carlo
/** What is printed at the end. */
import { resultOf } from './batches.ts';
import { experimentNames, experiments } from './experiments.ts';
import type { Options } from './options.ts';
import { count } from './progress.ts';
import type { Batch } from './sampler.ts';
import { checkAll, verdictOf } from './verdict.ts';
import type { Done } from './work.ts';

/** With fewer for the thread alone, a speed is mostly chance. */
const batchesComparedMin = 20;

export interface Outcome {
  readonly options: Options;
  readonly batches: readonly Batch[];
  /** The first batches, done by one thread. */
  readonly alone: Done;
  /** The others, done by all threads. */
  readonly together: Done;
  /** What each thread did. */
  readonly shares: readonly { readonly batches: number; readonly busyMs: number }[];
}

/** @throws TroupeError `EstimateOff` */
export function conclude({ options, batches, alone, together, shares }: Outcome): void {
  const { samples, seed, threads } = options;
  const moments = [...alone.moments, ...together.moments];
  const verdicts = experimentNames.map((name) => verdictOf(experiments[name], resultOf(name, batches, moments)));
  for (const { line } of verdicts) print(line);
  print(`${count(samples)} samples of each, seed ${seed}, on ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
  shares.forEach(
    ({ batches, busyMs }, at) => void print(`  thread ${at + 1}: ${batches} batches in ${count(busyMs)} ms`),
  );
  if (alone.moments.length >= batchesComparedMin) {
    const speedUp = rateOf(together) / rateOf(alone);
    print(`${speedUp.toFixed(2)} times the speed of one of these threads alone, as measured in this run`);
  }
  checkAll(verdicts);
}

function rateOf({ moments, elapsedMs }: Done): number {
  return moments.length / elapsedMs;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
