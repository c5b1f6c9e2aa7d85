/**
 * `troupe/client` in a browser, or wherever else there is a WebSocket: a light client of a system that lets clients in.
 */
import type { OpenSocket, Socket } from '../transport/websocket-socket.ts';
import { type Connect, connectBy } from './connect.ts';

export type { CallOptions, Ref, Stream, StreamOptions } from '../actors/protocol.ts';
export type { Client, ClientOptions, ClientStatus, StatusReason } from './client.ts';
export type { Connect } from './connect.ts';
export type { LostTell } from './conversation.ts';
export { ClientClosed } from './errors.ts';

const openSocket: OpenSocket = (address, protocols) => {
  const { WebSocket } = globalThis as unknown as { WebSocket: new (address: string, protocols: string[]) => Socket };
  return new WebSocket(address, protocols);
};

/**
 * A client of the system that listens for clients at `address`, as `wss://app.example.org/live`.
 *
 * It is there at once, and links in the background, again and again until it is closed: what is said meanwhile waits.
 *
 * @throws UsageError for an address or options that make no sense
 */
export const connect: Connect = connectBy(openSocket);
