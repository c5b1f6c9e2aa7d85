/**
 * Tells to an actor of another process over loopback, shared secret on. Ratio: our rate over that of `against`, which is
 * one `ws` frame per message, or batches of the same size over raw TCP that nothing checks.
 */
import { node } from 'troupe';
import { Batches, FramePerMessage, startPeer } from '../bare/wire.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';
import { tellMany } from '../telling.mjs';

export async function run({ rounds, quick, isolation, against }) {
  const { webSocketPort, tcpPort } = await startPeer();
  const peer = against === 'ws' ? await FramePerMessage.open(webSocketPort) : await Batches.open(tcpPort);
  const bareCount = quick ? 1_000 : against === 'ws' ? 50_000 : 500_000;
  const count = quick ? 1_000 : 500_000;
  const { system, role, end } = await joinSecondNode(isolation);
  const ref = await system.spawn(counter, { on: node({ role }) });
  let expectedBare = 0;
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () =>
      nsEach(bareCount, async () => {
        expectedBare += bareCount;
        checkTotal('bare total', await peer.tell(bareCount), expectedBare);
      }),
    ours: () =>
      nsEach(count, async () => {
        expected += count;
        checkTotal('total', await tellMany([ref], count), expected);
      }),
  });
  checkLedger(system);
  await end();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}
