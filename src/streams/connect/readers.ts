/**
 * The readers of a sink that serves several: each has a bounded queue of its own, and a named strategy says what becomes
 * of one that is slower than the flow.
 */
import { UsageError } from '../../base/errors.ts';
import { Ring } from '../../base/ring.ts';
import { connectLimits } from '../limits.ts';
import { pause } from '../pause.ts';
import type { SinkOptions } from '../sink.ts';

/**
 * What becomes of a reader whose queue is full: the flow waits for it (`block`), it misses the oldest that wait
 * (`drop-oldest`), or it is cut off (`disconnect`).
 */
export type SlowReader = 'block' | 'drop-oldest' | 'disconnect';

/** How readers are bounded. */
export interface ReaderOptions {
  /** What becomes of one that is too slow. Default `disconnect`. */
  slow?: SlowReader;
  /** Elements that may wait for one reader: 1,024 unless given. */
  capacity?: number;
}

const strategies: readonly string[] = ['block', 'drop-oldest', 'disconnect'] satisfies SlowReader[];

/** @throws UsageError */
export function checkReaders(what: string, { slow, capacity }: ReaderOptions): void {
  if (slow !== undefined && !strategies.includes(slow))
    throw new UsageError(`${what} takes slow: ${strategies.join(' | ')}; it was given ${String(slow)}`);
  if (capacity !== undefined && (!Number.isSafeInteger(capacity) || capacity < 1))
    throw new UsageError(`${what} takes a capacity in whole elements from 1 on; it was given ${String(capacity)}`);
}

/** The wire to one reader. */
export interface ReaderWire {
  /** Sends a text. False where it should wait for `ready` before the next. */
  send(text: string): boolean;
  /** Ends it once what was sent has gone. */
  end(): void;
  /** Ends it at once. */
  cut(): void;
}

/** What the wire tells of itself. */
export interface ReaderEvents {
  /** There is room for more. */
  ready(): void;
  /** It is gone, for whatever reason. */
  gone(): void;
}

interface Reader {
  readonly wire: ReaderWire;
  readonly waiting: Ring<string>;
  hasRoom: boolean;
}

export class Readers {
  readonly #slow: SlowReader;
  readonly #capacity: number;
  readonly #context: SinkOptions;
  readonly #readers = new Set<Reader>();
  #wake: () => void = () => undefined;
  #sent = 0;
  #dropped = 0;
  #disconnected = 0;
  #unread = 0;

  constructor({ slow = 'disconnect', capacity = connectLimits.readerCapacity }: ReaderOptions, context: SinkOptions) {
    this.#slow = slow;
    this.#capacity = capacity;
    this.#context = context;
    context.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  add(wire: ReaderWire): ReaderEvents {
    const reader: Reader = { wire, waiting: new Ring<string>(), hasRoom: true };
    this.#readers.add(reader);
    return {
      ready: () => {
        reader.hasRoom = true;
        this.#pump(reader);
        this.#wake();
      },
      gone: () => this.#remove(reader),
    };
  }

  /** Gives each reader the texts, in their order; waits only for those that block. */
  async write(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      if (this.#readers.size === 0) this.#unread += 1;
      for (const reader of [...this.#readers]) {
        if (reader.waiting.size >= this.#capacity) await this.#makeRoom(reader);
        if (!this.#readers.has(reader)) continue;
        reader.waiting.push(text);
        this.#pump(reader);
      }
    }
  }

  /** Lets what waits go out, then ends all. Those that block have as long as they need, others a moment. */
  async finish(): Promise<void> {
    const over = new AbortController();
    const { clock, signal } = this.#context;
    if (this.#slow !== 'block')
      void pause(connectLimits.closeMs, { clock, signal: AbortSignal.any([signal, over.signal]) }).then(() => {
        over.abort();
        this.#wake();
      });
    while (
      !signal.aborted &&
      !over.signal.aborted &&
      [...this.#readers].some((reader) => reader.waiting.size > 0 || !reader.hasRoom)
    )
      await this.#change();
    over.abort();
    for (const { wire, waiting } of this.#readers) {
      this.#dropped += waiting.size;
      wire.end();
    }
    this.#readers.clear();
  }

  abort(): void {
    for (const { wire, waiting } of this.#readers) {
      this.#dropped += waiting.size;
      wire.cut();
    }
    this.#readers.clear();
  }

  /** Elements times readers, but `unread`: elements that came while there was none. */
  counts(): Readonly<Record<string, number>> {
    return {
      readers: this.#readers.size,
      sent: this.#sent,
      dropped: this.#dropped,
      disconnected: this.#disconnected,
      unread: this.#unread,
    };
  }

  async #makeRoom(reader: Reader): Promise<void> {
    switch (this.#slow) {
      case 'block':
        while (reader.waiting.size >= this.#capacity && this.#readers.has(reader)) {
          this.#context.signal.throwIfAborted();
          await this.#change();
        }
        return;
      case 'drop-oldest':
        reader.waiting.shift();
        this.#dropped += 1;
        return;
      case 'disconnect':
        this.#disconnected += 1;
        this.#remove(reader);
        reader.wire.cut();
        return;
      default:
        this.#slow satisfies never;
    }
  }

  #pump(reader: Reader): void {
    while (reader.hasRoom) {
      const text = reader.waiting.shift();
      if (text === undefined) return;
      this.#sent += 1;
      reader.hasRoom = reader.wire.send(text);
    }
  }

  #remove(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#dropped += reader.waiting.size;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
