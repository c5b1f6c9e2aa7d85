/**
 * The loads of a `lookup`: one under way for each key, so many at once, each tried again and given up as it was told.
 * Keys beyond that wait in their order. Where keys are loaded by the many, those of one turn go together.
 */
import type { Subscription } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { ElementGivenUp } from '../errors.ts';
import type { Attempt } from './each.ts';
import type { Here } from './here.ts';
import { type RetryOptions, retryWaitMs } from './retrying.ts';

/** What a load came to: values by key, or why there are none. */
export type Loaded<K, V> = { readonly values: ReadonlyMap<K, V | null | undefined> } | { readonly error: unknown };

export interface LoadsOptions<K, V> {
  readonly load: (keys: readonly K[], attempt: Attempt) => Awaitable<ReadonlyMap<K, V | null | undefined>>;
  /** Keys of one load. */
  readonly keysMax: number;
  readonly concurrency: number;
  readonly timeoutMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly loaded: (keys: readonly K[], loaded: Loaded<K, V>) => void;
}

type Awaitable<R> = PromiseLike<R> | R;

class Load<K> {
  readonly keys: readonly K[];
  attempt = 0;
  abort: AbortController | undefined;
  timer: Subscription | undefined;

  constructor(keys: readonly K[]) {
    this.keys = keys;
  }
}

export class Loads<K, V> {
  readonly #here: Here;
  readonly #options: LoadsOptions<K, V>;
  readonly #waiting = new Set<K>();
  readonly #loading = new Set<K>();
  readonly #loads = new Set<Load<K>>();
  #gathering: Subscription | undefined;
  #starting = false;
  #closed = false;

  constructor(here: Here, options: LoadsOptions<K, V>) {
    this.#here = here;
    this.#options = options;
  }

  /** Loads a key, unless that is under way already. */
  want(key: K): void {
    if (this.#loading.has(key) || this.#waiting.has(key)) return;
    this.#waiting.add(key);
    if (this.#options.keysMax === 1) this.#start();
    else this.#gathering ??= this.#here.on().schedule(() => this.#gathered());
  }

  /** Aborts what is under way. Nothing is said of it any more. */
  close(): void {
    this.#closed = true;
    this.#gathering?.unsubscribe();
    for (const { timer, abort } of this.#loads) {
      timer?.unsubscribe();
      abort?.abort();
    }
    this.#loads.clear();
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#start();
  }

  #start(): void {
    // A load that ends at once comes back here; the loop goes on, so that a thousand of those do not nest.
    if (this.#starting) return;
    this.#starting = true;
    const { concurrency, keysMax } = this.#options;
    while (this.#waiting.size > 0 && this.#loads.size < concurrency && !this.#closed) {
      const keys: K[] = [];
      for (const key of this.#waiting) {
        keys.push(key);
        this.#waiting.delete(key);
        this.#loading.add(key);
        if (keys.length === keysMax) break;
      }
      const load = new Load(keys);
      this.#loads.add(load);
      this.#try(load);
    }
    this.#starting = false;
  }

  #try(load: Load<K>): void {
    const { timeoutMs } = this.#options;
    const here = this.#here;
    const abort = new AbortController();
    load.attempt += 1;
    load.abort = abort;
    load.timer = undefined;
    const { attempt } = load;
    /** What comes of an attempt that was given up concerns nobody any more. */
    const end = (work: () => void): void => {
      if (this.#closed || load.abort !== abort) return;
      load.timer?.unsubscribe();
      load.abort = undefined;
      here.enter(work);
    };
    const failed = (error: unknown): void => end(() => this.#failed(load, error));
    if (timeoutMs !== undefined) {
      load.timer = here.on().schedule(() => {
        failed(new ElementGivenUp(here.stage.name, `its load took longer than ${timeoutMs} ms in lookup(…)`));
        abort.abort();
      }, timeoutMs);
    }
    try {
      const given = this.#options.load(load.keys, { attempt, signal: abort.signal });
      const done = (values: ReadonlyMap<K, V | null | undefined>): void => {
        if (typeof values?.get === 'function') end(() => this.#ended(load, { values }));
        else failed(new UsageError(`lookup: loadMany answers a Map of rows by key, and answered ${String(values)}`));
      };
      if (given instanceof Map) done(given);
      else Promise.resolve(given).then(done, failed);
    } catch (thrown) {
      failed(thrown);
    }
  }

  #failed(load: Load<K>, error: unknown): void {
    const { retry = { max: 0 } } = this.#options;
    let last: unknown = error ?? new Error('no error');
    let waitMs: number | false = false;
    try {
      waitMs = retryWaitMs(retry, load.attempt, error, this.#here.ledger.random);
    } catch (thrown) {
      last = thrown ?? new Error('no error');
    }
    if (waitMs === false) this.#ended(load, { error: last });
    else load.timer = this.#here.on().schedule(() => this.#try(load), waitMs);
  }

  #ended(load: Load<K>, loaded: Loaded<K, V>): void {
    this.#loads.delete(load);
    for (const key of load.keys) this.#loading.delete(key);
    this.#options.loaded(load.keys, loaded);
    this.#start();
  }
}
