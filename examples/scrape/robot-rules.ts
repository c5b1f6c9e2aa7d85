// npm run example:scrape
/** The robots.txt of each host, fetched once, when the first of its URLs comes. */
import robotsParser from 'robots-parser';
import type { Attempt } from 'troupe/streams/rx';
import type { Fetcher } from './fetcher.ts';
import { usualPerSecond } from './hosts.ts';
import { intervalMsOf, userAgent } from './politeness.ts';
import type { Target } from './target.ts';

/** Its types speak of a default export inside of the module; what the module is, is the function itself. */
const parserOf = robotsParser as unknown as typeof robotsParser.default;

type Robots = ReturnType<typeof parserOf>;

export class RobotRules {
  readonly #fetcher: Fetcher;
  readonly #hosts = new Map<string, Promise<Robots>>();

  constructor(fetcher: Fetcher) {
    this.#fetcher = fetcher;
  }

  /** A URL with what its host says of it. A host whose file cannot be had is asked for it again at the next look. */
  readonly look = async (url: string, { signal }: Attempt): Promise<Target> => {
    const { host, origin } = new URL(url);
    let asked = this.#hosts.get(host);
    if (asked === undefined) {
      asked = this.#fetch(`${origin}/robots.txt`, signal);
      asked.catch(() => this.#hosts.delete(host));
      this.#hosts.set(host, asked);
    }
    const robots = await asked;
    const delaySeconds = robots.getCrawlDelay(userAgent);
    const intervalMs = intervalMsOf(delaySeconds ? 1 / delaySeconds : usualPerSecond);
    return { url, host, allowed: robots.isAllowed(url, userAgent) !== false, intervalMs };
  };

  /** A host without the file allows everything (RFC 9309, 2.3.1.3). */
  async #fetch(url: string, signal: AbortSignal): Promise<Robots> {
    const { status, body } = await this.#fetcher.ask(url, signal);
    return parserOf(url, status === 200 ? body : '');
  }
}
