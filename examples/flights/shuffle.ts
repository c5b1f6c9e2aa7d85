/** A source whose rows come out of order, by a bounded displacement that is the same in every run. */
import { batchOf, type Source } from 'troupe/streams';

interface Displaced<T> {
  readonly item: T;
  /** When it comes out: its own time and up to `byMs` more. */
  readonly outMs: number;
}

/**
 * Displaces the rows of `source`, which must come in the order of `time`: each is held back by a seeded part of `byMs`.
 * So a row comes out less than `byMs` behind the latest one before it, and `outOfOrderMs: byMs` makes no row late.
 * Holds only the rows of the last `byMs`.
 */
export function shuffled<T>(source: Source<T>, options: { time: (item: T) => number; byMs: number }): Source<T> {
  const { time, byMs } = options;
  if (byMs === 0) return source;
  return {
    name: `${source.name}, shuffled`,
    async *open(context) {
      const chance = seeded(20_010_101);
      let held: Displaced<T>[] = [];
      for await (const batch of source.open(context)) {
        let latestMs = -Infinity;
        for (const item of batchOf(batch).items) {
          latestMs = Math.max(latestMs, time(item));
          held.push({ item, outMs: time(item) + chance() * byMs });
        }
        held.sort(byOutMs);
        // No later row can come out before this: it happened at `latestMs` or after.
        const due = held.findIndex(({ outMs }) => outMs >= latestMs);
        if (due > 0) yield held.slice(0, due).map(({ item }) => item);
        held = held.slice(due);
      }
      if (held.length > 0) yield held.map(({ item }) => item);
    },
  };
}

function byOutMs(a: { outMs: number }, b: { outMs: number }): number {
  return a.outMs - b.outMs;
}

/** Numbers from 0 up to 1, the same ones for the same seed (Mulberry32, by Tommy Ettinger). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
