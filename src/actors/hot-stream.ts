/** Streams of what happens anyway, such as dead letters: every reader has a bounded buffer and misses the oldest. */
import type { Stream } from './protocol.ts';
import { streamOf } from './stream-reader.ts';

/** A stream of what is told to `readers` from now on; a reader that is `bufferedMax` behind misses the oldest. */
export function hotStream<T>(readers: Set<(value: T) => void>, bufferedMax: number): Stream<T> {
  return streamOf<T>((reader) => {
    const read = (value: T): void => {
      if (reader.buffered >= bufferedMax) reader.dropOldest();
      reader.push(value);
    };
    readers.add(read);
    return {
      consumed(): void {
        // Nothing is granted here: what happens, happens.
      },
      cancel(): void {
        readers.delete(read);
      },
    };
  });
}
