/** Sources and sinks that speak HTTP. Entry point `troupe/streams/http`; needs nothing but Node. */
export type { ServerSentEvent } from './event-stream.ts';
export { type HttpInOptions, httpIn } from './http-in.ts';
export type { ListenOptions } from './http-port.ts';
export { type HttpPostOptions, httpPost } from './http-post.ts';
export { type HttpLinesOptions, type HttpOptions, httpLines, httpSource } from './http-source.ts';
export type { ReaderOptions, SlowReader } from './readers.ts';
export { type SseOptions, sse } from './sse.ts';
export { type SseOutOptions, sseOut } from './sse-out.ts';
