/** Memory: what the heap grows by for each of 10^6 actors that handled one message each and now rest. */
import { createSystem } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';

export async function run({ quick, isolation, refs }) {
  const count = quick ? 1_000 : 1_000_000;
  const system = await createSystem({ isolation });
  const warm = await system.spawn(counter);
  warm.inc({ type: 'inc', n: 1, id: 'abc' });
  checkTotal('total', await warm.total(), 1);
  const kept = refs === 'kept' ? new Array(count) : undefined;
  const before = await heapBytes();
  for (let index = 0; index < count; index += 1) {
    const ref = await system.spawn(counter);
    ref.inc({ type: 'inc', n: 1, id: 'abc' });
    if (kept !== undefined) kept[index] = ref;
  }
  // The loop above lets no event-loop pass end: the actors get to most of their messages only now.
  while (system.statistics().handled < system.statistics().accepted) await new Promise(setImmediate);
  const bytes = ((await heapBytes()) - before) / count;
  if (kept !== undefined) checkTotal('total of the last', await kept[count - 1].total(), 1);
  checkTotal('handled', system.statistics().handled, count + 2 + (kept === undefined ? 0 : 1));
  checkLedger(system);
  // A million actors need not be stopped one by one: the process ends here.
  return { ratio: bytes, isolation, actors: count };
}

async function heapBytes() {
  for (let pass = 0; pass < 4; pass += 1) {
    await new Promise(setImmediate);
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
