/** The contract of a sink, as checks that a test runs against it. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/environment/clock.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import { FlowError } from '../streams/errors.ts';
import type { Sink, SinkWriter } from '../streams/sink.ts';
import { shown, unmet } from './assertion.ts';
import { settledWithin } from './contract-parts.ts';
import { limits } from './limits.ts';

/** What a sink is to be checked for. */
export interface CheckSinkOptions<T> {
  /** What is written: at least three elements, so that there are several batches. */
  items: readonly T[];
  /** What arrived at the other end of the sink that was made last, whole elements in their order. */
  read: () => readonly unknown[] | Promise<readonly unknown[]>;
  /** What `read` answers when all was written and finished: the items themselves unless given. */
  expected?: readonly unknown[];
  /** Called behind each opening: connects readers, or whatever the sink writes for. */
  opened?: () => void | Promise<void>;
  /** Sinks that must fail when `items` are written: with an error of flows, such as SinkFailed. */
  failing?: readonly (() => Sink<T>)[];
  /** Whether what the one made last has opened is still open. */
  isOpen?: () => boolean;
  /** How long each answer may take, in ms of real time: 5 s unless given. */
  withinMs?: number;
  /** Time as the sink sees it; the machine's unless given. */
  clock?: Clock;
}

/**
 * Checks a sink against the contract that flows rely on:
 *
 * 1. elements arrive once and in their order, when they are written one batch after another and then finished;
 * 2. `write` and `finish` settle, and `counts` are numbers at any time;
 * 3. after `abort` nothing is half-written: what arrived are whole elements, the first of what was given;
 * 4. when its signal aborts, a write that is under way settles within the bound, and after `finish` and after `abort` what
 *    it opened is released;
 * 5. what it fails with is an error of flows with a stable code.
 *
 * @param makeSink Makes one for each check: each opens its own.
 * @throws AssertionError that names what was broken.
 */
export async function checkSink<T>(makeSink: () => Sink<T>, options: CheckSinkOptions<T>): Promise<void> {
  await new SinkCheck(makeSink, options).run();
}

class SinkCheck<T> {
  readonly #make: () => Sink<T>;
  readonly #options: CheckSinkOptions<T>;
  readonly #withinMs: number;

  constructor(make: () => Sink<T>, options: CheckSinkOptions<T>) {
    this.#make = make;
    this.#options = options;
    this.#withinMs = options.withinMs ?? limits.contractWithinMs;
  }

  async run(): Promise<void> {
    await this.#writesAll();
    await this.#finishesEmpty();
    for (const written of [0, 1]) await this.#aborts(written);
    await this.#settlesWhenAborted();
    for (const make of this.#options.failing ?? []) await this.#failsTyped(make);
  }

  async #writesAll(): Promise<void> {
    const { items, expected = items } = this.#options;
    const { writer } = await this.#open(this.#make());
    for (const batch of batches(items)) {
      await this.#within(writer.write(batch), 'a write did not settle');
      this.#checkCounts(writer);
    }
    await this.#within(writer.finish?.(), '`finish` did not settle');
    this.#checkCounts(writer);
    const arrived = await this.#options.read();
    if (arrived.length !== expected.length || !isPrefix(arrived, expected))
      throw this.#broken('other elements arrived than were written', arrived, expected);
    this.#checkReleased('after `finish`');
  }

  async #finishesEmpty(): Promise<void> {
    const { writer } = await this.#open(this.#make());
    await this.#within(writer.finish?.(), '`finish` did not settle where nothing was written');
    this.#checkReleased('after `finish`');
  }

  async #aborts(written: number): Promise<void> {
    const { items, expected = items } = this.#options;
    const { writer, stop } = await this.#open(this.#make());
    for (const batch of batches(items).slice(0, written))
      await this.#within(writer.write(batch), 'a write did not settle');
    stop.abort();
    await this.#within(writer.abort?.(), '`abort` did not settle');
    const arrived = await this.#options.read();
    if (!isPrefix(arrived, expected))
      throw this.#broken('something half-written was left by `abort`', arrived, expected);
    this.#checkReleased('after `abort`');
  }

  async #settlesWhenAborted(): Promise<void> {
    const { writer, stop } = await this.#open(this.#make());
    const pending = Promise.resolve(writer.write([...this.#options.items])).then(undefined, () => undefined);
    stop.abort();
    await this.#within(pending, 'a write did not settle when the signal aborted');
    await this.#within(writer.abort?.(), '`abort` did not settle');
    this.#checkReleased('after `abort`');
  }

  async #failsTyped(make: () => Sink<T>): Promise<void> {
    let writer: SinkWriter<T> | undefined;
    try {
      ({ writer } = await this.#open(make()));
      await this.#within(writer.write([...this.#options.items]), 'a write did not settle');
      await this.#within(writer.finish?.(), '`finish` did not settle');
    } catch (thrown) {
      if ((thrown as { code?: string }).code === 'ERR_ASSERTION') throw thrown;
      if (!(thrown instanceof FlowError))
        throw this.#broken('it failed with an error that is none of flows', thrown, 'SinkFailed');
      await this.#within(writer?.abort?.(), '`abort` did not settle');
      this.#checkReleased('after it failed');
      return;
    }
    throw this.#broken('it went on where it must fail', 'no error', 'an error of flows');
  }

  async #open(sink: Sink<T>): Promise<{ writer: SinkWriter<T>; stop: AbortController }> {
    if (typeof sink.name !== 'string' || sink.name === '') throw this.#broken('it has no name', sink.name, 'a name');
    const stop = new AbortController();
    const context = { signal: stop.signal, clock: this.#options.clock ?? realClock(), random: realRandom() };
    const writer = await this.#within(sink.open(context), 'it was not opened');
    await this.#options.opened?.();
    return { writer, stop };
  }

  #checkCounts(writer: SinkWriter<T>): void {
    const counts = writer.counts?.() ?? {};
    const isNumbers = Object.values(counts).every((count) => Number.isFinite(count));
    if (!isNumbers) throw this.#broken('its counts are no numbers', counts, 'numbers by name');
  }

  #checkReleased(when: string): void {
    if (this.#options.isOpen?.() === true)
      throw this.#broken(`it left open what it had opened, ${when}`, 'open', 'released');
  }

  #within<R>(value: Promise<R> | R, what: string): Promise<R> {
    const late = (): Error => this.#broken(`${what} within ${this.#withinMs} ms`, 'pending', 'settled');
    return settledWithin(Promise.resolve(value), this.#withinMs, late);
  }

  #broken(what: string, actual: unknown, expected: unknown): Error {
    return unmet(
      `the sink breaks its contract: ${what}; there was ${shown(actual)}, expected ${shown(expected)}`,
      actual,
      expected,
      checkSink,
    );
  }
}

/** Three batches, of different lengths. */
function batches<T>(items: readonly T[]): T[][] {
  const cut = [0, 1, Math.max(1, Math.ceil(items.length / 2)), items.length];
  return cut
    .slice(1)
    .map((end, index) => items.slice(cut[index], end))
    .filter((batch) => batch.length > 0);
}

function isPrefix(arrived: readonly unknown[], expected: readonly unknown[]): boolean {
  return arrived.length <= expected.length && arrived.every((item, index) => isDeepStrictEqual(item, expected[index]));
}
