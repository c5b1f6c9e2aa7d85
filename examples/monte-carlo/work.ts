// npm run example:monte-carlo
/** Hands batches to samplers, no more than they can take. */
import type { Ref } from 'troupe';
import type { Moments } from './moments.ts';
import type { Batch, Sampler } from './sampler.ts';

/** While a sampler computes one batch the next one is on its way, so its thread waits for nobody. */
const underWayPerSampler = 2;
/** Far more than a batch needs, for threads that have to share a core with others. */
const batchTimeoutMs = 60_000;

export interface Done {
  readonly moments: readonly Moments[];
  readonly elapsedMs: number;
}

/**
 * Whoever is done with a batch is asked for the next one: that is the backpressure, and a fast thread takes more.
 *
 * @returns the moments of each batch, in the order of the batches
 * @throws what an ask rejects with, so `OutcomeUnknown` where a thread was lost; the reason of an aborted `signal`
 */
export async function sampleAll(
  batches: readonly Batch[],
  samplers: readonly Ref<typeof Sampler>[],
  { onBatch, signal }: { onBatch: (batch: Batch) => void; signal: AbortSignal },
): Promise<Done> {
  const startedMs = performance.now();
  const moments: Moments[] = [];
  const waiting = batches.entries();
  const lane = async (sampler: Ref<typeof Sampler>): Promise<void> => {
    // The iterator is shared by all lanes: each takes what is next.
    for (const [at, batch] of waiting) {
      signal.throwIfAborted();
      moments[at] = await sampler.sample(batch, { timeoutMs: batchTimeoutMs });
      onBatch(batch);
    }
  };
  const lanes = samplers.flatMap((sampler) => Array.from({ length: underWayPerSampler }, () => lane(sampler)));
  await Promise.all(lanes);
  return { moments, elapsedMs: performance.now() - startedMs };
}
