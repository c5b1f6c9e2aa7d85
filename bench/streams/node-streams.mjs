/** A Transform of Node for each operator. */
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { see } from '../flows.mjs';

export function throughNodeStreams(elements) {
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
