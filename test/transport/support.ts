/** Virtual time, seeded chance and a network without sockets, for the tests of this folder. */
import type { Cancel, Clock } from '../../src/base/environment/clock.ts';
import type { Link } from '../../src/base/environment/network.ts';
import type { Random } from '../../src/base/environment/random.ts';
import type { CloseReason } from '../../src/transport/close-codes.ts';

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** A clock that stands still until `advance`. */
export class VirtualClock implements Clock {
  #nowMs = 1_000;
  readonly #timers = new Set<Timer>();

  get pendingTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  timer(delayMs: number, fire: () => void): Cancel {
    const timer = { dueMs: this.#nowMs + delayMs, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  wake(delayMs: number, fire: () => void): Cancel {
    return this.timer(delayMs, fire);
  }

  /** Fires all timers of the next `ms`, in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.fire();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** As if the process had been stopped for `ms`: every due timer fires late, before anything that arrived is read. */
  async stall(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#nowMs).sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of due) {
      if (this.#timers.delete(timer)) timer.fire();
    }
    await settle();
  }
}

/** Real time, for tests with real sockets. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer: (delayMs, fire) => {
    const handle = setTimeout(fire, delayMs).unref();
    return () => clearTimeout(handle);
  },
  wake: (delayMs, fire) => {
    const handle = setTimeout(fire, delayMs);
    return () => clearTimeout(handle);
  },
};

export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A small generator (mulberry32): the same seed gives the same bytes. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  fraction(): number {
    return this.u32() / 2 ** 32;
  }

  id(): string {
    return this.u32().toString(36);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }

  fork(): Random {
    return new SeededRandom(this.u32());
  }
}

/** One end of a link in memory. Frames arrive one microtask later; `cut` makes it a cable that was pulled. */
export class MemoryLink implements Link {
  readonly remote: string;
  onFrame: (frame: Uint8Array) => void = () => undefined;
  onClose: (reason: CloseReason) => void = () => undefined;
  other: MemoryLink | undefined;
  readonly sent: Uint8Array[] = [];
  readonly closes: CloseReason[] = [];
  admitted = 0;
  /** Frames go nowhere and nobody is told. */
  isCut = false;
  /** While true, `send` answers false. */
  isFull = false;
  #drainWaiters: (() => void)[] = [];
  #isClosed = false;

  constructor(remote: string) {
    this.remote = remote;
  }

  admit(): void {
    this.admitted += 1;
  }

  send(frame: Uint8Array): boolean {
    if (this.#isClosed) return false;
    const copy = frame.slice();
    this.sent.push(copy);
    if (!this.isCut) queueMicrotask(() => this.other?.deliver(copy));
    return !this.isFull;
  }

  deliver(frame: Uint8Array): void {
    if (!this.#isClosed) this.onFrame(frame);
  }

  drained(): Promise<void> {
    if (!this.isFull || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  drain(): void {
    this.isFull = false;
    for (const wake of this.#drainWaiters.splice(0)) wake();
  }

  close(code: number, text: string): void {
    if (this.#isClosed) return;
    this.closes.push({ code, text });
    if (!this.isCut) queueMicrotask(() => this.other?.end({ code, text }));
    this.end({ code, text });
  }

  end(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.drain();
    this.onClose(reason);
  }
}

export function linkPair(): readonly [MemoryLink, MemoryLink] {
  const [a, b] = [new MemoryLink('memory:b'), new MemoryLink('memory:a')];
  a.other = b;
  b.other = a;
  return [a, b];
}

export function bytesOf(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : Buffer.from(part))));
}
