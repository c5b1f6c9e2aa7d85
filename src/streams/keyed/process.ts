/**
 * A process at the head of a segment: handlers of the user with the state and the timers of each key.
 *
 * Timers fire in the order of their times, and what they see has not expired by their own time, however far event time
 * went at once; then what has expired by now is let go. So results do not depend on how often watermarks come.
 */
import { isThenable } from '../../actors/lifecycle.ts';
import { UsageError } from '../../base/errors.ts';
import type { Key } from '../../base/hash-key.ts';
import { isA } from '../../base/thrown.ts';
import { FlowError, OperatorOverflow, StageFailed, StateOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { untimed } from './idle-keys.ts';
import { type DueTimer, KeyTimers } from './key-timers.ts';
import { ListColumn } from './list-column.ts';
import { MapColumn } from './map-column.ts';
import { PendingResults } from './pending-results.ts';
import type { AnyProcessHandlers } from './process-types.ts';
import { SortedColumn } from './sorted-column.ts';
import { type StateSpec, type StateSpecs, statesText } from './state.ts';
import type { StateColumn } from './state-column.ts';
import { StateOwner } from './state-owner.ts';
import { Sweeper } from './sweeper.ts';
import { ValueColumn } from './value-column.ts';

export interface ProcessOptions {
  readonly states: StateSpecs;
  readonly handlers: AnyProcessHandlers;
}

export function processSpec(options: ProcessOptions): ProcessorSpec {
  return {
    kind: 'process',
    text: statesText(options.states),
    make: (context) => new Process(options, context),
  };
}

function columnOf(name: string, spec: StateSpec<unknown>, owner: StateOwner): StateColumn {
  switch (spec.kind) {
    case 'value':
      return new ValueColumn(spec, owner);
    case 'list':
      return new ListColumn(name, spec, owner);
    case 'map':
      return new MapColumn(name, spec, owner);
    case 'sorted':
      return new SortedColumn(name, spec, owner);
    default:
      return spec.kind satisfies never;
  }
}

/** What handlers are given: see `ProcessContext`. */
interface Given {
  key: Key;
  timeMs: number;
  watermarkMs: number;
  name: string;
}

class Process implements Processor {
  readonly #handlers: AnyProcessHandlers;
  readonly #context: ProcessorContext;
  readonly #owner: StateOwner;
  readonly #columns: readonly StateColumn[];
  readonly #expiring: readonly StateColumn[];
  readonly #timers: KeyTimers;
  readonly #sweeper: Sweeper;
  readonly #pending: PendingResults;
  readonly #given: Given;
  #watermarkMs = -Infinity;
  /** How far event time has gone for handlers: to the last timer while timers fire. It is finite from its first value on. */
  #nowMs = -Infinity;
  /** The time of the last element, for what a timer by the clock gives before there is a watermark. */
  #latestMs: number = Number.NaN;
  /** What `timers.after` counts from. */
  #fromMs: number = Number.NaN;
  /** The timer whose call it is. */
  #firing: DueTimer | undefined;

  constructor({ states, handlers }: ProcessOptions, context: ProcessorContext) {
    this.#handlers = handlers;
    this.#context = context;
    this.#owner = new StateOwner(context.stage);
    const columns = Object.entries(states).map(([name, spec]) => [name, columnOf(name, spec, this.#owner)] as const);
    this.#columns = columns.map(([, column]) => column);
    this.#expiring = this.#columns.filter(({ expiry }) => expiry !== undefined);
    this.#sweeper = new Sweeper(
      this.#expiring.map(({ expiry }) => expiry!),
      context,
    );
    this.#timers = new KeyTimers(context);
    this.#pending = new PendingResults(context);
    const outputs = new Set(handlers.outputs);
    this.#given = {
      key: '',
      timeMs: Number.NaN,
      watermarkMs: -Infinity,
      name: '',
      ...{
        state: Object.freeze(Object.fromEntries(columns)),
        timers: Object.freeze({
          at: (timeMs: number, name = '') => this.#setAt(timeMs, name),
          after: (delayMs: number, name = '') => this.#setAt(this.#fromMs + delayMs, name),
          onClock: (delayMs: number, name = '') => this.#setOnClock(delayMs, name),
          clear: (name = '') => this.#clearTimer(name),
        }),
        emit: (value: unknown) => {
          this.#owner.check();
          this.#pending.give(undefined, value);
        },
        output: (name: string, value: unknown) => {
          this.#owner.check();
          if (!outputs.has(name)) {
            throw new UsageError(`there is no side output '${name}'; name it: { outputs: ['${name}'], onElement, … }`);
          }
          this.#pending.give(name, value);
        },
      },
    };
  }

  get held(): StateHeld {
    let [entries, dropped, bytes] = [0, 0, 0];
    for (const column of this.#columns) {
      entries += column.kept;
      dropped += column.dropped;
      bytes += column.bytes;
    }
    const { size: keys, bytes: ofKeys } = this.#owner;
    const stateBytes = bytes + ofKeys + this.#timers.bytes + this.#pending.bytes;
    return { keys, entries, timers: this.#timers.size, waiting: this.#pending.size, dropped, stateBytes };
  }

  get groups(): readonly GroupHeld[] {
    return this.#owner.groups(this.held.stateBytes - this.#owner.bytes);
  }

  get due(): boolean {
    return this.#pending.size > 0 || this.#sweeper.due || this.#timers.isDue(this.#watermarkMs);
  }

  add(item: unknown, timeMs: number): boolean {
    const key = this.#context.keyOf[0]!(item);
    const { timed } = this.#context;
    if (timed) {
      if (Number.isNaN(timeMs)) throw new RangeError(untimed);
      this.#latestMs = timeMs;
    }
    this.#call(key, timeMs, Math.max(timeMs, this.#nowMs), item, undefined);
    return true;
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#sweeper.advance(watermarkMs);
  }

  work(): boolean {
    if (this.#pending.drain()) return true;
    const timer = this.#timers.takeDue(this.#watermarkMs);
    if (timer !== undefined) {
      this.#fire(timer);
      return true;
    }
    if (this.#sweeper.work()) return true;
    this.#owner.trim();
    if (this.#watermarkMs !== Infinity) this.#nowMs = this.#watermarkMs;
    return false;
  }

  stop(): void {
    this.#timers.stop();
    this.#sweeper.stop();
  }

  #fire(timer: DueTimer): void {
    const { timeMs, kind, slot } = timer;
    const ofEvent = kind === 'event' && timeMs !== Infinity;
    if (ofEvent && timeMs > this.#nowMs) this.#nowMs = timeMs;
    // The clock may fire before there is a watermark, and what it gives has some time.
    const atMs = this.#nowMs === -Infinity ? this.#latestMs : this.#nowMs;
    const key = this.#owner.keyAt(slot);
    this.#given.name = timer.name;
    this.#call(key, ofEvent ? timeMs : atMs, atMs, undefined, timer);
  }

  /**
   * Calls a handler, within which the state of a key is open.
   *
   * @param fromMs what `timers.after` counts from, and the time of an element.
   * @param atMs the event time of what it gives and writes.
   */
  #call(key: Key, fromMs: number, atMs: number, item: unknown, timer: DueTimer | undefined): void {
    const owner = this.#owner;
    const given = this.#given;
    const slot = owner.begin(key);
    // The timer that led here counted as something that its key has.
    if (timer !== undefined) owner.less(slot);
    this.#firing = timer;
    try {
      if (this.#expiring.length > 0) this.#expire(slot, atMs);
      this.#pending.begin(atMs);
      this.#fromMs = fromMs;
      given.key = key;
      given.timeMs = timer === undefined ? fromMs : atMs;
      given.watermarkMs = this.#watermarkMs;
      const result =
        timer === undefined ? this.#handlers.onElement(item, given) : this.#handlers.onTimer!(timer.timeMs, given);
      if (result !== undefined && isThenable(result)) this.#refuse(result, timer);
    } catch (thrown) {
      throw isA(thrown, FlowError) ? thrown : new StageFailed(this.#context.stage, thrown, key);
    } finally {
      owner.end();
    }
    this.#sweeper.arm();
  }

  /** State that is over by now is gone before a handler sees it. */
  #expire(slot: number, atMs: number): void {
    const owner = this.#owner;
    owner.nowMs = this.#context.timed ? this.#nowMs : this.#context.clock.monotonicMs();
    owner.touchMs = this.#context.timed ? atMs : owner.nowMs;
    for (const column of this.#expiring) column.expire(slot, owner.nowMs);
  }

  #refuse(promise: PromiseLike<unknown>, timer: DueTimer | undefined): never {
    promise.then(undefined, () => undefined);
    const handler = timer === undefined ? 'onElement' : 'onTimer';
    throw new UsageError(
      `${handler} returned a promise, and the state of a key is open during its call only. Await what it needs in a ` +
        'stage before the process, by lookup(…) or each(…)',
    );
  }

  // ── timers ──

  #setAt(timeMs: number, name: string): void {
    if (!this.#context.timed) {
      throw new UsageError(
        'timers.at and timers.after are by event time, which the flow has not; give from(source, { time: (item) => … }), ' +
          'or take timers.onClock',
      );
    }
    if (Number.isNaN(timeMs)) throw new RangeError('a timer was set at NaN; it takes ms of event time');
    const slot = this.#slotForTimer(name);
    this.#timers.at(slot, name, timeMs, this.#chain(timeMs <= this.#nowMs));
  }

  #setOnClock(delayMs: number, name: string): void {
    if (!(delayMs >= 0)) throw new RangeError(`timers.onClock takes ms from 0 on; it was given ${String(delayMs)}`);
    const slot = this.#slotForTimer(name);
    this.#timers.onClock(slot, name, delayMs, this.#chain(delayMs === 0));
  }

  #slotForTimer(name: string): number {
    const { slot, stage } = this.#owner;
    if (this.#handlers.onTimer === undefined)
      throw new UsageError('a timer was set, and there is no onTimer(timeMs, context)');
    if (typeof name !== 'string') throw new TypeError('the name of a timer is text');
    if (this.#timers.has(slot, name)) return slot;
    if (this.#timers.countOf(slot) >= streamLimits.timersPerKeyMax) {
      throw new StateOverflow(stage, 'timers', streamLimits.timersPerKeyMax, this.#owner.keyAt(slot));
    }
    this.#owner.more(slot);
    return slot;
  }

  #clearTimer(name: string): boolean {
    const { slot } = this.#owner;
    if (!this.#timers.clear(slot, name)) return false;
    this.#owner.less(slot);
    return true;
  }

  /** A timer that sets another that is due at once, and so on, must end some time. */
  #chain(dueAtOnce: boolean): number {
    if (this.#firing === undefined || !(dueAtOnce || this.#watermarkMs === Infinity)) return 0;
    const chain = this.#firing.chain + 1;
    if (chain <= streamLimits.timerChainMax) return chain;
    throw new OperatorOverflow(
      this.#context.stage,
      'process',
      'timers that were each set by the one before and due at once',
      streamLimits.timerChainMax,
      'At the end of the input every timer is due: set no further one where watermarkMs is Infinity and no state waits',
    );
  }
}
