// npm run example:monte-carlo
/** What is kept of many samples: their mean and their spread, in three numbers that can be merged. */
import * as z from 'zod';

export const Moments = z.object({ samples: z.int(), mean: z.number(), squares: z.number() });
export type Moments = z.infer<typeof Moments>;

export const none: Moments = { samples: 0, mean: 0, squares: 0 };

/** Draws `samples` samples. Welford's method: a plain sum of squares loses its digits where the mean is large. */
export function momentsOf(samples: number, draw: () => number): Moments {
  let mean = 0;
  let squares = 0;
  for (let n = 1; n <= samples; n += 1) {
    const sample = draw();
    const difference = sample - mean;
    mean += difference / n;
    squares += difference * (sample - mean);
  }
  return { samples, mean, squares };
}

/** The moments of both together (Chan, Golub and LeVeque, 1979). */
export function merged(a: Moments, b: Moments): Moments {
  const samples = a.samples + b.samples;
  if (samples === 0) return none;
  const difference = b.mean - a.mean;
  return {
    samples,
    mean: a.mean + (difference * b.samples) / samples,
    squares: a.squares + b.squares + (difference * difference * a.samples * b.samples) / samples,
  };
}

/** How far the mean is from the truth, typically: a third of all estimates are further. */
export function standardErrorOf({ samples, squares }: Moments): number {
  return Math.sqrt(squares / (samples - 1) / samples);
}
