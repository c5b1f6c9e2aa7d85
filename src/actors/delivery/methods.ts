/** The face of a producer: its methods are the tells and asks of a protocol, each resolved by the outcome of its message. */
import { UsageError } from '../../base/errors.ts';
import type { CompiledProtocol } from '../operation.ts';
import type { DeclaredFailure, RuntimeFailure } from '../outcomes.ts';
import type { AskOperation, In, OperationRef, Operations, Out, StreamOperation, TellOperation } from '../protocol.ts';
import type { DeliveryFailed } from './errors.ts';
import type { Producer } from './producer.ts';

/** What `.outcome()` of a reliable ask resolves to; it never rejects. */
export type ReliableOutcome<R, E> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: DeclaredFailure<E> | RuntimeFailure | DeliveryFailed };

type MessageOnly<I> = [In<I>] extends [void] ? [] : {} extends In<I> ? [message?: In<I>] : [message: In<I>];

/** One operation of a reliable producer. */
export type ReliableMethod<O> =
  O extends TellOperation<infer I>
    ? /** Resolves once the handler of the message has ended. */ (...message: MessageOnly<I>) => Promise<void>
    : O extends AskOperation<infer I, infer R, infer E>
      ? ((...message: MessageOnly<I>) => Promise<Out<R>>) & {
          /** The same call; never rejects. */
          outcome(...message: MessageOnly<I>): Promise<ReliableOutcome<Out<R>, E>>;
        }
      : never;

/** The operations that can be delivered reliably: tells and asks. */
export type ReliableMethods<O extends Operations> = {
  readonly [K in keyof O & string as O[K] extends StreamOperation ? never : K]: ReliableMethod<O[K]>;
};

/** The operations of a ref. */
export type OperationsOf<R> = {
  readonly [K in keyof R & string as R[K] extends OperationRef<infer _O> ? K : never]: R[K] extends OperationRef<
    infer O
  >
    ? O
    : never;
};

const producerKey: unique symbol = Symbol('troupe.producer');

/** Anything that `reliable` or `workQueue` has made. */
export interface AnyReliable extends AsyncDisposable {
  readonly [producerKey]: unknown;
}

/** How a producer stands, whatever it sends to. */
export interface Delivery {
  /** Messages without an outcome: those under way, and those that wait to be sent. */
  readonly unconfirmed: number;
  /** True where a message would be sent at once. */
  readonly hasRoom: boolean;
  /** Resolves when a message would be sent at once. @throws DeliveryFailed once the producer is over */
  room(): Promise<void>;
  /** Resolves when every message so far has its outcome, whatever it is. */
  settled(): Promise<void>;
  /** Sends nothing more: what has no outcome yet rejects with `DeliveryFailed` `closed`. Again does nothing. */
  close(): void;
}

/**
 * How a producer stands, and how it is ended: a function, so that it collides with no operation.
 *
 * @throws UsageError for what neither `reliable` nor `workQueue` has made
 */
export function deliveryOf(out: AnyReliable): Delivery {
  return producerOf(out, 'deliveryOf');
}

/** @throws UsageError */
export function producerOf(out: unknown, verb: string): Producer {
  if (typeof out === 'object' && out !== null && producerKey in out) return out[producerKey] as Producer;
  throw new UsageError(`${verb}(…) takes what reliable(…) or workQueue(…) returned; it was given ${typeof out}`);
}

type Send = ((message?: unknown) => Promise<unknown>) & { outcome: (message?: unknown) => Promise<unknown> };

export function methodsOf(protocol: CompiledProtocol, producer: Producer): AnyReliable {
  const methods: Record<string, Send> = {};
  for (const operation of protocol.operations.values()) {
    if (operation.kind === 'stream') continue;
    const send = (message?: unknown): Promise<unknown> => producer.send(operation, message);
    const outcome = (message?: unknown): Promise<unknown> => send(message).then(succeeded, failed);
    methods[operation.name] = Object.assign(send, { outcome });
  }
  const dispose = async (): Promise<void> => {
    await producer.settled();
    producer.close();
  };
  return Object.freeze({ ...methods, [producerKey]: producer, [Symbol.asyncDispose]: dispose });
}

const succeeded = (value: unknown): unknown => ({ ok: true, value });
const failed = (error: unknown): unknown => ({ ok: false, error });
