/** The flows that the rows run, with the same three operators throughout; the default export is their registry. */
import { filter, map, scan } from 'rxjs';
import { here, node, registry, thread } from 'troupe';
import { count, flow, forEach, fromIterable, sum, tumbling } from 'troupe/streams';
import * as z from 'zod';

/** What the elements of a run are; one array for all rounds, so that making them is not measured. */
let elements = [];
/** Where the sinks leave what they saw. */
export const seen = { count: 0, last: 0, sum: 0 };

export function useElements(size) {
  elements = Array.from({ length: size }, (_, n) => ({ type: 'inc', n, id: 'abc' }));
  return elements;
}

export const doubled = map((element) => ({ type: element.type, n: element.n * 2, id: element.id }));
export const wanted = filter((element) => element.n % 3 !== 0);
export const added = scan((total, element) => ({ n: element.n, sum: total.sum + element.n }), { n: 0, sum: 0 });

export function see({ n, sum }) {
  seen.count += 1;
  seen.last = n;
  seen.sum = sum;
}

const args = z.object({});

/** One stage. */
export const operators = flow('bench-operators', { args }, (f) =>
  f
    .from(fromIterable(elements))
    .via('all', ($) => $.pipe(doubled, wanted, added))
    .to(forEach(see)),
);

/** A stage for each operator. */
export const stages = flow('bench-stages', { args }, (f) =>
  f
    .from(fromIterable(elements))
    .via('doubled', ($) => $.pipe(doubled))
    .via('wanted', ($) => $.pipe(wanted))
    .via('added', ($) => $.pipe(added))
    .to(forEach(see)),
);

/** The same, each stage behind a boundary. */
export const actors = flow('bench-actors', { args }, (f) =>
  f
    .from(fromIterable(elements))
    .via('doubled', ($) => $.pipe(doubled), { on: here() })
    .via('wanted', ($) => $.pipe(wanted), { on: here() })
    .via('added', ($) => $.pipe(added), { on: here() })
    .to(forEach(see)),
);

/** Every element goes to another place, where one window of one key takes them all; one result comes back. */
const hopTo = (name, on) =>
  flow(name, { args }, (f) =>
    f
      .from(fromIterable(elements), { time: ({ n }) => n })
      .keyBy(({ type }) => type, { on })
      .window(tumbling({ sizeMs: 1_000_000_000 }))
      .aggregate({ elements: count(), sum: sum(({ n }) => n) })
      .to(
        forEach(({ value }) => {
          seen.count += value.elements;
          seen.sum += value.sum;
        }),
      ),
  );

export const threadHop = hopTo('bench-thread-hop', thread());

/** To the second node of the rows. */
export const nodeHop = hopTo('bench-node-hop', node({ role: 'bench' }));

/** What the sums of the wanted come to: of 2n for all n below `count` that are no multiples of 3; `count` is one. */
export function sumOfWanted(count) {
  const groups = count / 3;
  return 2 * ((count * (count - 1)) / 2 - (3 * groups * (groups - 1)) / 2);
}

export default registry(operators, stages, actors, threadHop, nodeHop);
