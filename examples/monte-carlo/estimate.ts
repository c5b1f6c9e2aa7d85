// npm run example:monte-carlo
/** The program from start to end: a system with threads, a sampler on each of them, and the work. */
import { createSystem, thread } from 'troupe';
import { batchesOf } from './batches.ts';
import type { Options } from './options.ts';
import { Progress } from './progress.ts';
import { conclude } from './report.ts';
import { sampler } from './sampler.ts';
import { sampleAll } from './work.ts';

/** The part of the work that one thread does alone, so that there is something to compare with. */
const alonePart = 0.2;

/** @throws TroupeError where an estimate is off, a thread is lost, or `signal` aborts. */
export async function estimate(options: Options, signal: AbortSignal): Promise<void> {
  const { threads } = options;
  await using system = await createSystem({ registry: new URL('./actors.ts', import.meta.url), threads });
  const samplers = await Promise.all(Array.from({ length: threads }, () => system.spawn(sampler, { on: thread() })));

  const batches = batchesOf(options);
  const cut = threads === 1 ? 0 : Math.round(alonePart * batches.length);
  const progress = new Progress(process.stdout, batches);
  const work = { onBatch: progress.add.bind(progress), signal };
  try {
    const alone = await sampleAll(batches.slice(0, cut), samplers.slice(0, 1), work);
    const together = await sampleAll(batches.slice(cut), samplers, work);
    progress.end();
    // A sampler has a state, which stays on its thread: what it did.
    const shares = await Promise.all(samplers.map((one) => one.done()));
    conclude({ options, batches, alone, together, shares });
  } finally {
    progress.end();
  }
}
