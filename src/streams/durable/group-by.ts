import {
  type BasicGroupByOptions,
  concat,
  filter,
  finalize,
  from,
  type GroupByOptionsWithElement,
  type GroupedObservable,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  groupBy as plainGroupBy,
  type Subscriber,
} from 'rxjs';
import type { Key } from '../../base/hash-key.ts';
import { OperatorOverflow } from '../errors.ts';
import { metered } from '../rx/here.ts';
import { structure } from '../rx/inner.ts';
import { checkLimit, type GroupLimit } from '../rx/windowing.ts';
import { type DurableState, keep } from './kept-state.ts';

/** Opens the group of a key again, before anything else comes. */
class Reopening<K> {
  readonly key: K;

  constructor(key: K) {
    this.key = key;
  }
}

/**
 * As `groupBy` of RxJS, with the keys of its open groups in the state of the stage. When the stage is built anew, it
 * gives these groups again, in the order in which they were opened; what is in them is kept by durable operators:
 *
 * ```ts
 * groupBy((row) => row.user, { state: 'users', maxKeys: 10_000 }),
 * mergeMap((group) => group.pipe(scan(add, 0, { state: 'sums', key: group.key })))
 * ```
 *
 * @throws UsageError at its subscription where it has no `maxKeys`, or another operator of the stage keeps the same
 *   state; fails the stage as `OperatorOverflow` beyond the limit.
 */
export const groupBy: {
  <T, K extends Key>(
    key: (value: T) => K,
    options: BasicGroupByOptions<K, T> & GroupLimit & DurableState,
  ): OperatorFunction<T, GroupedObservable<K, T>>;
  <T, K extends Key, E>(
    key: (value: T) => K,
    options: GroupByOptionsWithElement<K, E, T> & GroupLimit & DurableState,
  ): OperatorFunction<T, GroupedObservable<K, E>>;
} = (<T, K extends Key>(
  keyOf: (value: T) => K,
  options: GroupByOptionsWithElement<K, T, T> & GroupLimit & DurableState,
) =>
  metered<T, GroupedObservable<K, T>>(
    () => plainGroupBy(keyOf, options),
    (source, here) =>
      new Observable<GroupedObservable<K, T>>((subscriber) => {
        const max = checkLimit('groupBy', 'maxKeys', options.maxKeys);
        const { state, version = 1, duration, element, connector } = options;
        const keeping = { state, version, forget: () => undefined };
        /** When each was opened, by a number that grows. */
        const opened = keep<number>(here, 'groupBy', keeping, subscriber as Subscriber<never>);
        const known = [...opened.entries()].sort(([, one], [, other]) => one - other);
        let next = (known.at(-1)?.[1] ?? -1) + 1;
        const reopening = known.map(([key]) => new Reopening(key as K));
        const closing = (group: GroupedObservable<K, T>): ObservableInput<unknown> => {
          const until = duration === undefined ? NEVER : here.outside(duration(elementsOf(group)));
          return until.pipe(
            finalize(() => {
              if (here.stage.unsubscribedFate !== 'lost') opened.delete(group.key);
            }),
          );
        };
        const all = reopening.length === 0 ? source : concat(from(reopening), source);
        const grouped = all.pipe(
          plainGroupBy((value) => (value instanceof Reopening ? value.key : keyOf(value)), {
            element: (value) => (value instanceof Reopening || element === undefined ? (value as T) : element(value)),
            duration: closing,
            ...(connector === undefined ? {} : { connector }),
          }),
          map((group) => {
            if (opened.get(group.key) === undefined) {
              if (opened.size >= max) throw new OperatorOverflow(here.stage.name, 'groupBy', 'maxKeys', max);
              opened.set(group.key, next);
              next += 1;
            }
            return structure(elementsOf(group));
          }),
        );
        grouped.subscribe(subscriber);
      }),
  )) as never;

/** The group without what opened it again. */
function elementsOf<K, T>(group: GroupedObservable<K, T>): GroupedObservable<K, T> {
  const elements = group.pipe(filter((value) => !(value instanceof Reopening)));
  return Object.assign(elements, { key: group.key });
}
