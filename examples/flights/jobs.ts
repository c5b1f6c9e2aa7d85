/** The two jobs over the flights: which flow it is, and what is said of its output. */
import { TroupeError } from 'troupe';
import type { Flow } from 'troupe/streams';
import { count, type Progress } from './display.ts';
import { type args, flightDelays } from './flow.ts';
import type { Options } from './options.ts';
import { delaysByRoute } from './routes-flow.ts';
import { summaryOf, tableOf } from './worst.ts';
import { routesOf, routesTable } from './worst-routes.ts';

export interface Job {
  readonly flow: Flow<typeof args>;
  /** What is said at the end. @throws TroupeError where the output is not what was read. */
  conclude(options: Options, last: Progress): Promise<string>;
}

/** Per origin and hour. */
export const airportsJob: Job = {
  flow: flightDelays,
  conclude: async (options, last) => {
    const { windows, flights, worst } = await summaryOf(options.out, 10);
    const title = `the ${worst.length} airports with the highest mean delay`;
    return conclusion([title, ...tableOf(worst)], options, last, { windows, flights });
  },
};

/** Per route and the seven days before each midnight, so that each flight is in seven windows. */
export const routesJob: Job = {
  flow: delaysByRoute,
  conclude: async (options, last) => {
    const { windows, flights, worst } = await routesOf(options.out, 10);
    const title = `the ${worst.length} routes with the worst seven days, by the median delay of 50 flights or more`;
    return conclusion([title, ...routesTable(worst)], options, last, { windows, flights: flights / 7 });
  },
};

interface Written {
  readonly windows: number;
  readonly flights: number;
}

/** What came out worst, and the ledger: every row that was read is in windows of the output, or was late. */
function conclusion(worst: readonly string[], options: Options, last: Progress, written: Written): string {
  const { rows, windowed, late, lines, elapsedMs } = last;
  const ledger = `${count(rows)} rows read = ${count(windowed)} windowed + ${count(late)} late`;
  const output = `${count(written.windows)} windows in ${options.out}`;
  const time = `${(elapsedMs / 1_000).toFixed(1)} s, ${count((1_000 * rows) / elapsedMs)} rows/s`;
  if (rows === windowed + late && windowed === written.flights && lines === written.windows) {
    return `\n${worst.join('\n')}\n\n${ledger}; ${output}; ${time}\n`;
  }
  const found = `the output has ${count(written.flights)} flights in ${count(written.windows)} lines`;
  throw new TroupeError('LedgerBroken', `${ledger}, ${count(lines)} lines written; ${found}: please report this`);
}
