/** Asks to an actor of another process, 64 at a time, deadlines on. Ratio: our rate over one `ws` frame each way. */
import { node } from 'troupe';
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
      checkTotal(`${name}: the highest total`, await askAtDepth(count, add), expected[name]);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: asking('bare', (message) => peer.add(message)),
    ours: asking('ours', (message) => ref.add(message)),
  });
  checkLedger(system);
  await end();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

/** Keeps `depth` asks on their way. @returns the highest reply. */
async function askAtDepth(count, add) {
  let left = count;
  let highest = 0;
  const askOn = async () => {
    while (left > 0) {
      left -= 1;
      const total = await add({ type: 'inc', n: 1, id: 'abc' });
      if (total > highest) highest = total;
    }
  };
  await Promise.all(Array.from({ length: depth }, askOn));
  return highest;
}
