// The flow of threads-memory.mjs: a source that gives as much as it may, windows on threads, and a consumer as its sink.
import { map } from 'rxjs';
import { refTo, spread, thread } from 'troupe';
import { count, flow, fromIterable, max, tumbling } from 'troupe/streams';
import * as z from 'zod';

/** Set on the thread that runs the flow: ends its source. */
export const source = { ended: false, given: 0, sum: 0 };

function* numbers() {
  while (!source.ended) {
    source.given += 1;
    source.sum += source.given;
    yield { n: source.given, key: source.given % 50, text: 'x'.repeat(100) };
  }
}

/** Each number is a window of its own, so that as many come to the sink as leave the source. */
export const intoConsumer = flow('into-consumer', { args: z.object({ to: refTo('consumer') }) }, (f, { to }) =>
  f
    .from(fromIterable(numbers()), { time: ({ n }) => n })
    .keyBy(({ key }) => key, { parallelism: 2, on: spread([thread(), thread()]) })
    .window(tumbling({ sizeMs: 1 }))
    .aggregate({ items: count(), n: max(({ n }) => n) })
    .via('item', ($) => $.pipe(map(({ value }) => ({ n: value.n, text: 'x'.repeat(100) }))))
    .to(to.take),
);
