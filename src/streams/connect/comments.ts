/**
 * Comments in streams of server-sent events: the server says every 30 s that it lives, to readers that have taken all. Else
 * they, and proxies on the way, take it for gone.
 */
import type { ServerResponse } from 'node:http';
import type { Cancel, Clock } from '../../base/environment/clock.ts';
import { connectLimits } from '../limits.ts';

export class Comments {
  readonly #responses = new Set<ServerResponse>();
  readonly #clock: Clock;
  #timer: Cancel;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#next();
  }

  sendTo(response: ServerResponse): void {
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
  }

  stop(): void {
    this.#timer();
    this.#responses.clear();
  }

  #next(): Cancel {
    return this.#clock.timer(connectLimits.heartbeatMs, () => {
      this.#timer = this.#next();
      for (const response of this.#responses) if (response.writableLength === 0) response.write(':\n\n');
    });
  }
}
