/** The target of an address that leads nowhere (any more): everything sent to it is answered at once. */
import type { DeadLetterReason } from './dead-letters.ts';
import { MoveRefused } from './errors.ts';
import type { Host } from './host.ts';
import { invalidMessage } from './isolation.ts';
import type { Operation } from './operation.ts';
import { NotDelivered } from './outcomes.ts';
import type { CallOptions, Stream } from './protocol.ts';
import { type StreamProducer, type StreamReader, streamOf } from './stream-reader.ts';
import type { Address, Owner, Target, Watcher } from './target.ts';

export class GoneTarget implements Target {
  readonly protocolName: string;
  readonly #host: Host;
  readonly #address: Address;
  readonly #branch: string;
  readonly #reason: NotDelivered['reason'] & DeadLetterReason;
  readonly #said: { readonly path?: string; readonly why?: string };

  /** @param said its path where that is not made of its address, and why it is gone where more is known than the reason */
  constructor(
    host: Host,
    address: Address,
    branch: string,
    protocolName: string,
    reason: NotDelivered['reason'] & DeadLetterReason,
    said: { readonly path?: string; readonly why?: string } = {},
  ) {
    this.#said = said;
    this.#host = host;
    this.#address = address;
    this.#branch = branch;
    this.protocolName = protocolName;
    this.#reason = reason;
  }

  path(): string {
    return this.#said.path ?? `troupe://${this.#address.place}${this.#branch}#${this.#address.cell}`;
  }

  branch(): string {
    return this.#branch;
  }

  address(): Address {
    return this.#address;
  }

  /** Never the least: what is sent here is lost. */
  get load(): number {
    return Number.POSITIVE_INFINITY;
  }

  tell(operation: Operation, message: unknown): boolean {
    const parsed = this.#parse(operation, message);
    const reason: DeadLetterReason = this.#reason;
    this.#host.counters.refused += 1;
    this.#host.deadLetters.add({
      path: this.path(),
      operation: operation.label,
      reason,
      message: this.#host.letterOf(operation.input, parsed),
      target: this,
      of: operation,
    });
    return false;
  }

  async ask(operation: Operation, message: unknown): Promise<never> {
    this.#parse(operation, message);
    throw this.#notDelivered(operation);
  }

  async offer(operation: Operation, message: unknown, _options?: CallOptions): Promise<never> {
    this.#parse(operation, message);
    throw this.#notDelivered(operation);
  }

  stream(operation: Operation): Stream<unknown> {
    return streamOf((reader) => {
      reader.end({ thrown: this.#notDelivered(operation) });
      const nothing = (): void => undefined;
      return { consumed: nothing, cancel: nothing };
    });
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  watch(watcher: Watcher): void {
    watcher.terminated(this.#reason === 'unreachable' ? 'place-lost' : 'unknown');
  }

  unwatch(): void {
    // It was told when it watched.
  }

  linkBack(): void {
    // It was told when it watched.
  }

  unlinkBack(): void {
    // There is nothing to take back.
  }

  async move(): Promise<never> {
    throw new MoveRefused('gone', `${this.path()} ${whyGone[this.#reason]}, and cannot be moved`);
  }

  /** What was sent here was answered at once. */
  fence(): Promise<void> {
    return Promise.resolve();
  }

  attach(_token: string, operation: Operation, _owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    return this.open(operation, undefined, _owner, reader);
  }

  open(operation: Operation, _message: unknown, _owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    reader.end({ thrown: this.#notDelivered(operation) });
    const nothing = (): void => undefined;
    return { consumed: nothing, cancel: nothing };
  }

  #parse(operation: Operation, message: unknown): unknown {
    try {
      return operation.input.parse(message);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${this.path()}`);
    }
  }

  #notDelivered(operation: Operation): NotDelivered {
    const why = this.#said.why === undefined ? '' : `: ${this.#said.why}`;
    const text = `${operation.label}: ${this.path()} ${whyGone[this.#reason]}${why}; the message was not sent`;
    return new NotDelivered(this.#reason, text);
  }
}

const whyGone = {
  stopped: 'has stopped',
  unknown: 'is not known',
  unreachable: 'is in a place that cannot be reached from here',
  'no-routee': 'has nobody to pass it on to; add a routee first',
} as const satisfies Record<NotDelivered['reason'], string>;
