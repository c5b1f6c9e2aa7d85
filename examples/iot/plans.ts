/** What is wrong with each device: drawn from a seed, so that every run has the same ones. */
import { SeededRandom } from '../program/seeded-random.ts';

/** A span of the run, in ms from its start. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DevicePlan {
  readonly name: string;
  readonly area: string;
  /** How far its clock is ahead; below 0 if it is behind. */
  readonly skewMs: number;
  readonly everyMs: number;
  /** It has no network then, and sends afterwards what it has kept. */
  readonly outage: Span | undefined;
  /** It says nothing any more from then on, but stays connected. */
  readonly silentFromMs: number;
  /** Its sensor gives one reading then that is none. */
  readonly faultAtMs: number;
  readonly hot: Span | undefined;
}

const areas = ['boiler house', 'cold store', 'dock', 'foundry', 'laboratory', 'offices', 'paint shop', 'press shop'];
const skewMsMax = 800;
const everyMs = 200;

/** @param forMs how long the run is */
export function plansOf(options: { devices: number; forMs: number; seed: number }): DevicePlan[] {
  const { devices, forMs, seed } = options;
  const random = new SeededRandom(seed);
  const within = (part: number): boolean => random.next() < part;
  return Array.from({ length: devices }, (_, index) => {
    const fromMs = (0.15 + 0.2 * random.next()) * forMs;
    const [first, kind] = [index < 4 ? index : -1, random.next()];
    return {
      name: `device-${index + 1}`,
      area: areas[index % areas.length]!,
      skewMs: Math.round((2 * random.next() - 1) * skewMsMax),
      everyMs,
      // Of each kind there is one at least, and of no device more than one is true.
      outage: first === 0 || (first < 0 && kind < 0.1) ? { fromMs, toMs: fromMs + forMs / 2 } : undefined,
      silentFromMs: first === 1 || (first < 0 && kind >= 0.1 && kind < 0.15) ? fromMs : Infinity,
      faultAtMs: first === 2 || (first < 0 && kind >= 0.15 && kind < 0.2) ? fromMs : Infinity,
      hot: first === 3 || within(0.05) ? { fromMs, toMs: fromMs + forMs / 3 } : undefined,
    };
  });
}
