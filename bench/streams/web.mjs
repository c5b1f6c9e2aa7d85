import { ReadableStream, TransformStream, WritableStream } from 'node:stream/web';
import { see } from '../flows.mjs';

export function open() {
  return { through };
}

function through(elements) {
  let total = 0;
  return ReadableStream.from(elements)
    .pipeThrough(transform(({ type, n, id }, to) => to.enqueue({ type, n: n * 2, id })))
    .pipeThrough(
      transform((element, to) => {
        if (element.n % 3 !== 0) to.enqueue(element);
      }),
    )
    .pipeThrough(
      transform(({ n }, to) => {
        total += n;
        to.enqueue({ n, sum: total });
      }),
    )
    .pipeTo(new WritableStream({ write: see }));
}

function transform(work) {
  return new TransformStream({ transform: work });
}
