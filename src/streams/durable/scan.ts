import { Observable, type OperatorFunction, scan as plainScan, type Subscriber } from 'rxjs';
import { metered } from '../rx/here.ts';
import { type DurableStateOfKey, keep } from './kept-state.ts';
import { Taking } from './taking.ts';

/** What a `scan` has come to, and after how many elements. */
interface Scanned<A> {
  readonly acc: A;
  readonly index: number;
}

/** What a durable `scan` keeps: its latest value, which is plain data. */
export interface DurableScan<A> extends DurableStateOfKey {
  /** Makes a value of one that was kept by another version. */
  readonly migrate?: (kept: unknown, version: number) => A;
}

/**
 * As `scan` of RxJS, with its value in the state of the stage: `scan(add, 0, { state: 'sum' })`.
 *
 * An element that the accumulator took stays taken, also where it fails behind.
 *
 * @throws UsageError at its subscription where another operator of the stage keeps the same state.
 */
export function scan<V>(
  accumulator: (acc: V, value: V, index: number) => V,
  keeps: DurableScan<V>,
): OperatorFunction<V, V>;
export function scan<V, A>(
  accumulator: (acc: A, value: V, index: number) => A,
  seed: A,
  keeps: DurableScan<A>,
): OperatorFunction<V, A>;
export function scan<V, A>(
  accumulator: (acc: A, value: V, index: number) => A,
  ...given: readonly [DurableScan<A>] | readonly [A, DurableScan<A>]
): OperatorFunction<V, A> {
  const hasSeed = given.length > 1;
  const seed = hasSeed ? (given[0] as A) : undefined;
  const { migrate, ...named } = given.at(-1) as DurableScan<A>;
  const migrated = (kept: unknown, version: number): Scanned<A> => {
    const { acc, index } = kept as Scanned<unknown>;
    return { acc: migrate!(acc, version), index };
  };
  const keeping = { ...named, migrate: migrate && migrated };
  return metered<V, A>(
    () => (hasSeed ? plainScan(accumulator, seed as A) : (plainScan(accumulator as never) as OperatorFunction<V, A>)),
    (source, here) =>
      new Observable<A>((subscriber) => {
        const table = keep<Scanned<A>>(here, 'scan', keeping, subscriber as Subscriber<never>);
        const kept = table.get(keeping.key);
        let index = kept?.index ?? 0;
        let started = hasSeed || kept !== undefined;
        let acc = (kept === undefined ? seed : kept.acc) as A;
        source.subscribe(
          new Taking<V>(subscriber as Subscriber<never>, (value) => {
            acc = started ? accumulator(acc, value, index) : (value as unknown as A);
            started = true;
            index += 1;
            table.set(keeping.key, { acc, index });
            subscriber.next(acc);
          }),
        );
      }),
  );
}
