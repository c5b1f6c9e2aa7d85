// npm run example:scrape
/** What the crawler tells of its troubles, on channels that whoever is curious subscribes to. */
import { channel } from 'node:diagnostics_channel';

/** An attempt failed: its reason, in words. */
export const attemptFailed = channel('scrape:attempt-failed');
/** A proxy was set aside: its name. */
export const proxySetAside = channel('scrape:proxy-set-aside');
