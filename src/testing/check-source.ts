/**
 * The contract of a source, as checks that a test runs against it: in the spirit of the Technology Compatibility Kit of
 * Reactive Streams, for sources that are pulled.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/environment/clock.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import { FlowError } from '../streams/errors.ts';
import {
  batchOf,
  onlySplit,
  type Position,
  type Source,
  type SourceBatch,
  type SourceContext,
} from '../streams/source.ts';
import { shown, unmet } from './assertion.ts';
import { settledWithin } from './contract-parts.ts';
import { pass } from './event-loop.ts';
import { limits } from './limits.ts';

/** What a source is to be checked for. */
export interface CheckSourceOptions<T> {
  /**
   * What it gives, in its order. A source that has no end is stopped when it gave so many. Absent: the contents are not
   * looked at, and it must end by itself.
   */
  expected?: readonly T[];
  /** Made by sources that must fail: with an error of flows, such as SourceFailed. */
  failing?: readonly (() => Source<unknown>)[];
  /** Called behind each opening: lets what it reads from give its elements, or answers nothing. */
  feed?: () => void | Promise<void>;
  /** How many elements have been taken from what the source reads, so far, by the one made last. */
  readSoFar?: () => number;
  /** How many more than it gave it may take: 0 unless given. */
  readAheadMax?: number;
  /** Whether what the one made last has opened is still open. */
  isOpen?: () => boolean;
  /** How long each answer may take, in ms of real time: 5 s unless given. */
  withinMs?: number;
  /** Time as the source sees it; the machine's unless given. */
  clock?: Clock;
}

/**
 * Checks a source against the contract that flows rely on:
 *
 * 1. it is opened by the first `next`, and never reads more than `readAheadMax` beyond what was asked for;
 * 2. batches are arrays that were not given before, and are left alone once they were given;
 * 3. it ends once, and stays ended; `bounded` ones end by themselves;
 * 4. when its signal aborts, or its iterator is closed, it ends within the bound and releases what it opened;
 * 5. from every position that it says, it gives exactly the rest;
 * 6. what it fails with is an error of flows with a stable code.
 *
 * @param makeSource Makes one for each check: each opens its own.
 * @throws AssertionError that names what was broken.
 */
export async function checkSource<T>(makeSource: () => Source<T>, options: CheckSourceOptions<T> = {}): Promise<void> {
  await new SourceCheck(makeSource, options).run();
}

type Given<T> = IteratorResult<readonly T[] | SourceBatch<T>>;

/** A source that was opened by a check. */
interface Opened<T> {
  readonly source: Source<T>;
  readonly iterator: AsyncIterator<readonly T[] | SourceBatch<T>>;
  readonly stop: AbortController;
}

class SourceCheck<T> {
  readonly #make: () => Source<T>;
  readonly #options: CheckSourceOptions<T>;
  readonly #withinMs: number;

  constructor(make: () => Source<T>, options: CheckSourceOptions<T>) {
    this.#make = make;
    this.#options = options;
    this.#withinMs = options.withinMs ?? limits.contractWithinMs;
  }

  async run(): Promise<void> {
    const positions = await this.#givesWhatIsExpected();
    await this.#readsWhatIsAskedFor();
    await this.#stops('its signal aborts', (opened) => opened.stop.abort());
    await this.#stops('its iterator is closed', (opened) => {
      opened.stop.abort();
      void opened.iterator.return?.();
    });
    await this.#staysShut();
    for (const { from, given } of positions) await this.#resumes(from, given);
    for (const make of this.#options.failing ?? []) await this.#failsTyped(make);
  }

  /** @returns some of the positions that it said, each with how many elements stood before. */
  async #givesWhatIsExpected(): Promise<{ from: ReadonlyMap<string, Position>; given: number }[]> {
    const { expected } = this.#options;
    const opened = await this.#open();
    if (typeof opened.source.name !== 'string' || opened.source.name === '')
      throw this.#broken('it has no name', opened.source.name, 'a name');
    const items: T[] = [];
    const seen = new Map<readonly T[], readonly T[]>();
    const at = new Map<string, Position>();
    const positions: { from: ReadonlyMap<string, Position>; given: number }[] = [];
    let ended = false;
    while (!ended && (expected === undefined || items.length < expected.length || opened.source.bounded === true)) {
      const given = await this.#next(opened, `after ${items.length} elements`);
      for (const [batch, copy] of seen) this.#checkUntouched(batch, copy);
      ended = given.done === true;
      if (ended) break;
      const batch = batchOf(given.value);
      if (!Array.isArray(batch.items)) throw this.#broken('a batch is no array', batch.items, []);
      if (seen.has(batch.items))
        throw this.#broken('it gave one array twice', batch.items, 'an array of its own for each batch');
      if (seen.size < limits.contractBatchesKept) seen.set(batch.items, [...batch.items]);
      for (const item of batch.items) items.push(item);
      if (batch.position !== undefined) at.set(batch.split ?? onlySplit, batch.position);
      if (at.size > 0) positions.push({ from: new Map(at), given: items.length });
    }
    if (expected !== undefined) this.#checkItems(items, expected, 'it gave other elements than expected');
    if (ended) {
      const again = await this.#next(opened, 'after its end');
      if (again.done !== true) throw this.#broken('it went on after its end', again.value, 'done');
    }
    await this.#close(opened);
    return spread(positions, limits.contractPositions);
  }

  /** Nothing is read before the first `next`, and little beyond what was given. */
  async #readsWhatIsAskedFor(): Promise<void> {
    const { readSoFar, readAheadMax = 0 } = this.#options;
    if (readSoFar === undefined) return;
    const opened = await this.#open();
    await quiet();
    if (readSoFar() > readAheadMax)
      throw this.#broken('it read before it was asked', readSoFar(), `at most ${readAheadMax}`);
    let given = 0;
    for (let asked = 0; asked < limits.contractPositions; asked += 1) {
      const next = await this.#next(opened, `after ${given} elements`);
      if (next.done === true) break;
      given += batchOf(next.value).items.length;
      await quiet();
      const read = readSoFar();
      if (read > given + readAheadMax)
        throw this.#broken(`it read ahead of what it gave, ${given} elements`, read, `at most ${given + readAheadMax}`);
    }
    await this.#close(opened);
  }

  /** However it is stopped: while it waits, and between two batches. */
  async #stops(how: string, stop: (opened: Opened<T>) => void): Promise<void> {
    for (const when of ['at once', 'while it waits', 'between batches'] as const) {
      const opened = await this.#open();
      let pending: Promise<unknown> = Promise.resolve();
      if (when === 'between batches') await this.#next(opened, 'first');
      if (when === 'while it waits') {
        // What it gave or failed with in this moment is nobody's any more.
        pending = opened.iterator.next().then(undefined, () => undefined);
        await quiet();
      }
      stop(opened);
      await this.#within(pending, `it did not end when ${how} (${when})`);
      await this.#close(opened);
    }
  }

  /** Opened when nobody wants it any more, it gives nothing. */
  async #staysShut(): Promise<void> {
    const stop = new AbortController();
    stop.abort();
    const iterator = this.#make().open(this.#context(stop))[Symbol.asyncIterator]();
    const first = await this.#within(iterator.next(), 'it did not end, opened with a signal that had aborted');
    if (first.done !== true && batchOf(first.value).items.length > 0)
      throw this.#broken('it gave elements, opened with a signal that had aborted', first.value, 'nothing');
    await this.#within<unknown>(iterator.return?.() ?? Promise.resolve(), 'it did not close');
    this.#checkReleased();
  }

  async #resumes(from: ReadonlyMap<string, Position>, given: number): Promise<void> {
    const { expected } = this.#options;
    if (expected === undefined) return;
    const opened = await this.#open(from);
    const rest = expected.slice(given);
    const items: T[] = [];
    while (items.length < rest.length || opened.source.bounded === true) {
      const next = await this.#next(opened, `from position ${shown(from)}, after ${items.length} elements`);
      if (next.done === true) break;
      items.push(...batchOf(next.value).items);
    }
    this.#checkItems(items, rest, `from position ${shown(from)} it gave other elements than the rest`);
    await this.#close(opened);
  }

  async #failsTyped(make: () => Source<unknown>): Promise<void> {
    const stop = new AbortController();
    const iterator = make().open(this.#context(stop))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#within(iterator.next(), 'it did not fail');
        if (next.done === true) throw this.#broken('it ended where it must fail', 'its end', 'an error of flows');
      }
    } catch (thrown) {
      if ((thrown as { code?: string }).code === 'ERR_ASSERTION') throw thrown;
      if (!(thrown instanceof FlowError))
        throw this.#broken('it failed with an error that is none of flows', thrown, 'SourceFailed');
    } finally {
      stop.abort();
    }
    const after = await this.#within(iterator.next(), 'it did not end after its failure');
    if (after.done !== true) throw this.#broken('it went on after its failure', after.value, 'done');
    this.#checkReleased();
  }

  async #open(from?: ReadonlyMap<string, Position>): Promise<Opened<T>> {
    const stop = new AbortController();
    const source = this.#make();
    const iterator = source.open(this.#context(stop, from))[Symbol.asyncIterator]();
    return { source, iterator, stop };
  }

  #context(stop: AbortController, from?: ReadonlyMap<string, Position>): SourceContext {
    return { signal: stop.signal, clock: this.#options.clock ?? realClock(), random: realRandom(), from };
  }

  async #next(opened: Opened<T>, when: string): Promise<Given<T>> {
    const next = opened.iterator.next();
    next.catch(() => undefined);
    await this.#options.feed?.();
    return this.#within(next, `it gave no batch (${when})`);
  }

  async #close({ iterator, stop }: Opened<T>): Promise<void> {
    stop.abort();
    await this.#within<unknown>(
      iterator.return?.() ?? Promise.resolve(),
      'it did not close when its iterator was closed',
    );
    const next = await this.#within(iterator.next(), 'it did not end after it was closed');
    if (next.done !== true) throw this.#broken('it went on after it was closed', next.value, 'done');
    this.#checkReleased();
  }

  #checkReleased(): void {
    if (this.#options.isOpen?.() === true) throw this.#broken('it left open what it had opened', 'open', 'released');
  }

  #checkItems(items: readonly T[], expected: readonly T[], what: string): void {
    const at = expected.findIndex((item, index) => !isDeepStrictEqual(item, items[index]));
    const where = at < 0 ? expected.length : at;
    if (items.length === expected.length && at < 0) return;
    throw this.#broken(
      `${what}, from element ${where} on`,
      items.slice(where, where + 3),
      expected.slice(where, where + 3),
    );
  }

  #checkUntouched(batch: readonly T[], copy: readonly T[]): void {
    if (batch.length === copy.length && batch.every((item, index) => Object.is(item, copy[index]))) return;
    throw this.#broken('it changed a batch that it had given', batch, copy);
  }

  #within<R>(promise: Promise<R>, what: string): Promise<R> {
    return settledWithin(promise, this.#withinMs, () =>
      this.#broken(`${what} within ${this.#withinMs} ms`, 'pending', 'settled'),
    );
  }

  #broken(what: string, actual: unknown, expected: unknown): Error {
    return unmet(
      `the source breaks its contract: ${what}; there was ${shown(actual)}, expected ${shown(expected)}`,
      actual,
      expected,
      checkSource,
    );
  }
}

/** Lets what is under way in this process come as far as it does by itself. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < limits.contractTurns; turn += 1) await pass();
}

/** At most `count` of the list, evenly, the first and the last among them. */
function spread<E>(list: readonly E[], count: number): E[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, index) => list[Math.floor((index * (list.length - 1)) / (count - 1))]!);
}
