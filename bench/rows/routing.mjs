/**
 * Messages through a router or a pool, against the same sent to the actors themselves in turn. Ratio: the cost of one by
 * way of the router or pool over that of a direct one. Bursts of 1,000, each awaited.
 */
import { createSystem, pool, roundRobin, router } from 'troupe';
import { Counter, counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

const burst = 1_000;
const actors = 4;
const message = { type: 'inc', n: 1, id: 'abc' };

export async function run({ rounds, quick, isolation, kind, by }) {
  const count = quick ? 2 * burst : kind === 'tell' ? 400_000 : 100_000;
  const system = await createSystem({ isolation });
  const routees = [];
  for (let n = 0; n < actors; n += 1) routees.push(await system.spawn(counter));
  const spread =
    by === 'pool'
      ? await system.spawn(pool(counter, { size: actors }))
      : await system.spawn(router(Counter, { strategy: roundRobin() }), { args: { routees } });
  const tellAll = async (next) => {
    for (let sent = 0; sent < count; sent += burst) {
      for (let index = 0; index < burst; index += 1) next(index).inc(message);
      await Promise.all(routees.map((routee) => routee.total()));
    }
  };
  const askAll = async (next) => {
    for (let sent = 0; sent < count; sent += burst) {
      const replies = [];
      for (let index = 0; index < burst; index += 1) replies.push(next(index).add(message));
      await Promise.all(replies);
    }
  };
  const all = kind === 'tell' ? tellAll : askAll;
  let rest = 0;
  const { cost, ratio } = await inTurns(rounds, {
    direct: () => nsEach(count, () => all((index) => routees[index % actors])),
    ours: () => nsEach(count, () => all(() => spread)),
    check: async () => {
      rest += by === 'pool' ? count : 2 * count;
      const totals = await Promise.all(routees.map((routee) => routee.total()));
      checkTotal(
        'total',
        totals.reduce((sum, total) => sum + total, 0),
        rest,
      );
      return 1;
    },
  });
  checkLedger(system);
  await system.shutdown();
  delete cost.check;
  return { ratio: ratio('ours', 'direct'), isolation, ns: cost };
}
