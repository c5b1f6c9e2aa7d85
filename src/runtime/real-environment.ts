/** The environment of a real process. */
import type { Clock } from '../base/environment/clock.ts';
import type { Environment } from '../base/environment/environment.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { Dispatcher } from '../base/platform/dispatcher.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import type { Certificates } from '../transport/certificates.ts';
import type { PortRefusal } from '../transport/websocket-listener.ts';
import { WebSocketNetwork } from '../transport/websocket-network.ts';
import { workerPlaces } from './worker-places.ts';

/**
 * @param activity where its run queue writes what it is at
 * @param certificates of this node, where its links are TLS
 */
export function realEnvironment(log: Logger, activity: Int32Array, certificates?: Certificates): Environment {
  const clock = realClock();
  return {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs(), activity),
    network: new WebSocketNetwork({ clock, certificates, onRefused: refusalLog(clock, log) }),
    places: workerPlaces(),
  };
}

/** One line a second at most, so that a flood at the port is no flood in the log. */
function refusalLog(clock: Clock, log: Logger): (refusal: PortRefusal) => void {
  let refused = 0;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return ({ remote, what }) => {
    refused += 1;
    const now = clock.monotonicMs();
    if (now - loggedAtMs < limits.refusalLogMs) return;
    loggedAtMs = now;
    log.warn({ remote, what, refused }, `a port refused ${remote}: ${what}; ${refused} refused so far`);
  };
}
