/**
 * `lookup`: joins each element with the row of a table elsewhere (a database, a service) that its key names.
 *
 * An element whose key is in the cache goes through like one through `map`. Any other is held until its key is loaded,
 * and so is what comes behind it where the order is kept.
 */
import { Observable, type OperatorFunction, Subscriber } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { streamLimits } from '../limits.ts';
import type { Attempt, EachOptions } from './each.ts';
import { type Held, Holder } from './holder.ts';
import { type Loaded, Loads, type LoadsOptions } from './loads.ts';
import { AnswerCache, type Found, type LookupCache } from './lookup-cache.ts';
import { onlyInFlow } from './own-here.ts';
import { checkRetry } from './retrying.ts';

export type { LookupCache } from './lookup-cache.ts';

type Row<V> = V | null | undefined;

/** How `lookup` loads: a key at a time, or by the many. */
export type LookupLoad<K, V> =
  | {
      /** The row of a key; undefined or null where there is none. */
      readonly load: (key: K, attempt: Attempt) => PromiseLike<Row<V>> | Row<V>;
    }
  | {
      /** The rows of several keys; a key that is not in the answer has none. All of them fail together. */
      readonly loadMany: (
        keys: readonly K[],
        attempt: Attempt,
      ) => PromiseLike<ReadonlyMap<K, Row<V>>> | ReadonlyMap<K, Row<V>>;
      /** Keys of one load, 100 unless given. Those that are missed in one turn go together. */
      readonly keysMax?: number;
    };

/** How a lookup finds rows, what it keeps of them, and what becomes of elements without one. */
export type LookupOptions<T, K, V> = LookupLoad<K, V> &
  Pick<EachOptions<T>, 'ordered' | 'timeoutMs' | 'retry' | 'onError'> & {
    /** The key of an element. Keys are the same as in a Map. */
    readonly by: (item: T) => K;
    /** How many answers are kept, and for how long. */
    readonly cache: LookupCache;
    /** Loads under way at once; 1 unless given. */
    readonly concurrency?: number;
  };

/**
 * Joins each element with the row that its key names: `lookup({ by: (order) => order.customer, load: customerOf, … })`.
 *
 * `how: 'inner'` gives `[item, row]` and nothing for an item without a row, `'left'` gives `[item, undefined]` for it,
 * `'anti'` gives only such items, alone. `'inner'` unless given.
 *
 * A key is loaded once at a time, however many elements wait for it. A load that fails is tried again as `retry` says
 * and never cached; then `onError` says what becomes of all elements that wait for it, as in {@link each}. An attempt
 * may take `timeoutMs`. What comes out is in the order of the elements unless `ordered: false`.
 *
 * **State**: `cache.entries` rows with their keys, the elements that wait (1,024 in the operators of an island), and
 * `concurrency` loads. A row may be as old as `cache.ttlMs`, so equal input need not give equal output.
 *
 * @throws UsageError where an option is out of range, or outside of a flow.
 */
export function lookup<T, K, V>(
  options: LookupOptions<T, K, V> & { readonly how?: 'inner' },
): OperatorFunction<T, readonly [T, V]>;
export function lookup<T, K, V>(
  options: LookupOptions<T, K, V> & { readonly how: 'left' },
): OperatorFunction<T, readonly [T, V | undefined]>;
export function lookup<T, K, V>(options: LookupOptions<T, K, V> & { readonly how: 'anti' }): OperatorFunction<T, T>;
export function lookup<T, K, V>(
  options: LookupOptions<T, K, V> & { readonly how?: 'inner' | 'left' | 'anti' },
): OperatorFunction<T, unknown> {
  check(options);
  const { by, how = 'inner', ordered = true, onError = 'fail' } = options;
  const gives = (value: unknown): boolean => how === 'left' || (value === undefined) === (how === 'anti');
  const made = (item: T, value: V | undefined): unknown => (how === 'anti' ? item : [item, value]);
  return onlyInFlow<T, unknown>('lookup', (source, here) => {
    const holder = new Holder<T>(here, 'lookup');
    const out = new Observable<unknown>((subscriber) => {
      const cache = new AnswerCache<K, V>(here.ledger.clock, options.cache);
      const waiting = new Map<K, Held<T>[]>();
      /** Those whose answer is known, but not yet of all before them. */
      const answers = new Map<Held<T>, Answer<V>>();
      let ended = false;

      const finish = (held: Held<T>, answer: Answer<V>): void => {
        if (!('error' in answer)) {
          holder.letGo(held, () => {
            if (gives(answer.value)) subscriber.next(made(held.value, answer.value));
          });
        } else if (onError === 'fail') {
          here.ledger.enter(held.claim, held.level, () => subscriber.error(answer.error));
        } else if (onError === 'skip') holder.release(held, 'skipped-by-error');
        else {
          here.ledger.events.deadLetter(here.stage.name, held.value, answer.error);
          holder.release(held, 'dead-lettered');
        }
      };
      const finishInOrder = (): void => {
        for (let first = holder.first; first !== undefined && !subscriber.closed; first = holder.first) {
          const answer = answers.get(first);
          if (answer === undefined) return;
          answers.delete(first);
          finish(first, answer);
        }
      };
      const loaded = (keys: readonly K[], result: Loaded<K, V>): void => {
        for (const key of keys) {
          const answer = 'error' in result ? result : { value: result.values.get(key) ?? undefined };
          if (!('error' in answer)) cache.set(key, answer.value);
          const those = waiting.get(key) ?? [];
          waiting.delete(key);
          for (const held of those) {
            if (ordered) answers.set(held, answer);
            else if (!subscriber.closed) finish(held, answer);
          }
        }
        finishInOrder();
        if (ended && holder.size === 0) here.enter(() => subscriber.complete());
      };
      const loads = new Loads<K, V>(here, { ...loading(options), loaded });
      const arrive = (item: T): void => {
        const key = by(item);
        const found = cache.get(key);
        if (found !== undefined && (!ordered || holder.size === 0)) {
          if (gives(found.value)) subscriber.next(made(item, found.value));
          return;
        }
        const held = holder.hold(item, key);
        if (found !== undefined) {
          answers.set(held, found);
          return;
        }
        const those = waiting.get(key);
        if (those !== undefined) {
          those.push(held);
          return;
        }
        waiting.set(key, [held]);
        loads.want(key);
      };
      subscriber.add(() => loads.close());
      source.subscribe(
        new Asking<T>(subscriber, arrive, () => {
          ended = true;
          if (holder.size === 0) subscriber.complete();
        }),
      );
    });
    return holder.over(out);
  });
}

type Answer<V> = Found<V> | { readonly error: unknown };

function loading<T, K, V>(options: LookupOptions<T, K, V>): Omit<LoadsOptions<K, V>, 'loaded'> {
  const { concurrency = 1, timeoutMs, retry } = options;
  const given = { concurrency, timeoutMs, retry };
  if ('loadMany' in options) {
    const { loadMany, keysMax = streamLimits.lookupKeysMax } = options;
    return { ...given, load: loadMany, keysMax };
  }
  const { load } = options;
  return {
    ...given,
    keysMax: 1,
    load: ([key], attempt) => {
      const row = load(key!, attempt);
      const answered = (value: Row<V>): ReadonlyMap<K, Row<V>> => new Map([[key!, value]]);
      return isPromise(row) ? row.then(answered) : answered(row);
    },
  };
}

function isPromise<R>(given: PromiseLike<R> | R): given is PromiseLike<R> {
  return typeof (given as PromiseLike<R> | undefined)?.then === 'function';
}

function check<T, K, V>(options: LookupOptions<T, K, V>): void {
  const { by, cache, concurrency = 1, timeoutMs = 1, retry } = options;
  const work = 'loadMany' in options ? options.loadMany : options.load;
  if (typeof by !== 'function' || typeof work !== 'function' || typeof cache?.entries !== 'number') {
    throw new UsageError('lookup takes at least { by: (item) => key, load: async (key) => row, cache: { entries } }');
  }
  const { entries, ttlMs = 1, negativeTtlMs = 1 } = cache;
  const keysMax = 'loadMany' in options ? (options.keysMax ?? 1) : 1;
  for (const [option, value, least] of [
    ['cache.entries', entries, 0],
    ['cache.ttlMs', ttlMs, 0],
    ['cache.negativeTtlMs', negativeTtlMs, 0],
    ['concurrency', concurrency, 1],
    ['keysMax', keysMax, 1],
    ['timeoutMs', timeoutMs, 1],
  ] as const) {
    if (value >= least) continue;
    throw new UsageError(`lookup({ ${option}: ${String(value)} }) is out of range; it is ${least} at least`);
  }
  if (retry !== undefined) checkRetry(retry, 'lookup');
  if (entries === Number.POSITIVE_INFINITY) {
    throw new UsageError('lookup({ cache: { entries: Infinity } }) would keep rows without a bound; give it a number');
  }
}

class Asking<T> extends Subscriber<T> {
  readonly #arrive: (item: T) => void;
  readonly #ended: () => void;

  constructor(destination: Subscriber<unknown>, arrive: (item: T) => void, ended: () => void) {
    super(destination);
    this.#arrive = arrive;
    this.#ended = ended;
  }

  protected override _next(item: T): void {
    try {
      this.#arrive(item);
    } catch (thrown) {
      this.error(thrown);
    }
  }

  protected override _complete(): void {
    this.#ended();
  }
}
