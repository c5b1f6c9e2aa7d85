/** A source that ends after so many rows. */
import type { Source } from 'troupe/streams';

export function firstRows<T>(source: Source<T>, rows: number): Source<T> {
  return {
    name: source.name,
    async *open(context) {
      let left = rows;
      for await (const batch of source.open(context)) {
        yield batch.length <= left ? batch : batch.slice(0, left);
        left -= batch.length;
        if (left <= 0) return;
      }
    },
  };
}
