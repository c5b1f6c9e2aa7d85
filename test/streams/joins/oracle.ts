/** What joins come to, computed the plain way: everything is kept and compared with everything. */
import type { JoinHow } from '../../../src/streams/joins/join-spec.ts';
import { type Row, type Step, textOf } from './rig.ts';

/** A row, and how far event time had gone when it came. */
interface Seen extends Row {
  readonly watermarkMs: number;
}

function seenOf(steps: readonly Step[]): Seen[] {
  const seen: Seen[] = [];
  let watermarkMs = -Infinity;
  for (const step of steps) {
    if ('watermarkMs' in step) watermarkMs = Math.max(watermarkMs, step.watermarkMs);
    else seen.push({ ...step, watermarkMs });
  }
  return seen;
}

interface Expected {
  readonly texts: string[];
  readonly late: number[];
}

/** @param pairOf undefined where two of a key are no pair; else the time of the pair. */
function pairsOf(
  seen: readonly Seen[],
  how: JoinHow,
  pairMs: (left: Seen, right: Seen) => number | undefined,
  unmatchedMs: (left: Seen) => number,
): string[] {
  const texts: string[] = [];
  for (const left of seen) {
    if (left.port === 1) continue;
    let matched = false;
    for (const right of seen) {
      if (right.port === 0 || right.key !== left.key) continue;
      const timeMs = pairMs(left, right);
      if (timeMs === undefined) continue;
      matched = true;
      if (how !== 'anti') texts.push(`${textOf([left, right])} @${timeMs}`);
    }
    if (matched || how === 'inner') continue;
    texts.push(`${textOf(how === 'left' ? [left, undefined] : left)} @${unmatchedMs(left)}`);
  }
  return texts.sort();
}

export function withinOracle(
  steps: readonly Step[],
  how: JoinHow,
  beforeMs: number,
  afterMs: (left: Row) => number,
): Expected {
  const seen = seenOf(steps);
  const inTime = seen.filter((row) => row.timeMs >= row.watermarkMs);
  const near = (left: Row, right: Row): number | undefined =>
    left.timeMs - beforeMs <= right.timeMs && right.timeMs <= left.timeMs + afterMs(left)
      ? Math.max(left.timeMs, right.timeMs)
      : undefined;
  const texts = pairsOf(inTime, how, near, (left) => Math.max(left.timeMs, left.timeMs + afterMs(left)));
  return { texts, late: seen.filter((row) => row.timeMs < row.watermarkMs).map(({ at }) => at) };
}

export function alwaysOracle(steps: readonly Step[], how: JoinHow, leftTtlMs: number, rightTtlMs: number): Expected {
  const endOf = (row: Row): number => row.timeMs + (row.port === 0 ? leftTtlMs : rightTtlMs);
  const together = (left: Seen, right: Seen): number | undefined => {
    const [one, other] = left.at < right.at ? [left, right] : [right, left];
    return endOf(one) >= other.watermarkMs ? Math.max(left.timeMs, right.timeMs) : undefined;
  };
  const unmatchedMs = (left: Seen): number => Math.max(endOf(left), left.watermarkMs);
  return { texts: pairsOf(seenOf(steps), how, together, unmatchedMs), late: [] };
}

export function asOfOracle(steps: readonly Step[], how: JoinHow, ttlMs: number): Expected {
  const seen = seenOf(steps);
  const inTime = seen.filter((row) => row.timeMs >= row.watermarkMs);
  const versionOf = (left: Row): Row | undefined => {
    let found: Row | undefined;
    for (const row of inTime) {
      if (row.port === 0 || row.key !== left.key || row.timeMs > left.timeMs) continue;
      if (found === undefined || row.timeMs >= found.timeMs) found = row;
    }
    return found !== undefined && found.timeMs + ttlMs >= left.timeMs ? found : undefined;
  };
  const texts = pairsOf(
    inTime,
    how,
    (left, right) => (versionOf(left)?.at === right.at ? left.timeMs : undefined),
    (left) => left.timeMs,
  );
  return { texts, late: seen.filter((row) => row.timeMs < row.watermarkMs).map(({ at }) => at) };
}

export function duringOracle(
  steps: readonly Step[],
  how: JoinHow,
  { sizeMs, slideMs, offsetMs }: { sizeMs: number; slideMs: number; offsetMs: number },
): Expected {
  const seen = seenOf(steps);
  /** The windows that a row came into. */
  const startsOf = (row: Seen): number[] => {
    const starts: number[] = [];
    for (let n = -200; n <= 200; n += 1) {
      const start = n * slideMs + offsetMs;
      if (start <= row.timeMs && row.timeMs < start + sizeMs && start + sizeMs > row.watermarkMs) starts.push(start);
    }
    return starts;
  };
  const texts: string[] = [];
  for (const left of seen.filter(({ port }) => port === 0)) {
    for (const start of startsOf(left)) {
      const window = { startMs: start };
      const rights = seen.filter((row) => row.port === 1 && row.key === left.key && startsOf(row).includes(start));
      const found: unknown[] = how === 'anti' ? [] : rights.map((right) => [left, right, window]);
      if (rights.length === 0 && how !== 'inner')
        found.push(how === 'left' ? [left, undefined, window] : [left, window]);
      for (const one of found) texts.push(`${textOf(one)} @${start + sizeMs - 1}`);
    }
  }
  return { texts: texts.sort(), late: seen.filter((row) => startsOf(row).length === 0).map(({ at }) => at) };
}
