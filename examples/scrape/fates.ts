// npm run example:scrape
/** What becomes of a request: decided by the seed, the URL, and how often that was asked for. */
import { chance } from './chance.ts';

export type Fate = 'page' | 'gone' | 'busy' | 'down' | 'hang' | 'truncated';

/** Of a thousand URLs: so many fail so once, and so many always. */
const failures: readonly { fate: Fate; once: number; always: number }[] = [
  { fate: 'busy', once: 20, always: 0 },
  { fate: 'down', once: 20, always: 3 },
  { fate: 'truncated', once: 15, always: 2 },
  { fate: 'hang', once: 5, always: 1 },
];
const gonePerThousand = 20;

/** @param asked 1 the first time. */
export function fateOf(seed: number, url: string, asked: number): Fate {
  let drawn = 1_000 * chance(seed, 'fate', url) - gonePerThousand;
  if (drawn < 0) return 'gone';
  for (const { fate, once, always } of failures) {
    drawn -= always;
    if (drawn < 0) return fate;
    drawn -= once;
    if (drawn < 0) return asked === 1 ? fate : 'page';
  }
  return 'page';
}

/** Most answers take 10 to 60 ms, few up to 400: the tail that a log-normal distribution has. */
export function latencyMsOf(seed: number, url: string, asked: number): number {
  const [a, b] = [1 - chance(seed, 'a', url, asked), chance(seed, 'b', url, asked)];
  const normal = Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
  return Math.min(400, 25 * Math.exp(0.6 * normal));
}
