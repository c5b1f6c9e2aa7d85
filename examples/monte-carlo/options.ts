// npm run example:monte-carlo
/** What the program can be told. */
import { availableParallelism } from 'node:os';
import { given, whole } from '../program/options.ts';

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
  const values = parse(argv);
  const cores = Math.min(64, availableParallelism());
  return {
    help: values.help,
    threads: values.threads === undefined ? cores : whole('--threads', values.threads, 1, 64),
    samples: whole('--samples', values.samples, 10_000, 10_000_000_000),
    seed: whole('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
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
  return given(argv, options);
}
