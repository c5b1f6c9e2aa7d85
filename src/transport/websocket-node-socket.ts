/** The WebSocket of clients in Node, whose own is not in every version that runs this. */
import { WebSocket } from 'ws';
import { clientLimits } from './client-limits.ts';
import type { Socket } from './websocket-socket.ts';

export function openNodeSocket(address: string, protocols: string[]): Socket {
  return new WebSocket(address, protocols, {
    maxPayload: clientLimits.linkFrameBytesMax,
    perMessageDeflate: false,
    followRedirects: false,
  }) as unknown as Socket;
}
