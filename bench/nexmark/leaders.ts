/** An aggregate of our own: what has the greatest value, and all of it where several have as much. */
import { type Aggregate, custom } from 'troupe/streams';

interface Leading<T> {
  greatest: number;
  items: T[];
}

export function leaders<T>(value: (item: T) => number): Aggregate<T, readonly T[]> {
  return custom<T, Leading<T>, readonly T[]>({
    create: () => ({ greatest: -Infinity, items: [] }),
    add: (leading, item) => {
      const own = value(item);
      if (own > leading.greatest) return { greatest: own, items: [item] };
      if (own === leading.greatest) leading.items.push(item);
      return leading;
    },
    merge: (into, from) => {
      if (into.greatest !== from.greatest)
        return into.greatest > from.greatest ? into : { ...from, items: [...from.items] };
      into.items.push(...from.items);
      return into;
    },
    result: ({ items }) => [...items],
  });
}
