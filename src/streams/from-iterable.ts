/** A source from anything that can be iterated: an array, a generator, an asynchronous generator, an actor's stream. */
import { UsageError } from '../base/errors.ts';
import { streamLimits } from './limits.ts';
import { pulledAhead } from './read-ahead.ts';
import type { Source } from './source.ts';

/**
 * A source from an iterable.
 *
 * A synchronous one is pulled batch by batch. An asynchronous one gives its elements one promise at a time; up to 256
 * are taken ahead, and it is closed with `return()` when the run ends.
 *
 * @throws UsageError for what cannot be iterated.
 */
export function fromIterable<T>(iterable: Iterable<T> | AsyncIterable<T>, options: { name?: string } = {}): Source<T> {
  const name = options.name ?? 'iterable';
  if (typeof iterable === 'object' && iterable !== null && Symbol.asyncIterator in iterable) {
    return {
      name,
      open({ signal }) {
        const iterator = iterable[Symbol.asyncIterator]();
        const close = async (): Promise<unknown> => iterator.return?.();
        return pulledAhead({ next: () => iterator.next(), close }, signal);
      },
    };
  }
  if (iterable === null || iterable === undefined || !(Symbol.iterator in Object(iterable))) {
    throw new UsageError('fromIterable takes an Iterable or an AsyncIterable, such as an array or a generator object');
  }
  return { name, bounded: true, open: ({ signal }) => syncBatches(iterable, signal) };
}

async function* syncBatches<T>(iterable: Iterable<T>, signal: AbortSignal): AsyncGenerator<T[]> {
  if (Array.isArray(iterable)) {
    const size = streamLimits.sourceBatch;
    for (let at = 0; at < iterable.length && !signal.aborted; at += size) yield iterable.slice(at, at + size);
    return;
  }
  let batch: T[] = [];
  if (signal.aborted) return;
  for (const item of iterable) {
    batch.push(item);
    if (batch.length < streamLimits.sourceBatch) continue;
    yield batch;
    if (signal.aborted) return;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
