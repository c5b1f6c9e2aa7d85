// npm run example:scrape
/** Who the crawler says it is, and how much of what a host takes it uses: less, since requests bunch up on their way. */

export const userAgent = 'troupe-example';

const share = 0.75;

/** The time between two requests to a host that takes so many in a second. */
export const intervalMsOf = (perSecond: number): number => 1_000 / (share * perSecond);
