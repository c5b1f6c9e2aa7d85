// npm run example:scrape
/** What the program can be told. */
import { given, whole } from '../program/options.ts';

export const help = `usage: npm run example:scrape -- [options]

Fetches the pages of eight hosts through three proxies, politely: robots.txt, a rate for each host, retries, Retry-After.
The hosts and the proxies run in this program and fail on purpose; what they saw is checked at the end.

  --pages <n>     URLs to fetch, 100 to 100,000; 5,000 unless given
  --seed <n>      of the hosts and their failures, a whole number; 1 unless given
  --kill-proxy    the first proxy dies when a third of the pages were asked for
  --out <file>    out/pages.jsonl unless given
  --help          print this
`;

export interface Options {
  readonly help: boolean;
  readonly pages: number;
  readonly seed: number;
  readonly killProxy: boolean;
  readonly out: string;
}

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  return {
    help: values.help,
    pages: whole('--pages', values.pages, 100, 100_000),
    seed: whole('--seed', values.seed, 0, 0xffff_ffff),
    killProxy: values['kill-proxy'],
    out: values.out,
  };
}

function parse(argv: readonly string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean', default: false }] as const;
  const options = {
    pages: { ...text, default: '5000' },
    seed: { ...text, default: '1' },
    'kill-proxy': flag,
    out: { ...text, default: 'out/pages.jsonl' },
    help: flag,
  } as const;
  return given(argv, options);
}
