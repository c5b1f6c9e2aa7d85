// npm run example:monte-carlo
/** What the program can be told. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { UsageError } from 'troupe';

export const help = `usage: npm run example:monte-carlo -- [options]

Estimates pi and the price of a European option by chance, with one actor for each worker thread, and checks both
against what the closed forms say. A seed gives the same digits on any number of threads.

  --threads <n>   worker threads, 1 to 64; one for each core unless given (${availableParallelism()} here)
  --samples <n>   samples of each, from 10,000 up; 40,000,000 unless given
  --seed <n>      a whole number; 1 unless given
  --help          print this
`;

export interface Options {
  readonly help: boolean;
  readonly threads: number;
  readonly samples: number;
  readonly seed: number;
}

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const given = parse(argv);
  const cores = Math.min(64, availableParallelism());
  return {
    help: given.help,
    threads: given.threads === undefined ? cores : whole('--threads', given.threads, 1, 64),
    samples: whole('--samples', given.samples, 10_000, 10_000_000_000),
    seed: whole('--seed', given.seed, 0, Number.MAX_SAFE_INTEGER),
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    threads: text,
    samples: { ...text, default: '40000000' },
    seed: { ...text, default: '1' },
    help: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--help lists the options)`, { cause: error });
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = `${min.toLocaleString('en')} to ${max.toLocaleString('en')}`;
  throw new UsageError(`${option} takes a whole number from ${range}; it was given "${text}"`);
}
