/** Asks to an actor of another process, 64 at a time, deadlines on. Ratio: our rate over one `ws` frame each way. */
import { node } from 'troupe';
import { askAtDepth } from '../ask-at-depth.mjs';
import { FramePerMessage, startPeer } from '../bare/wire.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';

const depth = 64;

export async function run({ rounds, quick, isolation }) {
  const count = depth * (quick ? 10 : 1_500);
  const { webSocketPort } = await startPeer();
  const peer = await FramePerMessage.open(webSocketPort);
  const { system, role, end } = await joinSecondNode(isolation);
  const ref = await system.spawn(counter, { on: node({ role }) });
  const expected = { bare: 0, ours: 0 };
  const asking = (name, add) => () =>
    nsEach(count, async () => {
      expected[name] += count;
      checkTotal(`${name}: the highest total`, await askAtDepth(depth, count, add), expected[name]);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: asking('bare', (message) => peer.add(message)),
    ours: asking('ours', (message) => ref.add(message)),
  });
  checkLedger(system);
  await end();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}
