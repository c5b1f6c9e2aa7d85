/** A source that ends after so many rows. */
import { batchOf, type Source } from 'troupe/streams';

export function firstRows<T>(source: Source<T>, rows: number): Source<T> {
  return {
    name: source.name,
    async *open(context) {
      let left = rows;
      for await (const batch of source.open(context)) {
        const { items } = batchOf(batch);
        yield items.length <= left ? items : items.slice(0, left);
        left -= items.length;
        if (left <= 0) return;
      }
    },
  };
}
