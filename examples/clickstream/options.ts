/** What the program can be told. */
import { given, whole } from '../program/options.ts';

export const help = `usage: npm run example:clickstream -- [options]

Writes access logs of three web servers over three days, and makes sessions of them: what a visitor asks for, up to half
an hour of silence. Bots and broken lines are left out, and counted.

  --lines <n>      about how many lines, from 100 to 3,000,000; 300,000 unless given
  --seed <n>       other logs; 1 unless given
  --threads <n>    worker threads for the sessions, from 0 to 64; 1 unless given
  --out <folder>   out/clickstream unless given
  --help           print this
`;

export interface Options {
  readonly help: boolean;
  readonly lines: number;
  readonly seed: number;
  readonly threads: number;
  readonly out: string;
}

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  return {
    help: values.help,
    lines: whole('--lines', values.lines, 100, 3_000_000),
    seed: whole('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    threads: whole('--threads', values.threads, 0, 64),
    out: values.out,
  };
}

function parse(argv: readonly string[]) {
  const options = {
    lines: { type: 'string', default: '300000' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    out: { type: 'string', default: 'out/clickstream' },
    help: { type: 'boolean', default: false },
  } as const;
  return given(argv, options);
}
