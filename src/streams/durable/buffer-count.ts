import { Observable, type OperatorFunction, bufferCount as plainBufferCount, type Subscriber } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { metered } from '../rx/here.ts';
import { type DurableStateOfKey, keep } from './kept-state.ts';
import { Taking } from './taking.ts';

/** The buffers that are not full, the oldest first, and how many elements there were. */
interface Buffers<T> {
  readonly count: number;
  readonly buffers: readonly T[][];
}

/** What a durable `bufferCount` keeps: the elements of buffers that are not full, which are plain data. */
export interface DurableBuffers<T> extends DurableStateOfKey {
  /** Makes an element of one that was kept by another version. */
  readonly migrate?: (kept: unknown, version: number) => T;
}

/**
 * As `bufferCount` of RxJS, with its elements in the state of the stage: `bufferCount(10, { state: 'tens' })`.
 *
 * A buffer that is given is kept no longer, also where it fails behind.
 *
 * @throws UsageError where its size or step is below 1, and at its subscription where another operator of the stage
 *   keeps the same state.
 */
export function bufferCount<T>(bufferSize: number, keeps: DurableBuffers<T>): OperatorFunction<T, T[]>;
export function bufferCount<T>(
  bufferSize: number,
  startBufferEvery: number | null,
  keeps: DurableBuffers<T>,
): OperatorFunction<T, T[]>;
export function bufferCount<T>(
  bufferSize: number,
  ...given: readonly [DurableBuffers<T>] | readonly [number | null, DurableBuffers<T>]
): OperatorFunction<T, T[]> {
  const every = (given.length > 1 ? (given[0] as number | null) : null) ?? bufferSize;
  if (!(bufferSize >= 1 && every >= 1)) {
    throw new UsageError(`bufferCount(${bufferSize}, ${every}) is out of range; both are 1 at least`);
  }
  const { migrate, ...named } = given.at(-1) as DurableBuffers<T>;
  const migrated = (kept: unknown, version: number): Buffers<T> => {
    const { count, buffers } = kept as Buffers<unknown>;
    return { count, buffers: buffers.map((buffer) => buffer.map((value) => migrate!(value, version))) };
  };
  const keeping = { ...named, migrate: migrate && migrated };
  return metered<T, T[]>(
    () => plainBufferCount(bufferSize, every),
    (source, here) =>
      new Observable<T[]>((subscriber) => {
        const table = keep<Buffers<T>>(here, 'bufferCount', keeping, subscriber as Subscriber<never>);
        const { count: counted, buffers } = table.get(keeping.key) ?? { count: 0, buffers: [] };
        let count = counted;
        let open: T[][] = [...buffers];
        source.subscribe(
          new Taking<T>(
            subscriber as Subscriber<never>,
            (value) => {
              if (count % every === 0) open.push([]);
              count += 1;
              for (const buffer of open) buffer.push(value);
              // Only the oldest can be full: each began after the one before.
              const full = open[0] !== undefined && open[0].length >= bufferSize ? open.shift() : undefined;
              table.set(keeping.key, { count, buffers: open });
              if (full !== undefined) subscriber.next(full);
            },
            () => {
              // One that fails behind ends this subscription; the next one goes on with those that are left.
              for (let oldest = open[0]; oldest !== undefined && !subscriber.closed; oldest = open[0]) {
                open = open.slice(1);
                table.set(keeping.key, { count, buffers: open });
                subscriber.next(oldest);
              }
            },
          ),
        );
      }),
  );
}
