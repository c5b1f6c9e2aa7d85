/** Everything outside of a system under virtual time: it stands still, repeats from a seed, and leads nowhere else. */
import type { Environment } from '../base/environment/environment.ts';
import type { Network } from '../base/environment/network.ts';
import type { Places } from '../base/environment/place.ts';
import { UsageError } from '../base/errors.ts';
import { seededRandom } from '../base/platform/seeded-random.ts';
import type { TestScheduler } from './test-scheduler.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface VirtualEnvironment extends Environment {
  readonly clock: VirtualClock;
  readonly scheduler: TestScheduler;
}

/** @throws UsageError when `seed` is not a safe integer */
export function virtualEnvironment(seed: number, scheduler: TestScheduler): VirtualEnvironment {
  return {
    clock: new VirtualClock(),
    random: seededRandom(seed),
    scheduler,
    network: noNetwork,
    places: noPlaces,
  };
}

const text = 'a system under virtual time is one thread; run the test everywhere(…) to have threads and nodes';

const noNetwork: Network = {
  listen: () => Promise.reject(new UsageError(text)),
  dial: () => Promise.reject(new UsageError(text)),
};

const noPlaces: Places = {
  parallelism: 1,
  isInspected: false,
  start: () => Promise.reject(new UsageError(text)),
  channel: () => {
    throw new UsageError(text);
  },
};
