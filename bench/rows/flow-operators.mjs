/**
 * Three RxJS operators on one thread, as one flow with one stage or three. Ratio: our time over that of the same
 * operators on a plain Subject; or our rate over that of Node object streams with a transform for each operator.
 */
import { createSystem } from 'troupe';
import { operators, seen, stages, sumOfWanted, useElements } from '../flows.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { throughNodeStreams } from '../streams/node-streams.mjs';
import { throughSubject } from '../streams/subject.mjs';

export async function run({ rounds, quick, isolation, against }) {
  const count = quick ? 3_000 : 600_000;
  const elements = useElements(count);
  const system = await createSystem({ isolation });
  const [flow, bare] = against === 'subject' ? [operators, throughSubject] : [stages, throughNodeStreams];
  const checked = (work) => () =>
    nsEach(count, async () => {
      Object.assign(seen, { count: 0, last: 0, sum: 0 });
      await work();
      checkTotal('elements', seen.count, (count / 3) * 2);
      checkTotal('last element', seen.last, 2 * (count - 1));
      checkTotal('sum', seen.sum, sumOfWanted(count));
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: checked(() => bare(elements)),
    ours: checked(async () => {
      const running = await system.run(flow, { args: {} });
      await running.done;
    }),
  });
  checkLedger(system);
  await system.shutdown();
  return { ratio: against === 'subject' ? ratio('ours', 'bare') : ratio('bare', 'ours'), isolation, ns: cost };
}
