import {
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  distinct as plainDistinct,
  type Subscriber,
} from 'rxjs';
import type { Key } from '../../base/hash-key.ts';
import { OperatorOverflow } from '../errors.ts';
import { metered } from '../rx/here.ts';
import { checkLimit } from '../rx/windowing.ts';
import type { StateTable } from '../state/state-store.ts';
import { type DurableStateOfKey, keep } from './kept-state.ts';
import { Taking } from './taking.ts';

/** What a durable `distinct` keeps, its keys, and what bounds them: how many they may be, or what makes it forget them. */
export type DurableDistinct = DurableStateOfKey &
  ({ readonly maxKeys: number } | { readonly flushes: ObservableInput<unknown> });

/**
 * As `distinct` of RxJS, with its keys in the state of the stage: `distinct((row) => row.id, { state: 'ids', maxKeys })`.
 *
 * An element that was new stays known, also where it fails behind.
 *
 * @throws UsageError at its subscription where it has no limit, or another operator of the stage keeps the same state;
 *   fails the stage as `OperatorOverflow` beyond the limit.
 */
export function distinct<T>(keySelector: (value: T) => Key, keeps: DurableDistinct): MonoTypeOperatorFunction<T> {
  const flushes = 'flushes' in keeps ? keeps.flushes : undefined;
  return metered<T, T>(
    () => plainDistinct(keySelector, flushes),
    (source, here) =>
      new Observable<T>((subscriber) => {
        const max =
          flushes === undefined
            ? checkLimit('distinct', 'maxKeys', (keeps as { maxKeys?: number }).maxKeys)
            : Number.POSITIVE_INFINITY;
        const destination = subscriber as Subscriber<never>;
        const { key, ...named } = keeps;
        const known =
          key === undefined
            ? rowsOf(keep<true>(here, 'distinct', { ...named, forget: clear }, destination))
            : rowOf(keep<Key[]>(here, 'distinct', { ...named, key }, destination), key);
        source.subscribe(
          new Taking<T>(destination, (value) => {
            const found = keySelector(value);
            if (known.has(found)) return;
            if (known.size() >= max) throw new OperatorOverflow(here.stage.name, 'distinct', 'maxKeys', max);
            known.add(found);
            subscriber.next(value);
          }),
        );
        if (flushes === undefined) return;
        const clearing = { next: () => known.clear(), error: (thrown: unknown) => subscriber.error(thrown) };
        subscriber.add(here.outside(flushes).subscribe(clearing));
      }),
  );
}

interface KnownKeys {
  size(): number;
  has(key: Key): boolean;
  add(key: Key): void;
  clear(): void;
}

/** A row for each key, so that the keys are in the groups that they belong to. */
function rowsOf(table: StateTable<true>): KnownKeys {
  return {
    size: () => table.size,
    has: (key) => table.get(key) === true,
    add: (key) => table.set(key, true),
    clear: () => clear(table),
  };
}

/** Within a group: all its keys in the row of the group. */
function rowOf(table: StateTable<Key[]>, row: Key): KnownKeys {
  const known = new Set(table.get(row));
  return {
    size: () => known.size,
    has: (key) => known.has(key),
    add: (key) => {
      known.add(key);
      const list = table.get(row) ?? [];
      list.push(key);
      table.set(row, list);
    },
    clear: () => {
      known.clear();
      table.delete(row);
    },
  };
}

function clear<V>(table: StateTable<V>): void {
  for (const [key] of [...table.entries()]) table.delete(key);
}
