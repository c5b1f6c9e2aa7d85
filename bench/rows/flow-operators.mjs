/**
 * Three RxJS operators on one thread, as one flow with one stage or three. Ratio: our time over that of the same
 * operators on a plain Subject; or our rate over that of Node object streams with a transform for each operator.
 */
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Subject } from 'rxjs';
import { createSystem } from 'troupe';
import { added, doubled, operators, see, seen, stages, useElements, wanted } from '../flows.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

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

/** Of 2n for all n below `count` that are no multiples of 3; `count` is one. */
function sumOfWanted(count) {
  const groups = count / 3;
  return 2 * ((count * (count - 1)) / 2 - (3 * groups * (groups - 1)) / 2);
}

function throughSubject(elements) {
  const subject = new Subject();
  subject.pipe(doubled, wanted, added).subscribe(see);
  for (const element of elements) subject.next(element);
  subject.complete();
}

function throughNodeStreams(elements) {
  let total = 0;
  return pipeline(
    Readable.from(elements),
    transform((element, push) => push({ type: element.type, n: element.n * 2, id: element.id })),
    transform((element, push) => {
      if (element.n % 3 !== 0) push(element);
    }),
    transform((element, push) => {
      total += element.n;
      push({ n: element.n, sum: total });
    }),
    new Writable({
      objectMode: true,
      write(element, _encoding, done) {
        see(element);
        done();
      },
    }),
  );
}

function transform(work) {
  return new Transform({
    objectMode: true,
    transform(element, _encoding, done) {
      work(element, (result) => this.push(result));
      done();
    },
  });
}
