// npm run example:scrape
/** Chance that a seed repeats: numbers from 0 up to 1 for a text, whatever was asked before. */

export function chance(seed: number, ...parts: readonly (string | number)[]): number {
  return chances(seed, ...parts)();
}

/** A sequence of them: mulberry32, begun at the text's FNV-1a hash. */
export function chances(seed: number, ...parts: readonly (string | number)[]): () => number {
  let state = 0x811c_9dc5 ^ seed;
  for (const character of parts.join('\n')) state = Math.imul(state ^ character.codePointAt(0)!, 0x0100_0193);
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(from: readonly T[], at: number): T {
  return from[Math.floor(at * from.length)]!;
}
