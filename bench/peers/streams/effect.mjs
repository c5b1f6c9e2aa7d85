/** Effect's Stream with the same operators. */
import { Effect, Stream } from 'effect';
import { see } from '../../flows.mjs';

export function open() {
  return {
    through: (elements) =>
      Effect.runPromise(
        Stream.fromIterable(elements).pipe(
          Stream.map(({ type, n, id }) => ({ type, n: n * 2, id })),
          Stream.filter(({ n }) => n % 3 !== 0),
          Stream.mapAccum(
            () => 0,
            (sum, { n }) => [sum + n, [{ n, sum: sum + n }]],
          ),
          Stream.runForEach((element) => Effect.sync(() => see(element))),
        ),
      ),
  };
}
