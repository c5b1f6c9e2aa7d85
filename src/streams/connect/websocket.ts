/** Sources and sinks that speak WebSocket. Entry point `troupe/streams/websocket`. */
export type { ListenOptions } from './http-port.ts';
export type { ReaderOptions, SlowReader } from './readers.ts';
export { type WebSocketInOptions, webSocketIn } from './websocket-in.ts';
export { type WebSocketOutOptions, type WebSocketToOptions, webSocketOut } from './websocket-out.ts';
export { type WebSocketSourceOptions, webSocketSource } from './websocket-source.ts';
