/** The environment of a real process. */
import type { Environment } from '../base/environment/environment.ts';
import type { Logger } from '../base/logger.ts';
import { Dispatcher } from '../base/platform/dispatcher.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import type { Certificates } from '../transport/certificates.ts';
import { WebSocketNetwork } from '../transport/websocket-network.ts';
import { Audit } from './audit.ts';
import { workerPlaces } from './worker-places.ts';

/**
 * @param activity where its run queue writes what it is at
 * @param certificates of this node, where its links are TLS
 */
export function realEnvironment(log: Logger, activity: Int32Array, certificates?: Certificates): Environment {
  const clock = realClock();
  const audit = new Audit(clock, log);
  return {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs(), activity),
    network: new WebSocketNetwork({
      clock,
      certificates,
      onRefused: ({ event, remote, what }) => audit.line(event, { remote, what }, `a port refused ${remote}: ${what}`),
    }),
    places: workerPlaces(),
  };
}
