/**
 * A flow whose elements all go to another process over loopback, against credit, into one window; the secret is on. Ratio:
 * our rate over that of bare `ws` and msgpackr, with as many elements in a frame as ours has, no credit and nothing checked,
 * into a sum. Beside it the same with one element in a frame.
 */
import { FramePerMessage, startPeer } from '../bare/wire.mjs';
import { nodeHop, seen, useElements } from '../flows.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';

const frame = 1_024;

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 2_000 : 300_000;
  const fewer = quick ? 1_000 : 30_000;
  const elements = useElements(count);
  const sum = sumBelow(count);
  const { webSocketPort } = await startPeer();
  const peer = await FramePerMessage.open(webSocketPort);
  const { system, end } = await joinSecondNode(isolation, new URL('../flows.mjs', import.meta.url));
  let expectedBare = 0;
  const bare = (some, size) => () =>
    nsEach(some.length, async () => {
      expectedBare += sumBelow(some.length);
      checkTotal('bare sum', await peer.tellInBatches(some, size), expectedBare);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: bare(elements, frame),
    'one in a frame': bare(elements.slice(0, fewer), 1),
    ours: () =>
      nsEach(count, async () => {
        Object.assign(seen, { count: 0, sum: 0 });
        const running = await system.run(nodeHop, { args: {} });
        await running.done;
        checkTotal('elements', seen.count, count);
        checkTotal('sum', seen.sum, sum);
      }),
  });
  checkLedger(system);
  await end();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

function sumBelow(count) {
  return (count * (count - 1)) / 2;
}
