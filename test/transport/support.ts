/** A network without sockets, and a process that stalls, for the tests of this folder. */
import type { Link } from '../../src/base/environment/network.ts';
import { pass } from '../../src/testing/event-loop.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { CloseReason } from '../../src/transport/close-codes.ts';

/** As if the process had been stopped for `ms`: every due timer fires late, before anything that arrived is read. */
export async function stall(clock: VirtualClock, ms: number): Promise<void> {
  const endMs = clock.monotonicMs() + ms;
  clock.goTo(endMs);
  while (clock.fireNext(endMs));
  await pass();
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
