/** What the program can be told. */
import { parseArgs } from 'node:util';
import { UsageError } from 'troupe';
import { type Arguments, defaults, lateGroup } from './arguments.ts';
import { queries } from './queries.ts';

export const help = `usage: npm run nexmark -- [options]

Runs Nexmark's queries, each in a process of its own, compares what they come to with DuckDB, and prints how many events
each takes in a second of processor time, of all threads, generator included.

  --queries <q0,q5>   which; all of them unless given
  --events <n>        persons, auctions and bids together; ${defaults.events.toLocaleString('en')} unless given
  --full              20,000,000 for q0, q1 and q2, 5,000,000 for the others
  --rate <n>          events in a second of event time; ${defaults.ratePerSecond.toLocaleString('en')} unless given
  --group <n>         events come out of order within groups of so many; 1, in order, unless given
  --late              a group of 8 s, so that some events come later than the watermark allows for
  --parallelism <n>   threads for what stands behind keys; 1, the thread of the source, unless given
  --sources <n>       instances of the source, each with a part of the events; 1 unless given
  --seed <n>          other events; 1 unless given
  --bidder-id-twice   adds the first id of persons to bidders twice, as the original generator does
  --check             exits with 1 where a query is below its floor too
  --repeat <n>        runs each so often, and takes the median; 1 unless given
  --no-oracle         compares nothing
  --flink             runs each in Apache Flink too, which takes a JDK and Maven
  --json <file>       writes the figures down
  --help              print this
`;

export interface Options {
  readonly help: boolean;
  readonly queries: readonly string[];
  readonly args: Arguments;
  /** Whether each query has as many events as suit it, instead of those of `args`. */
  readonly full: boolean;
  readonly repeat: number;
  readonly oracle: boolean;
  readonly flink: boolean;
  readonly check: boolean;
  readonly json: string | undefined;
}

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const given = parse(argv);
  const ratePerSecond = whole('--rate', given.rate);
  return {
    help: given.help,
    queries: given.queries === undefined ? Object.keys(queries) : namesIn(given.queries),
    repeat: whole('--repeat', given.repeat),
    oracle: !given['no-oracle'],
    flink: given.flink,
    check: given.check,
    full: given.full,
    json: given.json,
    args: {
      ...defaults,
      events: whole('--events', given.events),
      ratePerSecond,
      group: given.late ? lateGroup(ratePerSecond) : groupOf(given.group),
      parallelism: whole('--parallelism', given.parallelism),
      sources: whole('--sources', given.sources),
      seed: whole('--seed', given.seed),
      bidderIdTwice: given['bidder-id-twice'],
    },
  };
}

function parse(argv: readonly string[]) {
  const text = (value: number) => ({ type: 'string', default: String(value) }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    queries: { type: 'string' },
    events: text(defaults.events),
    full: flag,
    rate: text(defaults.ratePerSecond),
    group: text(defaults.group),
    late: flag,
    parallelism: text(defaults.parallelism),
    sources: text(defaults.sources),
    seed: text(defaults.seed),
    'bidder-id-twice': flag,
    repeat: text(1),
    'no-oracle': flag,
    flink: flag,
    check: flag,
    json: { type: 'string' },
    help: flag,
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--help lists the options)`, { cause: error });
  }
}

function namesIn(list: string): string[] {
  const names = list.split(',');
  const unknown = names.filter((name) => queries[name] === undefined);
  if (unknown.length === 0) return names;
  throw new UsageError(`--queries: there is no ${unknown.join(', ')}; there are ${Object.keys(queries).join(', ')}`);
}

function groupOf(text: string): number {
  const group = whole('--group', text);
  if (group === 1 || group % 953 !== 0) return group;
  throw new UsageError(`--group takes no multiple of 953, which is the step within a group; it was given ${text}`);
}

function whole(option: string, text: string): number {
  if (/^\d{1,12}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new UsageError(`${option} takes a whole number from 1 on; it was given "${text}"`);
}
