import { see } from '../flows.mjs';

export function open() {
  return {
    async through(elements) {
      for await (const element of summed(kept(doubled(each(elements))))) see(element);
    },
  };
}

async function* each(elements) {
  yield* elements;
}

async function* doubled(elements) {
  for await (const { type, n, id } of elements) yield { type, n: n * 2, id };
}

async function* kept(elements) {
  for await (const element of elements) if (element.n % 3 !== 0) yield element;
}

async function* summed(elements) {
  let sum = 0;
  for await (const { n } of elements) {
    sum += n;
    yield { n, sum };
  }
}
