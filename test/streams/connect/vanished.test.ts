/** Other ends that vanish without a word: a cable that is cut, a process that is stopped. Time is virtual, sockets are real. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod';
import { httpLines, sse, sseOut } from '../../../src/streams/connect/http.ts';
import { webSocketIn, webSocketOut, webSocketSource } from '../../../src/streams/connect/websocket.ts';
import { connectLimits } from '../../../src/streams/limits.ts';
import { batchOf } from '../../../src/streams/source.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { contextOf } from './context.ts';

const { heartbeatMs, silenceMs } = connectLimits;
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await soon();
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A clock for heartbeats, and the context with it. */
function inTime() {
  const clock = new VirtualClock();
  const stop = new AbortController();
  closing.push(() => stop.abort());
  return { clock, stop, context: { ...contextOf(stop.signal), clock }, pass: (ms: number) => clock.advance(ms, soon) };
}

/** What a client or a server hears, and whether it answers pings. */
function client(url: string, answers: boolean): { socket: WebSocket; pings: () => number } {
  const socket = new WebSocket(url, { autoPong: answers });
  closing.push(() => socket.terminate());
  let pings = 0;
  socket
    .on('error', () => undefined)
    .on('ping', () => {
      pings += 1;
    });
  return { socket, pings: () => pings };
}

async function serve(answers: boolean, onSocket: (socket: WebSocket) => void = () => undefined) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: answers });
  const seen = { pings: 0, connections: 0 };
  closing.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    seen.connections += 1;
    socket.on('ping', () => {
      seen.pings += 1;
    });
    onSocket(socket);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const closed = ({ readyState }: WebSocket): boolean => readyState === WebSocket.CLOSED;

describe('webSocketIn', () => {
  async function opened(context: ReturnType<typeof contextOf>) {
    let url = '';
    const onListening = (at: string): void => {
      url = at;
    };
    const batches = webSocketIn({ port: 0, row: z.int(), onListening }).open(context)[Symbol.asyncIterator]();
    const first = batches.next();
    await until(() => url !== '');
    return { batches, first, url };
  }

  it('cuts off who says nothing for two heartbeats, and neither who answers pings nor who sends', async () => {
    const { context, stop, pass } = inTime();
    const { batches, first, url } = await opened(context);
    const answering = client(url, true);
    const sending = client(url, false);
    const gone = client(url, false);
    await until(() => [answering, sending, gone].every(({ socket }) => socket.readyState === WebSocket.OPEN));
    let pending = first;
    for (let beat = 1; beat <= 5; beat += 1) {
      sending.socket.send(String(beat));
      expect(batchOf((await pending).value!).items).toEqual([beat]);
      pending = batches.next();
      await pass(heartbeatMs);
      await until(() => answering.pings() === beat);
      // What it sends behind its answer has come when the answer has.
      answering.socket.send('0');
      expect(batchOf((await pending).value!).items).toEqual([0]);
      pending = batches.next();
      if (beat === 3) await until(() => closed(gone.socket));
    }
    expect(gone.pings()).toBe(2);
    expect([answering, sending].map(({ socket }) => socket.readyState)).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
    stop.abort();
    expect(await pending).toMatchObject({ done: true });
  });

  it('tells who is held back that it lives, and does not take for dead who cannot be heard', async () => {
    const { context, pass } = inTime();
    const { batches, first, url } = await opened(context);
    const held = client(url, false);
    await until(() => held.socket.readyState === WebSocket.OPEN);
    for (let n = 0; n < 2_000; n += 1) held.socket.send(String(n));
    const seen = [...batchOf(await first.then(({ value }) => value!)).items];
    await soon();
    for (let beat = 1; beat <= 6; beat += 1) {
      await pass(heartbeatMs);
      await until(() => held.pings() === beat);
    }
    while (seen.length < 2_000) seen.push(...batchOf((await batches.next()).value!).items);
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
    expect(held.socket.readyState).toBe(WebSocket.OPEN);
    await batches.return?.();
  });
});

describe('webSocketOut', () => {
  it('cuts off a reader that says nothing for two heartbeats, and keeps one that only says that it lives', async () => {
    const { context, pass } = inTime();
    let url = '';
    const writer = await webSocketOut<number>({
      port: 0,
      slow: 'block',
      onListening: (at) => {
        url = at;
      },
    }).open(context);
    const living = client(url, false);
    const gone = client(url, false);
    await until(() => writer.counts?.().readers === 2);
    for (let beat = 1; beat <= 5; beat += 1) {
      await pass(heartbeatMs);
      await until(() => living.pings() === beat);
      const heard = new Promise((resolve) => living.socket.once('pong', resolve));
      living.socket.ping();
      await heard;
      if (beat === 3) await until(() => writer.counts?.().readers === 1);
    }
    await until(() => closed(gone.socket));
    expect(living.socket.readyState).toBe(WebSocket.OPEN);
    await writer.abort?.();
  });

  it('fails as unreachable where its server says nothing for two heartbeats', async () => {
    for (const answers of [true, false]) {
      const { url, seen } = await serve(answers);
      const { context, pass } = inTime();
      const writer = await webSocketOut<number>({ url }).open(context);
      for (let beat = 1; beat <= 2; beat += 1) {
        await pass(heartbeatMs);
        await until(() => seen.pings === beat);
        await soon();
        await writer.write([1]);
      }
      if (answers) {
        await writer.abort?.();
        continue;
      }
      await pass(heartbeatMs);
      const failure = {
        code: 'SinkFailed',
        reason: 'unreachable',
        message: expect.stringContaining('nothing for 60 s'),
      };
      await expect(writer.write([1])).rejects.toMatchObject(failure);
      await writer.abort?.();
    }
  });
});

describe('webSocketSource', () => {
  it('takes a server that says nothing for two heartbeats for cut off, and connects again where it is told to', async () => {
    const { url, seen } = await serve(false);
    const { context, stop, pass } = inTime();
    const failing = webSocketSource({ url, row: z.int() }).open(context)[Symbol.asyncIterator]().next();
    let failure: unknown;
    failing.catch((thrown: unknown) => {
      failure = thrown;
    });
    await until(() => seen.connections === 1);
    await soon();
    while (failure === undefined) await pass(heartbeatMs);
    expect(failure).toMatchObject({ code: 'SourceFailed', reason: 'unreachable', retryable: true });
    expect((failure as Error).message).toContain('has said nothing for 60 s');
    expect(seen.pings).toBe(2);
    const again = webSocketSource({ url, row: z.int(), reconnect: true }).open(context)[Symbol.asyncIterator]();
    const pending = again.next();
    while (seen.connections < 3) await pass(heartbeatMs);
    stop.abort();
    expect(await pending).toMatchObject({ done: true });
  });

  it('says that it lives, and waits for its server, while its flow asks for nothing', async () => {
    const { url, seen } = await serve(false, (socket) => {
      for (let n = 0; n < 2_000; n += 1) socket.send(String(n));
    });
    const { context, pass } = inTime();
    const batches = webSocketSource({ url, row: z.int() }).open(context)[Symbol.asyncIterator]();
    const items = [...batchOf((await batches.next()).value!).items];
    await soon();
    for (let beat = 1; beat <= 6; beat += 1) {
      await pass(heartbeatMs);
      await until(() => seen.pings === beat);
    }
    while (items.length < 2_000) items.push(...batchOf((await batches.next()).value!).items);
    expect(items).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
    await batches.return?.();
  });
});

describe('server-sent events', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  async function serveHttp(
    answer: (response: ServerResponse, lastEventId: string | undefined) => void,
  ): Promise<string> {
    const server = createServer((request, response) =>
      answer(response, request.headers['last-event-id'] as string | undefined),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  it('are asked for again behind the last one where nothing came for 120 s, as often as it takes', async () => {
    const asked: (string | undefined)[] = [];
    const url = await serveHttp((response, lastEventId) => {
      asked.push(lastEventId);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      // Silent behind its first event, ten times: once more than it tries where nobody answers.
      if (lastEventId === undefined) response.write('id: 1\ndata: 1\n\n');
      else if (asked.length > 10) response.write('id: 2\ndata: 2\n\n');
    });
    const { context, clock } = inTime();
    const batches = sse({ url, row: z.int() }).open(context)[Symbol.asyncIterator]();
    expect(batchOf((await batches.next()).value!).items).toEqual([1]);
    const seen: unknown[] = [];
    while (seen.length === 0) {
      let over = false;
      const pending = batches.next().finally(() => {
        over = true;
      });
      while (!over) {
        // Not while it waits for an answer, which would come too late then.
        if (clock.nextInMs !== connectLimits.answerMs) await clock.advance(clock.nextInMs ?? 0, soon);
        await soon();
      }
      seen.push(...batchOf((await pending).value!).items);
    }
    expect(seen).toEqual([2]);
    expect(asked).toEqual([undefined, ...new Array(10).fill('1')]);
    await batches.return?.();
  });

  it('are no silence while comments come', async () => {
    let response: ServerResponse | undefined;
    const url = await serveHttp((given) => {
      response = given;
      given.writeHead(200, { 'content-type': 'text/event-stream' });
      given.flushHeaders();
    });
    const { context, clock, pass } = inTime();
    const batches = sse({ url, row: z.int() }).open(context)[Symbol.asyncIterator]();
    const pending = batches.next();
    await until(() => response !== undefined && clock.nextInMs === silenceMs);
    for (let time = 0; time < 5; time += 1) {
      await pass(silenceMs - 1);
      response!.write(':\n\n');
      await until(() => clock.nextInMs === silenceMs);
    }
    response!.write('data: 7\n\n');
    expect(batchOf((await pending).value!).items).toEqual([7]);
    await batches.return?.();
  });

  it('come with a comment every 30 s to readers who have taken all', async () => {
    let url = '';
    const { context, pass } = inTime();
    const writer = await sseOut<number>({
      port: 0,
      onListening: (at) => {
        url = at;
      },
    }).open(context);
    const response = await fetch(url);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let beat = 0; beat < 3; beat += 1) {
      await pass(heartbeatMs);
      expect(await reader.read()).toMatchObject({ value: ':\n\n' });
    }
    await writer.write([1]);
    expect(await reader.read()).toMatchObject({ value: 'id: 0\ndata: 1\n\n' });
    await writer.finish?.();
    expect(await reader.read()).toMatchObject({ done: true });
  });

  it('are not the only answers that may break off in silence: a file does too', async () => {
    const url = await serveHttp((response) => void response.write('1\n'));
    const { context, pass } = inTime();
    const lines = httpLines({ url, row: z.int() }).open(context)[Symbol.asyncIterator]();
    const first = lines.next();
    expect(batchOf((await first).value!).items).toEqual([1]);
    const second = lines.next();
    const failure = expect(second).rejects.toMatchObject({ code: 'SourceFailed', reason: 'unreachable' });
    await pass(silenceMs);
    await failure;
  });
});
