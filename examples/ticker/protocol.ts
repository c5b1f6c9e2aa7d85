/** What the page and the actor say to each other; loaded by both. */
import { ask, protocol, stream, tell } from 'troupe';
import * as z from 'zod';

export const Tick = z.object({ at: z.date(), price: z.number(), clicks: z.int() });
export type Tick = z.infer<typeof Tick>;

export const Ticker = protocol('ticker', {
  /** Somebody has clicked. */
  click: tell(z.object({ times: z.int().min(1).max(10).default(1) })),
  clicks: ask({ output: z.int(), readonly: true }),
  /** How it stands, now and after each change; who is slow misses what was between. */
  ticks: stream({ output: Tick }),
  /** Sets everything back: not for visitors. */
  reset: tell(),
});
