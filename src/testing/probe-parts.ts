/** What a probe keeps of what it was sent: the arrivals in their order, the asks to answer, the streams to feed. */
import type { Operation } from '../actors/operation.ts';
import type { Request } from '../actors/request.ts';
import { StreamReader } from '../actors/stream-reader.ts';
import type { Terminated } from '../actors/watch.ts';
import { UsageError } from '../base/errors.ts';
import { shown } from './assertion.ts';
import { limits } from './limits.ts';

/** A message that reached a probe. */
export interface Received {
  /** The operation's name, such as `inc`. */
  readonly operation: string;
  /** The message as a handler would have got it. */
  readonly message: unknown;
}

/** One thing that came: a message, or the end of an actor that the probe watches. */
export type Arrival =
  | { readonly kind: 'message'; readonly operation: Operation; readonly message: unknown }
  | { readonly kind: 'terminated'; readonly event: Terminated };

/** An arrival in an error text. */
export function arrivalText(arrival: Arrival): string {
  if (arrival.kind === 'message') return `${arrival.operation.label} ${shown(arrival.message)}`;
  return `the end of ${arrival.event.ref} (${arrival.event.reason})`;
}

/** An ask that nobody has answered yet. */
export interface OpenAsk {
  readonly operation: Operation;
  readonly request: Request;
}

/** One stream of a probe, fed by the test; a reader takes from it at its own pace. */
export class Feed {
  readonly operation: Operation;
  readonly #reader: StreamReader<unknown>;
  readonly #onClose: (feed: Feed) => void;

  constructor(operation: Operation, onClose: (feed: Feed) => void) {
    this.operation = operation;
    this.#onClose = onClose;
    this.#reader = new StreamReader<unknown>().open(() => ({
      consumed(): void {
        // The test feeds as it likes, up to the bound.
      },
      cancel: () => this.#onClose(this),
    }));
  }

  /** @throws UsageError when its reader takes nothing */
  push(value: unknown): void {
    if (this.#reader.buffered >= limits.streamElementsMax) {
      throw new UsageError(`${this.operation.label}: ${limits.streamElementsMax} elements wait for a reader already`);
    }
    this.#reader.push(value);
  }

  end(...error: [thrown?: unknown]): void {
    this.#onClose(this);
    this.#reader.end(error.length === 0 ? undefined : { thrown: error[0] });
  }

  /** What the handler of the stream returns. */
  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#reader;
  }
}
