/** `connect`, for whatever opens a WebSocket where it runs. */
import { lightClock, lightFraction, lightScheduler } from '../base/platform/light-environment.ts';
import { dialSocket, type OpenSocket } from '../transport/websocket-socket.ts';
import { Client, type ClientOptions } from './client.ts';

/** See `connect`. */
export type Connect = (address: string, options?: ClientOptions) => Client;

export function connectBy(open: OpenSocket): Connect {
  return (address, options = {}) => {
    const clock = lightClock();
    return new Client(address, options, {
      clock,
      scheduler: lightScheduler(),
      fraction: lightFraction,
      dial: (dialling) => dialSocket(open, clock, dialling),
    });
  };
}
