// npm run example:scrape
/** What the crawler tells of its troubles, on channels that whoever is curious subscribes to. */
import { channel } from 'node:diagnostics_channel';

export interface AttemptFailed {
  readonly url: string;
  /** In words. */
  readonly reason: string;
  /** The host said when it may be asked for again. */
  readonly toldToWait: boolean;
}

/** An attempt failed: an {@link AttemptFailed}. */
export const attemptFailed = channel('scrape:attempt-failed');
/** A proxy was set aside: its name. */
export const proxySetAside = channel('scrape:proxy-set-aside');
