// npm run example:scrape
/** URLs in, pages out: what robots.txt allows, at each host's pace, through proxies, parsed on threads. */
import { spread, thread } from 'troupe';
import { flow, fromIterable, jsonl } from 'troupe/streams';
import { each, map } from 'troupe/streams/rx';
import * as z from 'zod';
import { Fetcher, retryAfterMs } from './fetcher.ts';
import { urlsOf } from './hosts.ts';
import { parse } from './parse.ts';
import { Proxies } from './proxies.ts';
import { RobotRules } from './robot-rules.ts';

const args = z.object({
  pages: z.int(),
  proxies: z.array(z.object({ name: z.string(), port: z.int() })),
  out: z.string(),
});

const retry = { max: 2, backoffMs: 200 };

export const scrape = flow('scrape', { args }, (f, args) => {
  const fetcher = new Fetcher(new Proxies(args.proxies));
  const robots = new RobotRules(fetcher);
  const { allowed, disallowed } = f
    .from(fromIterable(urlsOf(args.pages), { name: 'urls' }))
    .via('robots', each(robots.look, { concurrency: 64, timeoutMs: 2_000, retry }))
    .partition({ allowed: (target) => target.allowed, disallowed: (target) => !target.allowed });
  return f.ends(
    disallowed.output('disallowed'),
    allowed
      .via(
        'fetch',
        each(fetcher.fetch, {
          concurrency: 200,
          ordered: false,
          timeoutMs: 2_000,
          rate: { elements: 1, perMs: (target) => target.intervalMs, key: (target) => target.host },
          retry: { ...retry, delayMs: (_attempt, error) => retryAfterMs(error) },
          onError: 'dead-letter',
        }),
      )
      .via('parse', map(parse), { on: spread([thread(), thread()]), parallelism: 2 })
      .to(jsonl({ file: args.out })),
  );
});
