// npm run example:scrape
/** Who the crawler says it is, and how much of what a host takes it uses: less, since requests bunch up on their way. */

export const userAgent = 'troupe-example';

/** For the first request of each URL. */
const firstShare = 0.6;
/** For all further ones. */
const againShare = 0.15;

export const firstIntervalMs = (perSecond: number): number => 1_000 / (firstShare * perSecond);

export const againIntervalMs = (firstIntervalMs: number): number => (firstIntervalMs * firstShare) / againShare;
