// npm run example:monte-carlo
/** The actor that does the work: one for each thread, each busy with one batch at a time. */
import { actor, ask, protocol } from 'troupe';
import * as z from 'zod';
import { experimentNames, experiments } from './experiments.ts';
import { Moments, momentsOf } from './moments.ts';
import { SeededRandom } from './random.ts';

/** A number of samples that is asked for at once. Its number is its stream of chance, on whichever thread. */
export const Batch = z.object({
  experiment: z.enum(experimentNames),
  seed: z.int().min(0),
  number: z.int(),
  samples: z.int().min(1),
});
export type Batch = z.infer<typeof Batch>;

export const Sampler = protocol('sampler', {
  sample: ask({ input: Batch, output: Moments }),
  /** What this sampler has done so far. */
  done: ask({ output: z.object({ batches: z.int(), busyMs: z.number() }) }),
});

export const sampler = actor(
  Sampler,
  { args: z.object({}), state: () => ({ batches: 0, busyMs: 0 }) },
  {
    sample: (state, { experiment, seed, number, samples }) => {
      const startedMs = performance.now();
      const random = new SeededRandom(seed, number);
      const { draw } = experiments[experiment];
      const moments = momentsOf(samples, () => draw(random));
      state.batches += 1;
      state.busyMs += performance.now() - startedMs;
      return moments;
    },
    done: ({ batches, busyMs }) => ({ batches, busyMs }),
  },
);
