/**
 * How long a small ask takes while 100 MiB go to another actor of the same node, in one message, against an ask while
 * nothing else is under way. Asks follow each other. The figure is the 99th percentile during the transfer in ms.
 */
import { move, node } from 'troupe';
import { counter, sink } from '../counter.mjs';
import { checkLedger, checkTotal, percentile, rounded } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';

const MiB = 1_048_576;
const patient = { timeoutMs: 120_000 };

export async function run({ rounds, quick, isolation }) {
  const bytes = (quick ? 4 : 100) * MiB;
  const { system, role, end } = await joinSecondNode(isolation);
  const on = node({ role });
  const [small, large] = [await system.spawn(counter, { on }), await system.spawn(sink, { on })];
  let asked = 0;
  const ask = async () => {
    const from = performance.now();
    asked += 1;
    checkTotal('the total', await small.add({ type: 'inc', n: 1, id: 'abc' }, patient), asked);
    return performance.now() - from;
  };
  const times = { alone: [], beside: [] };
  let transferMs = 0;
  for (let n = 0; n < (quick ? 10 : 2_000); n += 1) await ask();
  for (let round = 1; round <= rounds; round += 1) {
    for (let n = 0; n < (quick ? 10 : 1_000); n += 1) times.alone.push(await ask());
    // Made before it is measured: that alone takes longer than an ask.
    const data = new Uint8Array(bytes).fill(round);
    const from = performance.now();
    let isOver = false;
    large.put({ data: move(data) });
    const received = large.received(patient).then((total) => {
      isOver = true;
      checkTotal('bytes', total, round * bytes);
    });
    while (!isOver) times.beside.push(await ask());
    await received;
    transferMs += performance.now() - from;
  }
  checkLedger(system);
  await end();
  const ms = Object.fromEntries(
    Object.entries(times).map(([name, all]) => [
      name,
      { p50: rounded(percentile(all, 0.5)), p99: rounded(percentile(all, 0.99)), asks: all.length },
    ]),
  );
  const mibPerSecond = rounded((rounds * bytes) / MiB / (transferMs / 1_000));
  return { ratio: percentile(times.beside, 0.99), isolation, ms, mibPerSecond };
}
