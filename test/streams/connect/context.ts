/** What a source or a sink is opened with in a test: the machine's time and chance. */
import { realClock } from '../../../src/base/platform/real-clock.ts';
import { realRandom } from '../../../src/base/platform/real-random.ts';
import type { Position, Source, SourceContext } from '../../../src/streams/source.ts';
import { batchOf } from '../../../src/streams/source.ts';

export function contextOf(
  signal: AbortSignal = new AbortController().signal,
  from?: ReadonlyMap<string, Position>,
): SourceContext {
  return { signal, clock: realClock(), random: realRandom(), from };
}

/** The first `itemsMax` elements and what comes with the last of them, and then the source is closed. */
export async function read<T>(source: Source<T>, itemsMax = Infinity): Promise<T[]> {
  const items: T[] = [];
  for await (const batch of source.open(contextOf())) {
    items.push(...batchOf(batch).items);
    if (items.length >= itemsMax) break;
  }
  return items;
}
