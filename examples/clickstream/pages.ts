/** Which hits are pages that somebody looked at, and the pages that a session began and ended with. */
import { type Aggregate, custom } from 'troupe/streams';
import type { Hit } from './combined-log.ts';

/** Pictures, styles and scripts come with a page and are none; nor is what was not found. */
export function isPage({ method, path, status }: Hit): boolean {
  return method === 'GET' && status < 400 && !/\.(?:css|js|png|jpg|svg|woff2|ico)$/.test(path);
}

/** Programs that say what they are. Those that do not are another example. */
export function isBot({ agent }: Hit): boolean {
  return /bot|crawl|spider|curl|python/i.test(agent);
}

/** The page of a session that was asked for first; null where it has none. */
export function entryPage(): Aggregate<Hit, string | null> {
  return pageThat((timeMs, than) => timeMs < than);
}

/** The page of a session that was asked for last; null where it has none. */
export function exitPage(): Aggregate<Hit, string | null> {
  return pageThat((timeMs, than) => timeMs > than);
}

interface Visited {
  readonly timeMs: number;
  readonly path: string | null;
}

/**
 * An aggregate of one's own: `merge` joins two sessions that a hit between them has made one. Logs know whole seconds
 * only, so of several pages of one second it takes the first by the alphabet, in whatever order the lines come.
 */
function pageThat(beats: (timeMs: number, than: number) => boolean): Aggregate<Hit, string | null> {
  const better = (one: Visited, other: Visited): Visited => {
    if (one.path === null || other.path === null) return one.path === null ? other : one;
    if (one.timeMs === other.timeMs) return one.path < other.path ? one : other;
    return beats(one.timeMs, other.timeMs) ? one : other;
  };
  return custom<Hit, Visited, string | null>({
    create: () => ({ timeMs: 0, path: null }),
    add: (state, hit, timeMs) => (isPage(hit) ? better(state, { timeMs, path: hit.path }) : state),
    merge: better,
    result: ({ path }) => path,
  });
}
