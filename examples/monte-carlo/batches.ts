// npm run example:monte-carlo
/** The whole work, cut into batches that take a few milliseconds each. */
import { experimentNames } from './experiments.ts';
import { type Moments, merged, none } from './moments.ts';
import type { Batch } from './sampler.ts';

/** Short enough that a thread never holds others up for long, and long enough that a hop between threads is nothing. */
const samplesPerBatch = 200_000;

/** `samples` samples of each experiment, by turns. */
export function batchesOf({ samples, seed }: { samples: number; seed: number }): readonly Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < samples; from += samplesPerBatch) {
    for (const experiment of experimentNames) {
      const size = Math.min(samplesPerBatch, samples - from);
      batches.push({ experiment, seed, number: batches.length, samples: size });
    }
  }
  return batches;
}

/**
 * The moments of one experiment. They are merged in the order of the batches, not in that of their arrival: so a seed gives
 * the same digits on any number of threads.
 */
export function resultOf(experiment: string, batches: readonly Batch[], moments: readonly Moments[]): Moments {
  return moments.filter((_, number) => batches[number]!.experiment === experiment).reduce(merged, none);
}
