/**
 * A stream that came with its actor, before its reader: it goes on at once, so that nothing it observes is missed, and keeps
 * what it makes, within the credit that it came with, until the reader comes for it.
 */
import type { Cancel } from '../../base/environment/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Cell } from '../cell.ts';
import type { Host } from '../host.ts';
import { invalidMessage } from '../isolation.ts';
import { LocalStreamRequest } from '../local-calls.ts';
import type { ObserverSeed } from '../observer.ts';
import type { Operation } from '../operation.ts';
import { OutcomeUnknown } from '../outcomes.ts';
import type { StreamProducer, StreamReader } from '../stream-reader.ts';
import { StreamRequest } from '../stream-request.ts';
import type { Owner } from '../target.ts';

export class DetachedStream extends StreamRequest {
  readonly origin = undefined;
  readonly token: string;
  readonly #delivered: number;
  /** Values that came along: the handler is not to make them again. */
  readonly #came: number;
  readonly #unsent: unknown[];
  readonly #seeds: ObserverSeed[];
  readonly #claims: Claims;
  #sink: StreamRequest | undefined = undefined;
  #sent = 0;
  /** How it ended, while values before that wait. */
  #end: { readonly error: Error | undefined } | undefined = undefined;
  #cancelTimer: Cancel;

  constructor(
    host: Host,
    claims: Claims,
    operation: Operation,
    parts: {
      readonly token: string;
      readonly granted: number;
      readonly delivered: number;
      readonly unsent: readonly unknown[];
      readonly seeds: readonly ObserverSeed[];
    },
  ) {
    // One at least: a handler that is not called observes nothing.
    super(operation, undefined, Math.max(1, parts.granted));
    this.token = parts.token;
    this.#delivered = parts.delivered;
    this.#came = parts.unsent.length;
    this.#unsent = [...parts.unsent];
    this.#seeds = [...parts.seeds];
    this.#claims = claims;
    this.#cancelTimer = host.environment.clock.timer(limits.streamAttachMs, () => {
      claims.forget(this.token);
      this.cancel();
    });
    claims.add(this);
  }

  override get delivered(): number {
    return this.#delivered;
  }

  override deliveredAfter(): number {
    return this.#delivered + this.#sent;
  }

  override takeSeed(): ObserverSeed | undefined {
    return this.#seeds.shift();
  }

  override get unclaimed(): string | undefined {
    return this.#sink === undefined ? this.token : undefined;
  }

  override get unsent(): readonly unknown[] {
    return this.#unsent;
  }

  /** Its reader is here, behind `sink`: from now on it gets the values. */
  attach(sink: StreamRequest): void {
    this.#cancelTimer();
    this.#claims.forget(this.token);
    this.#sink = sink;
    sink.run = this.run;
    sink.onGivenUp = () => this.cancel();
    sink.onGranted = () => this.#granted();
    this.#granted();
  }

  #granted(): void {
    this.grant(this.#sink!.granted - this.#came);
    this.#flush();
  }

  #flush(): void {
    const sink = this.#sink;
    if (sink === undefined || sink.settled) return;
    while (this.#unsent.length > 0 && this.#sent < sink.granted) {
      this.#sent += 1;
      sink.item(this.#unsent.shift());
    }
    if (this.#unsent.length > 0 || this.#end === undefined) return;
    if (this.#end.error === undefined) sink.complete();
    else sink.fail(this.#end.error);
  }

  override item(value: unknown): void {
    try {
      this.#unsent.push(this.operation.output!.parse(value));
    } catch (error) {
      throw invalidMessage(error, `an item of ${this.operation.label}`);
    }
    this.#flush();
  }

  override complete(): void {
    this.#over(undefined);
  }

  override fail(error: Error): void {
    this.#over(error);
  }

  #over(error: Error | undefined): void {
    if (this.settled) return;
    this.settled = true;
    this.#end = { error };
    this.#flush();
  }

  override moved(token: string, cell: Cell): void {
    this.#cancelTimer();
    this.#claims.forget(this.token);
    this.settled = true;
    this.#sink?.moved(token, cell);
  }
}

/** The streams of one actor that wait for their readers. */
export class Claims {
  readonly #waiting = new Map<string, DetachedStream>();

  get size(): number {
    return this.#waiting.size;
  }

  has(token: string): boolean {
    return this.#waiting.has(token);
  }

  add(stream: DetachedStream): void {
    this.#waiting.set(stream.token, stream);
  }

  forget(token: string): void {
    this.#waiting.delete(token);
  }

  /** Nobody comes for them any more. */
  cancelAll(): void {
    for (const stream of [...this.#waiting.values()]) stream.cancel();
    this.#waiting.clear();
  }

  /** The stream that `token` stands for, where it is kept, of that operation, and goes on after `received` values. */
  find(token: string, operation: Operation, received: number): DetachedStream | undefined {
    const found = this.#waiting.get(token);
    return found?.operation === operation && found.delivered === received ? found : undefined;
  }

  /** For a reader of this place. */
  attachHere(
    token: string,
    cell: Cell,
    operation: Operation,
    owner: Owner,
    reader: StreamReader<unknown>,
  ): StreamProducer {
    const stream = this.find(token, operation, reader.received);
    if (stream === undefined) {
      reader.end({ thrown: notKept(operation, cell.path()) });
      return nobody;
    }
    const sink = new LocalStreamRequest(cell, operation, owner, reader, true);
    stream.attach(sink);
    return sink.producer;
  }
}

/** What a reader is told that came too late. */
export function notKept(operation: Operation, path: string): OutcomeUnknown {
  return new OutcomeUnknown(
    'link-lost',
    `${operation.label}: ${path} has moved, and the stream was not kept for its reader; open it again`,
  );
}

/** What a reader is told whose stream was lost with the actor, after it had come for it. */
export function lostOnItsWay(operation: Operation, path: string): OutcomeUnknown {
  return new OutcomeUnknown('link-lost', `${operation.label}: ${path} was lost while it moved, and the stream with it`);
}

const nothing = (): void => undefined;
const nobody: StreamProducer = { consumed: nothing, cancel: nothing };
