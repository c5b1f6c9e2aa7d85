// npm run example:scrape
/** The hosts of the local web: what their robots.txt says, how fast they may be asked, and the URLs of their pages. */

export interface Host {
  readonly name: string;
  /** Undefined where there is no such file. */
  readonly robots: string | undefined;
  /** What its robots.txt disallows. */
  isClosed(path: string): boolean;
  /** Requests that it takes in any second. */
  readonly perSecond: number;
}

/** What a host without a Crawl-delay takes in a second; whoever crawls it was told so. */
export const usualPerSecond = 160;

const crawlDelaySeconds = 0.1;
const none = (): boolean => false;
const shopRobots = 'User-agent: *\nDisallow: /basket/\nDisallow: /*?sort=\nAllow: /item/\n';
const isClosed = (path: string): boolean => path.startsWith('/basket/') || path.includes('?sort=');

const small: Host = {
  name: 'small.test',
  robots: `User-agent: *\nCrawl-delay: ${crawlDelaySeconds}\n`,
  isClosed: none,
  perSecond: 1 / crawlDelaySeconds,
};
const open: Host = { name: 'open.test', robots: undefined, isClosed: none, perSecond: usualPerSecond };
const shops = ['books', 'garden', 'kitchen', 'music', 'tools', 'toys'].map(
  (name): Host => ({ name: `${name}.test`, robots: shopRobots, isClosed, perSecond: usualPerSecond }),
);
const large = [open, ...shops];

export const hosts: readonly Host[] = [small, ...large];

/** The small host has one page in 128; the others share the rest in turn, as a list of links would have them. */
export function* urlsOf(pages: number): Generator<string> {
  for (let page = 0; page < pages; page += 1) {
    const { name } = page % 128 === 0 ? small : large[page % large.length]!;
    yield `http://${name}${pathOf(page)}`;
  }
}

/** One in thirteen is a basket, one in seventeen a list in another order: what most hosts want no crawler to ask for. */
function pathOf(page: number): string {
  if (page % 13 === 5) return `/basket/${page}`;
  return page % 17 === 3 ? `/list/${page}?sort=price` : `/item/${page}`;
}
