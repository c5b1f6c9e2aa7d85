/** What a client takes from outside: time, chance, turns and links. Everything else of it is the same wherever it runs. */
import type { Clock } from '../base/environment/clock.ts';
import type { Link } from '../base/environment/network.ts';
import type { Scheduler } from '../base/environment/scheduler.ts';

export interface ClientSurroundings {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** A uniform number in [0, 1). */
  fraction(): number;
  /** @throws DialFailed */
  dial(options: {
    readonly address: string;
    readonly protocols: readonly string[];
    readonly timeoutMs: number;
  }): Promise<Link>;
}
