/**
 * A stream call on its way, and the run of the handler that answers it.
 *
 * A stream handler does not hold its actor: its `next()` is called only between messages, and only against credit.
 */
import type { Cell } from './cell.ts';
import type { ObserverSeed } from './observer.ts';
import type { Operation } from './operation.ts';
import { Request } from './request.ts';
import type { Run } from './run.ts';

/** The envelope of a stream call: `succeed` is replaced by many items and one end. */
export abstract class StreamRequest extends Request {
  /** How many items the reader takes in all so far. Cumulative. */
  granted: number;
  onGranted: (() => void) | undefined = undefined;
  /** True while the handler works at its next value. */
  isProducing = false;
  /** Its message, kept while it is open, since the handler is called with it again where its actor moves to. */
  message: unknown = undefined;

  constructor(operation: Operation, callerRun: Run | undefined, granted: number) {
    super(operation, callerRun);
    this.granted = granted;
  }

  /** How many values its reader had got before the handler was called, from where the actor was then. */
  get delivered(): number {
    return 0;
  }

  /** The same by now, where the handler has made `sent` values since. */
  deliveredAfter(sent: number): number {
    return this.delivered + sent;
  }

  /** What its handler observed there, in order. */
  takeSeed(): ObserverSeed | undefined {
    return undefined;
  }

  /** What it is known by at the next place where its reader has not come for it yet. */
  get unclaimed(): string | undefined {
    return undefined;
  }

  /** Values that the handler has made and that are still to be sent. */
  get unsent(): readonly unknown[] {
    return [];
  }

  /** Its actor has moved, and the stream with it: the reader finds it there under `token`. */
  abstract moved(token: string, cell: Cell): void;

  /** @throws InvalidValue when the item does not fit the operation's output. */
  abstract item(value: unknown): void;
  abstract complete(): void;

  override succeed(): void {
    this.complete();
  }

  grant(total: number): void {
    if (total <= this.granted) return;
    this.granted = total;
    this.onGranted?.();
  }

  /** The reader is gone. */
  cancel(): void {
    if (this.settled) return;
    this.settled = true;
    this.givenUp();
  }
}

/** What a stream's producer needs of its cell. */
export interface StreamHost {
  /** Have `pump` called between two messages. */
  wantsPull(run: StreamRun): void;
  streamEnded(run: StreamRun): void;
  /** Its handler has given a value, or come to its end: after an `await`, or at once. */
  streamWentOn(run: StreamRun): void;
  /** Its handler has come to rest, after it was given up. */
  streamLeft(run: StreamRun): void;
  /** The handler threw: the actor's own failure. */
  streamFailed(run: StreamRun, error: unknown): void;
}

export class StreamRun {
  readonly request: StreamRequest;
  /** The context of its handler. */
  readonly run: Run;
  readonly #host: StreamHost;
  readonly #iterator: AsyncIterator<unknown>;
  #sent = 0;
  #pulling = false;
  #ended = false;

  constructor(host: StreamHost, request: StreamRequest, iterable: AsyncIterable<unknown>, run: Run) {
    this.#host = host;
    this.request = request;
    this.run = run;
    this.#iterator = iterable[Symbol.asyncIterator]();
    request.onGranted = () => {
      if (!this.#pulling) host.wantsPull(this);
    };
  }

  /** How many values it has given so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Asks the handler for its next value, if the reader has room for it. Called between messages only. */
  pump(): void {
    if (this.#pulling || this.#ended || this.#sent >= this.request.granted) return;
    this.#pulling = true;
    this.request.isProducing = true;
    try {
      Promise.resolve(this.#iterator.next()).then(this.#onResult, this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Ends the handler's iteration early, so that its `finally` blocks run. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave();
  }

  #leave(): void {
    // A generator that is waiting inside ends only when its wait does; its observers are closed by the cell.
    const ignore = (): void => undefined;
    try {
      Promise.resolve(this.#iterator.return?.()).then(undefined, ignore);
    } catch {
      // Its reader has gone, so nobody is left to be told.
    }
  }

  readonly #onResult = (result: IteratorResult<unknown>): void => {
    this.#host.streamWentOn(this);
    this.#pulling = false;
    this.request.isProducing = false;
    if (this.#ended) {
      this.#host.streamLeft(this);
      return;
    }
    if (result.done) {
      this.#ended = true;
      this.request.complete();
      this.#host.streamEnded(this);
      return;
    }
    this.#sent += 1;
    try {
      this.request.item(result.value);
    } catch (error) {
      this.#onError(error);
      this.#leave();
      return;
    }
    if (this.#sent < this.request.granted) this.#host.wantsPull(this);
  };

  readonly #onError = (error: unknown): void => {
    this.#host.streamWentOn(this);
    this.#pulling = false;
    this.request.isProducing = false;
    if (this.#ended) {
      this.#host.streamLeft(this);
      return;
    }
    this.#ended = true;
    this.#host.streamFailed(this, error);
  };
}
