/** The environment of a real process. */
import type { Environment } from '../base/environment/environment.ts';
import { Dispatcher } from '../base/platform/dispatcher.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import { WebSocketNetwork } from '../transport/websocket-network.ts';
import { workerPlaces } from './worker-places.ts';

export function realEnvironment(): Environment {
  const clock = realClock();
  return {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs()),
    network: new WebSocketNetwork({ clock }),
    places: workerPlaces(),
  };
}
