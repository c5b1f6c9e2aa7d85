/** What the output says: read back from the file, so that it tells of what was really written. */
import { open } from 'node:fs/promises';

/** One line of the output. */
export interface Line {
  readonly origin: string;
  readonly hour: string;
  readonly flights: number;
  readonly meanDelay: number;
  readonly maxDelay: number;
  readonly late: number;
}

export interface Airport {
  readonly origin: string;
  readonly flights: number;
  readonly meanDelay: number;
  readonly maxDelay: number;
  readonly latePart: number;
}

export interface Summary {
  readonly windows: number;
  readonly flights: number;
  readonly worst: readonly Airport[];
}

/** The `most` airports with the highest mean delay among those with a thousandth of all flights or more. */
export async function summaryOf(file: string, most: number): Promise<Summary> {
  const airports = new Map<string, { flights: number; delay: number; maxDelay: number; late: number }>();
  let windows = 0;
  let flights = 0;
  const handle = await open(file);
  for await (const text of handle.readLines()) {
    const line = JSON.parse(text) as Line;
    const airport = airports.get(line.origin) ?? { flights: 0, delay: 0, maxDelay: -Infinity, late: 0 };
    airports.set(line.origin, airport);
    airport.flights += line.flights;
    airport.delay += line.flights * line.meanDelay;
    airport.maxDelay = Math.max(airport.maxDelay, line.maxDelay);
    airport.late += line.late;
    windows += 1;
    flights += line.flights;
  }
  const worst = [...airports]
    .filter(([, airport]) => airport.flights >= flights / 1_000)
    .map(([origin, { flights, delay, maxDelay, late }]) => ({
      origin,
      flights,
      meanDelay: delay / flights,
      maxDelay,
      latePart: late / flights,
    }))
    .sort((a, b) => b.meanDelay - a.meanDelay)
    .slice(0, most);
  return { windows, flights, worst };
}

/** As lines of a table. */
export function tableOf(worst: readonly Airport[]): string[] {
  const rows = worst.map(({ origin, flights, meanDelay, maxDelay, latePart }) => [
    origin.padEnd(7),
    flights.toLocaleString('en').padStart(9),
    meanDelay.toFixed(1).padStart(12),
    String(maxDelay).padStart(12),
    `${(100 * latePart).toFixed(1)}%`.padStart(12),
  ]);
  return [['airport', '  flights', '  mean delay', '   max delay', ' >15 min late'], ...rows].map(
    (cells) => `  ${cells.join('').trimEnd()}`,
  );
}
