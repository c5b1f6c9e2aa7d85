/**
 * The timers of keys: each has a name, of its key, and is due by event time or by the clock.
 *
 * A timer is a number, and what is known of it stands in columns; those of one key are linked. Two heaps say which is
 * due next. Timers of one time fire in the order in which they were set.
 */
import type { Cancel } from '../../base/environment/clock.ts';
import type { ProcessorContext } from '../processor.ts';
import { none } from '../windows/key-table.ts';
import { Slots } from '../windows/slots.ts';
import { Timers } from '../windows/timers.ts';

/** A timer that is due. */
export interface DueTimer {
  slot: number;
  name: string;
  /** When it was due: event time, or ms since the epoch by the clock. */
  timeMs: number;
  kind: 'event' | 'clock';
  /** How many timers set the next one so that it was due at once, up to this one. */
  chain: number;
}

export class KeyTimers {
  readonly #context: ProcessorContext;
  readonly #slots = new Slots();
  readonly #event = new Timers();
  /** By monotonic time, since the clock of the wall may jump. */
  readonly #clock = new Timers();
  /** The first timer of each slot, then of each timer the next of its slot. */
  #firsts: number[] = [];
  #nexts: number[] = [];
  #names: string[] = [];
  #owners: number[] = [];
  #chains: number[] = [];
  #set = 0;
  #armed: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  #clockDue = false;
  /** What `takeDue` answers: the same object each time. */
  readonly #due: DueTimer = { slot: none, name: '', timeMs: 0, kind: 'event', chain: 0 };

  constructor(context: ProcessorContext) {
    this.#context = context;
  }

  /** Timers that are set. */
  get size(): number {
    return this.#slots.used;
  }

  get bytes(): number {
    return this.#event.bytes + this.#clock.bytes + this.size * 40;
  }

  /** How many timers a slot has. */
  countOf(slot: number): number {
    let count = 0;
    for (let timer = this.#firsts[slot] ?? none; timer !== none; timer = this.#nexts[timer]!) count += 1;
    return count;
  }

  has(slot: number, name: string): boolean {
    return this.#find(slot, name) !== none;
  }

  /** Sets a timer by event time; one of its name is moved. */
  at(slot: number, name: string, timeMs: number, chain: number): void {
    const timer = this.#timerOf(slot, name, chain);
    this.#clock.clear(timer);
    this.#event.set(timer, timeMs, this.#set);
  }

  /** Sets a timer by the clock; one of its name is moved. */
  onClock(slot: number, name: string, delayMs: number, chain: number): void {
    const timer = this.#timerOf(slot, name, chain);
    this.#event.clear(timer);
    this.#clock.set(timer, this.#context.clock.monotonicMs() + delayMs, this.#set);
    this.#arm();
  }

  /** Whether there was one. */
  clear(slot: number, name: string): boolean {
    const timer = this.#find(slot, name);
    if (timer === none) return false;
    this.#event.clear(timer);
    this.#clock.clear(timer);
    this.#free(timer);
    return true;
  }

  /** Whether one is due where event time is at `watermarkMs`. */
  isDue(watermarkMs: number): boolean {
    return this.#clockDue || (this.#event.size > 0 && this.#event.nextMs <= watermarkMs);
  }

  /**
   * The next timer that is due, which is gone: by event time first, then by the clock; where the input has ended all
   * are due. What it answers holds until the next call.
   */
  takeDue(watermarkMs: number): DueTimer | undefined {
    const eventMs = this.#event.nextMs;
    const byEvent = this.#event.takeDue(watermarkMs);
    if (byEvent !== undefined) return this.#taken(byEvent, 'event', eventMs);
    if (!this.#clockDue && watermarkMs !== Infinity) return undefined;
    const { clock } = this.#context;
    const nowMs = clock.monotonicMs();
    const dueMs = this.#clock.nextMs;
    const byClock = this.#clock.takeDue(watermarkMs === Infinity ? Infinity : nowMs);
    if (byClock !== undefined) return this.#taken(byClock, 'clock', clock.now() + dueMs - nowMs);
    this.#clockDue = false;
    this.#arm();
    return undefined;
  }

  stop(): void {
    this.#armed?.cancel();
    this.#armed = undefined;
  }

  #taken(timer: number, kind: DueTimer['kind'], timeMs: number): DueTimer {
    const due = this.#due;
    due.slot = this.#owners[timer]!;
    due.name = this.#names[timer]!;
    due.chain = this.#chains[timer]!;
    due.kind = kind;
    due.timeMs = timeMs;
    this.#free(timer);
    return due;
  }

  /** The clock is set for the earliest timer by it. */
  #arm(): void {
    const atMs = this.#clock.nextMs;
    if (this.#clockDue || atMs === Infinity || (this.#armed?.atMs ?? Infinity) <= atMs) return;
    this.#armed?.cancel();
    const { clock, wake } = this.#context;
    const cancel = clock.wake(Math.max(0, atMs - clock.monotonicMs()), () => {
      this.#armed = undefined;
      this.#clockDue = true;
      wake();
    });
    this.#armed = { atMs, cancel };
  }

  #timerOf(slot: number, name: string, chain: number): number {
    this.#set += 1;
    let timer = this.#find(slot, name);
    if (timer === none) {
      timer = this.#slots.take();
      this.#names[timer] = name;
      this.#owners[timer] = slot;
      this.#nexts[timer] = this.#firsts[slot] ?? none;
      this.#firsts[slot] = timer;
    }
    this.#chains[timer] = chain;
    return timer;
  }

  #find(slot: number, name: string): number {
    let timer = this.#firsts[slot] ?? none;
    while (timer !== none && this.#names[timer] !== name) timer = this.#nexts[timer]!;
    return timer;
  }

  #free(timer: number): void {
    const slot = this.#owners[timer]!;
    const next = this.#nexts[timer]!;
    if (this.#firsts[slot] === timer) this.#firsts[slot] = next;
    else {
      let before = this.#firsts[slot]!;
      while (this.#nexts[before] !== timer) before = this.#nexts[before]!;
      this.#nexts[before] = next;
    }
    this.#names[timer] = '';
    this.#slots.give(timer);
    if (this.#slots.used > 0) return;
    this.#firsts = [];
    this.#nexts = [];
    this.#names = [];
    this.#owners = [];
    this.#chains = [];
  }
}
