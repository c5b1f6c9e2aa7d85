/** What `npm start -- …` can be told. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from 'troupe';

export const help = `usage: npm start -- [options]

Streams 3,000,000 real US flights through actors on this process's threads and on a second node, and writes per origin
and hour: the flights, their mean and maximum delay, and how many were more than 15 minutes late.

  --delays-by-route          per route and day instead: the median and the 90th percentile of the delays of the last 7 days,
                             with the cities and states of both airports
  --threads <n>              worker threads of this process, 0 to 64; 2 unless given
  --no-node                  without the second node process
  --rows <n>                 only the first n rows
  --slow-sink <ms>           a sink that takes so long for each output line, to see that memory stays flat
  --cut <s>                  cuts the link to the second node for so many seconds, up to 15, when half of the rows are read
  --shuffle <minutes>        displaces rows by up to so many minutes, seeded
  --out-of-order <minutes>   how far out of order rows may come without being late; what --shuffle says unless given
  --file <parquet>           another input; vega-datasets/data/flights-3m.parquet unless given
  --out <file>               out/flight-delays.jsonl unless given, or out/delays-by-route.jsonl
  --help                     print this
`;

export interface Options {
  readonly help: boolean;
  readonly byRoute: boolean;
  readonly threads: number;
  readonly withNode: boolean;
  readonly rows: number;
  readonly slowSinkMs: number;
  readonly cutMs: number;
  readonly shuffleMs: number;
  readonly outOfOrderMs: number;
  readonly file: string;
  readonly airports: string;
  readonly out: string;
}

const minuteMs = 60_000;
/** Below the 20 s that nodes wait for each other. */
const cutSecondsMax = 15;

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const given = parse(argv);
  const shuffleMs = number('--shuffle', given.shuffle ?? '0', { max: 10_000 }) * minuteMs;
  const outOfOrder = given['out-of-order'];
  const cutMs = number('--cut', given.cut ?? '0', { max: cutSecondsMax }) * 1_000;
  if (cutMs > 0 && given['no-node'])
    throw new UsageError('--cut cuts the link to the second node; leave out --no-node');
  return {
    help: given.help,
    byRoute: given['delays-by-route'],
    threads: number('--threads', given.threads ?? '2', { max: 64, whole: true }),
    withNode: !given['no-node'],
    rows: given.rows === undefined ? Number.MAX_SAFE_INTEGER : number('--rows', given.rows, { min: 1, whole: true }),
    slowSinkMs: number('--slow-sink', given['slow-sink'] ?? '0', { max: 60_000 }),
    cutMs,
    shuffleMs,
    outOfOrderMs:
      outOfOrder === undefined ? shuffleMs : number('--out-of-order', outOfOrder, { max: 10_000 }) * minuteMs,
    file: given.file ?? dataFile('flights-3m.parquet'),
    airports: dataFile('airports.csv'),
    out: given.out ?? (given['delays-by-route'] ? 'out/delays-by-route.jsonl' : 'out/flight-delays.jsonl'),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        'delays-by-route': { type: 'boolean', default: false },
        threads: { type: 'string' },
        'no-node': { type: 'boolean', default: false },
        rows: { type: 'string' },
        'slow-sink': { type: 'string' },
        cut: { type: 'string' },
        shuffle: { type: 'string' },
        'out-of-order': { type: 'string' },
        file: { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--help lists the options)`, { cause: error });
  }
}

function number(option: string, text: string, bounds: { min?: number; max?: number; whole?: boolean }): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, whole = false } = bounds;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max && (!whole || Number.isSafeInteger(value))) return value;
  const most = max === Number.MAX_SAFE_INTEGER ? 'up' : `to ${max.toLocaleString('en')}`;
  throw new UsageError(`${option} takes a ${whole ? 'whole ' : ''}number from ${min} ${most}; it was given "${text}"`);
}

/** The files lie beside the built entry of the package, whose exports do not name them. */
function dataFile(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));
}
