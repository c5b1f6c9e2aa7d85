/**
 * Chunks of 64 KiB given away to an actor on a worker. Ratio: our rate over that of raw postMessage with transfer.
 *
 * Both sides allocate each chunk and say how many they have received; no more than a window of them is under way.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createSystem, move, thread } from 'troupe';
import { sink } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { registry } from '../second-node.mjs';

const chunkBytes = 65_536;
/** Chunks between two questions how many have come: 8 MiB. */
const window = 128;

export async function run({ rounds, quick, isolation }) {
  const chunks = quick ? 256 : 8_192;
  const worker = new Worker(new URL('../bare/bytes-peer.mjs', import.meta.url));
  const system = await createSystem({ registry, threads: 1, isolation });
  const ref = await system.spawn(sink, { on: thread() });
  let expectedBare = 0;
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () =>
      nsEach(chunks, async () => {
        for (let sent = 0; sent < chunks; sent += 1) {
          const chunk = new Uint8Array(chunkBytes);
          worker.postMessage(chunk, [chunk.buffer]);
          if (sent % window === window - 1) await received(worker);
        }
        expectedBare += chunks * chunkBytes;
        checkTotal('bare bytes', await received(worker), expectedBare);
      }),
    ours: () =>
      nsEach(chunks, async () => {
        for (let sent = 0; sent < chunks; sent += 1) {
          ref.put({ data: move(new Uint8Array(chunkBytes)) });
          if (sent % window === window - 1) await ref.received();
        }
        expected += chunks * chunkBytes;
        checkTotal('bytes', await ref.received(), expected);
      }),
  });
  checkLedger(system);
  checkTotal('copied chunks', system.statistics().movesCopied, 0);
  await system.shutdown();
  await worker.terminate();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

async function received(worker) {
  worker.postMessage('received');
  const [bytes] = await once(worker, 'message');
  return bytes;
}
