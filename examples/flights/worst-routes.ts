/** What the output of `--delays-by-route` says: read back from the file. */
import { open } from 'node:fs/promises';

/** One line of the output. */
interface Line {
  readonly origin: string;
  readonly destination: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly until: string;
  readonly flights: number;
  readonly median: number;
  readonly p90: number;
}

export interface Routes {
  readonly windows: number;
  /** In all windows together. */
  readonly flights: number;
  readonly worst: readonly Line[];
}

/** Of each route its worst seven days with 50 flights or more, and of these the `most` with the highest median delay. */
export async function routesOf(file: string, most: number): Promise<Routes> {
  const worst = new Map<string, Line>();
  let windows = 0;
  let flights = 0;
  const handle = await open(file);
  for await (const text of handle.readLines()) {
    const line = JSON.parse(text) as Line;
    windows += 1;
    flights += line.flights;
    const route = `${line.origin} ${line.destination}`;
    if (line.flights >= 50 && line.median > (worst.get(route)?.median ?? -Infinity)) worst.set(route, line);
  }
  const sorted = [...worst.values()].sort((a, b) => b.median - a.median || b.p90 - a.p90);
  return { windows, flights, worst: sorted.slice(0, most) };
}

/** As lines of a table. */
export function routesTable(worst: readonly Line[]): string[] {
  const rows = worst.map(({ origin, destination, from, to, until, flights, median, p90 }) => [
    `${origin} ${destination}`.padEnd(9),
    String(flights).padStart(7),
    median.toFixed(1).padStart(8),
    p90.toFixed(1).padStart(9),
    `   ${until}   ${from ?? 'unknown'} to ${to ?? 'unknown'}`,
  ]);
  return [['route    ', 'flights', '  median', '      p90', '   until        cities'], ...rows].map(
    (cells) => `  ${cells.join('').trimEnd()}`,
  );
}
