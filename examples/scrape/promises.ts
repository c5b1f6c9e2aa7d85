// npm run example:scrape
/** What must hold at the end: every URL is accounted for, and every host saw a polite visitor. */
import { TroupeError } from 'troupe';
import type { HostCounts } from './host-counts.ts';
import type { Tally } from './tally.ts';

export type Ends = Pick<Tally, 'urls' | 'toldToWait' | 'pages' | 'dead' | 'disallowed'>;

/** @throws TroupeError `PromiseBroken` where something does not hold */
export function checkPromises(expected: number, ends: Ends, counts: readonly HostCounts[]): void {
  const sum = ends.pages + ends.dead + ends.disallowed;
  const broken = counts.flatMap((one) => brokenFor(one, ends));
  if (sum !== expected || ends.urls.size !== expected) {
    broken.unshift(`${expected} URLs came to ${sum} ends of ${ends.urls.size} URLs`);
  }
  if (broken.length > 0) throw new TroupeError('PromiseBroken', broken.join('; '));
}

/** As the host itself saw it. What it said in an answer that was lost on its way, nobody can heed. */
function brokenFor(counts: HostCounts, { toldToWait }: Ends): string[] {
  const { host, perSecondPeak, disallowed, early } = counts;
  const unheeded = early.filter((url) => toldToWait.of(url) === counts.toldToWait.get(url)).length;
  const broken: string[] = [];
  if (perSecondPeak > host.perSecond) broken.push(`was asked ${perSecondPeak} times in a second`);
  if (disallowed > 0) broken.push(`was asked ${disallowed} times for what it disallows`);
  if (unheeded > 0) broken.push(`was asked ${unheeded} times before the time that it had said`);
  return broken.map((what) => `${host.name} ${what}`);
}
