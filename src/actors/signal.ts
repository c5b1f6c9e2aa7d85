/**
 * What waits in a mailbox without anybody having sent it: the news of another's end, the end of a quiet time, a state
 * that has lasted too long. It has its place in the order like a message, is outside the capacity, and no policy of the
 * mailbox drops it.
 */
import type { HandlerFunction } from './handler-tables.ts';

export interface Signal<E = unknown> {
  /** What the dead letters show of it. */
  readonly event: E | undefined;
  /** What its handler is called with; undefined when it does not matter any more. */
  take(): E | undefined;
}

/** What a context keeps count of. */
interface Counting {
  /** One signal fewer is queued. */
  signalTaken(): void;
}

/** The handler of a signal, in the actor's table behind those of the operations. */
export function signalHandler<E>(handle: (state: unknown, event: E, context: unknown) => unknown): HandlerFunction {
  return (state, message, context) => {
    (context as Counting).signalTaken();
    const event = (message as Signal<E>).take();
    return event === undefined ? undefined : handle(state, event, context);
  };
}
