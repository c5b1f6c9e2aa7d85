/**
 * The environment: everything that core code may not take from the globals.
 *
 * Time, chance, scheduling, network and threads reach the runtime through these interfaces alone, so that a whole
 * system can run in one process under virtual time, from a seed. The real adapters are `base/platform/`, the WebSocket
 * adapter in `transport/` and `runtime/worker-*`; `test/architecture.test.ts` forbids the globals everywhere else.
 */
import type { Clock } from './clock.ts';
import type { Network } from './network.ts';
import type { Places } from './place.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly places: Places;
}
