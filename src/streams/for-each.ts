/** Sinks that give each element to a function, or to an actor. */
import type { Accepts, CallOptions } from '../actors/protocol.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Sink, SinkWriter } from './sink.ts';

/**
 * A sink that calls `handle` for each element, in order, and waits for it where it answers a promise: a slow function
 * slows the whole flow down to its pace. A function that throws fails the run.
 */
export function forEach<T>(handle: (item: T) => Promise<void> | void): Sink<T> {
  if (typeof handle !== 'function') throw new UsageError(`forEach takes a function; it was given ${typeof handle}`);
  return { name: 'for-each', open: ({ signal }) => oneByOne(handle, signal) };
}

/**
 * A sink that offers each element to an actor's operation, and waits until its mailbox has taken it, for as long as the run
 * lasts: an actor that is stuck holds the flow, and does not fail it. Elements are offered one after another, since only
 * an offer that was taken has its place in the order.
 */
export function toOperation<T>(operation: Accepts<T>): Sink<T> {
  const { offer } = operation as unknown as { offer?: (item: T, options: CallOptions) => Promise<void> };
  if (typeof offer !== 'function') {
    throw new UsageError('to(…) takes a Sink, or an operation of a ref that was declared with tell(…)');
  }
  return {
    name: 'operation',
    open({ signal }) {
      const options: CallOptions = { timeoutMs: limits.askTimeoutMsMax, signal };
      return oneByOne((item) => offer.call(operation, item, options), signal);
    },
  };
}

/** Waits for one promise at a time, and allocates none where the function answers none. */
function oneByOne<T>(handle: (item: T) => Promise<void> | void, signal: AbortSignal): SinkWriter<T> {
  const writeRest = async (waiting: PromiseLike<void>, batch: readonly T[], from: number): Promise<void> => {
    await waiting;
    for (let index = from; index < batch.length; index += 1) {
      // A run that is given up need not wait for the rest of the batch.
      signal.throwIfAborted();
      const next = handle(batch[index]!);
      if (isThenable(next)) await next;
    }
  };
  return {
    write(batch) {
      for (let index = 0; index < batch.length; index += 1) {
        const waiting = handle(batch[index]!);
        if (isThenable(waiting)) return writeRest(waiting, batch, index + 1);
      }
    },
  };
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<void>).then === 'function';
}
