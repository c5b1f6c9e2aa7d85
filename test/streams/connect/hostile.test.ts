/** What strangers send to the ports of sources and sinks. Bounds of time are short here, so that reaching them is no wait. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import * as z from 'zod';
import { httpIn, sse, sseOut } from '../../../src/streams/connect/http.ts';
import { webSocketIn, webSocketOut } from '../../../src/streams/connect/websocket.ts';
import { batchOf, type Source } from '../../../src/streams/source.ts';
import { contextOf } from './context.ts';

vi.mock('../../../src/streams/limits.ts', async (original) => {
  const { connectLimits, ...others } = await original<typeof import('../../../src/streams/limits.ts')>();
  return {
    ...others,
    connectLimits: { ...connectLimits, requestMs: 1_000, requestCheckMs: 50, connectionsRefusedMax: 5 },
  };
});

const Row = z.object({ n: z.int(), text: z.string().optional() });
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
const sockets = new Set<Socket>();
const stops: AbortController[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const stop of stops.splice(0)) stop.abort();
});

/** A source that listens, as a flow reads it. */
async function opened(make: (onListening: (url: string) => void) => Source<z.output<typeof Row>>) {
  const stop = new AbortController();
  stops.push(stop);
  let url = '';
  const source = make((at) => {
    url = at;
  });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const batch of source.open(contextOf(stop.signal))) seen.push(...batchOf(batch).items.map(({ n }) => n));
  })();
  while (url === '') await soon();
  const { port } = new URL(url);
  return { url, port: Number(port), seen, source, stop, reading };
}

/** A connection without a library: what it is told, and whether it was ended. */
function raw(port: number, bytes: string | Buffer = '') {
  const socket = connect(port, '127.0.0.1');
  // Written when it is connected, before what is written later.
  if (bytes.length > 0) socket.write(bytes);
  sockets.add(socket);
  const got = { text: '', bytes: Buffer.alloc(0), ended: false };
  socket.on('data', (data: Buffer) => {
    got.text += data.toString('latin1');
    got.bytes = Buffer.concat([got.bytes, data]);
  });
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => {
    socket.on('close', () => {
      got.ended = true;
      resolve();
    });
  });
  return { socket, got, over };
}

const head = (more: string): string =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}`;

/** The status of the answer. On a machine that stands still for a second a request may come too late, and is sent again. */
async function post(url: string, body: string): Promise<number> {
  for (;;) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', body, headers }).catch(() => undefined);
    await response?.text();
    if (response !== undefined && response.status !== 408) return response.status;
  }
}

describe('httpIn', () => {
  const open = (options: { connectionsMax?: number } = {}) =>
    opened((onListening) => httpIn({ port: 0, row: Row, bodyBytesMax: 1_000, onListening, ...options }));

  it.each([
    ['says nothing', '', ''],
    ['sends its headers byte by byte', 'POST / HTTP/1.1\r\nHost: local', 'x'],
    ['sends its body byte by byte', head('Content-Length: 999\r\n\r\n{"n"'), ' '],
    ['sends its body piece by piece', head('Transfer-Encoding: chunked\r\n\r\n4\r\n{"n"\r\n'), '1\r\n \r\n'],
  ])('ends a connection that %s with 408, and goes on', async (_what, bytes, more) => {
    const { url, port, seen } = await open();
    const slow = raw(port, bytes);
    while (!slow.got.ended && slow.got.text === '') {
      if (more !== '') slow.socket.write(more);
      for (let wait = 0; wait < 20 && slow.got.text === ''; wait += 1) await soon();
    }
    expect(slow.got.text).toMatch(/^HTTP\/1\.1 408/);
    await slow.over;
    expect(await post(url, '{"n":7}')).toBe(200);
    expect(seen).toEqual([7]);
  });

  it('refuses with 503 whoever connects beyond the bound, drops the rest, and has room again when they are gone', async () => {
    const { url, port, seen } = await open({ connectionsMax: 10 });
    const idle = Array.from({ length: 10 }, () => raw(port));
    // An answer tells that they are all in.
    let refused = raw(port, head('Content-Length: 7\r\n\r\n{"n":1}'));
    await refused.over;
    while (!refused.got.text.startsWith('HTTP/1.1 503')) {
      refused = raw(port, head('Content-Length: 7\r\n\r\n{"n":1}'));
      await refused.over;
    }
    expect(refused.got.text).toContain('retry-after: 1');
    expect(refused.got.text).toContain('too many are connected; come again later');
    const flood = Array.from({ length: 300 }, () => raw(port));
    await Promise.all([...idle, ...flood].map(({ over }) => over));
    const dropped = flood.filter(({ got }) => got.text === '').length;
    expect(dropped).toBeGreaterThan(100);
    let status = 0;
    while (status !== 200) status = await post(url, '{"n":2}');
    expect(seen.at(-1)).toBe(2);
  });

  it.each([
    [
      'a body without a length that goes on',
      head(`Transfer-Encoding: chunked\r\n\r\n7d0\r\n${' '.repeat(2_000)}\r\n`),
      413,
    ],
    ['a length that is too large', head('Content-Length: 99999999999\r\n\r\n{'), 413],
    ['a length that is none', head('Content-Length: -1\r\n\r\n{'), 400],
    ['two lengths', head('Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}'), 400],
    ['a length and pieces', head('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), 400],
    ['a piece that is none', head('Transfer-Encoding: chunked\r\n\r\nzz\r\n'), 400],
    ['headers that are too large', head(`X: ${'x'.repeat(20_000)}\r\n\r\n`), 431],
    ['thousands of headers', head(`${'a:b\r\n'.repeat(20_000)}\r\n`), 431],
    ['a line that ends in LF and holds NUL', 'POST / HTTP/1.1\nHost: a\0b\n\n', 400],
  ])('answers %s and goes on', async (_what, bytes, status) => {
    const { url, port, seen } = await open();
    const bad = raw(port, bytes);
    while (!bad.got.text.includes('\r\n\r\n') && !bad.got.ended) await soon();
    expect(bad.got.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
    expect(await post(url, '{"n":7}')).toBe(200);
    expect(seen).toEqual([7]);
  });
});

describe('webSocketIn', () => {
  const open = (options: { connectionsMax?: number; messageBytesMax?: number } = {}) =>
    opened((onListening) => webSocketIn({ port: 0, row: Row, onListening, ...options }));

  /** A frame as a client sends it. @param first FIN, reserved bits and opcode */
  function frame(
    first: number,
    payload: Buffer | string = '',
    options: { mask?: boolean; length?: bigint } = {},
  ): Buffer {
    const { mask = true, length } = options;
    const body = Buffer.from(payload);
    const bit = mask ? 0x80 : 0;
    const size = length ?? BigInt(body.length);
    const wide = Buffer.alloc(size < 126n ? 0 : 8);
    if (size >= 126n) wide.writeBigUInt64BE(size);
    const start = Buffer.from([first, bit | (size < 126n ? Number(size) : 127)]);
    return Buffer.concat([start, wide, Buffer.alloc(mask ? 4 : 0), body]);
  }

  const upgrade =
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n';

  async function shaken(port: number) {
    const connection = raw(port, upgrade);
    while (!connection.got.text.includes('\r\n\r\n')) await soon();
    expect(connection.got.text).toMatch(/^HTTP\/1\.1 101/);
    expect(connection.got.text).not.toContain('permessage-deflate');
    return connection;
  }

  /** The code in the close frame that it was sent. */
  function closeCode({ text, bytes }: { text: string; bytes: Buffer }): number | undefined {
    const frames = bytes.subarray(text.indexOf('\r\n\r\n') + 4);
    return frames[0] === 0x88 ? frames.readUInt16BE(2) : undefined;
  }

  async function stillWorks(url: string, seen: readonly number[]): Promise<void> {
    const good = new WebSocket(url);
    good.on('open', () => good.send('{"n":7}')).on('error', () => undefined);
    while (seen.length === 0) await soon();
    expect(seen).toEqual([7]);
    good.terminate();
  }

  it.each([
    ['a frame without a mask', frame(0x81, '{"n":1}', { mask: false }), 1002],
    ['reserved bits', frame(0xc1, '{"n":1}'), 1002],
    ['a reserved opcode', frame(0x83, '{"n":1}'), 1002],
    ['a control frame in pieces', frame(0x09), 1002],
    ['a control frame of 126 bytes', frame(0x89, 'x'.repeat(126)), 1002],
    ['a continuation of nothing', frame(0x80, '{"n":1}'), 1002],
    ['a message within a message', Buffer.concat([frame(0x01, '{'), frame(0x81, '{"n":1}')]), 1002],
    ['a bad close code', frame(0x88, Buffer.from([0x03, 0xed])), 1002],
    ['what is not UTF-8', frame(0x81, Buffer.from([0x22, 0xff, 0x22])), 1007],
    ['UTF-8 that is cut', frame(0x81, Buffer.from([0x22, 0xe2, 0x82])), 1007],
    ['a surrogate in UTF-8', frame(0x81, Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ['2^63 bytes', frame(0x82, '', { length: 2n ** 63n - 1n }), 1009],
    ['2 GiB', frame(0x81, '', { length: 2n ** 31n }), 1009],
    [
      'pieces that are too large together',
      Buffer.concat([frame(0x01, 'x'.repeat(600)), frame(0x80, 'x'.repeat(600))]),
      1009,
    ],
    ['300 pieces of one byte', Buffer.concat([frame(0x01, 'x'), ...new Array(300).fill(frame(0x00, 'x'))]), 1008],
    ['binary', frame(0x82, '{"n":1}'), 1003],
    ['no JSON', frame(0x81, '{"n":'), 1008],
    ['a nesting bomb', frame(0x81, '['.repeat(500) + ']'.repeat(500)), 1008],
  ])('closes who sends %s, and goes on for others', async (_what, bytes, code) => {
    const { url, port, seen, source } = await open({ messageBytesMax: 1_000 });
    const bad = await shaken(port);
    bad.socket.write(bytes);
    // It is answered with a close frame, and need not answer that itself.
    while (closeCode(bad.got) === undefined) await soon();
    expect(closeCode(bad.got)).toBe(code);
    await bad.over;
    await stillWorks(url, seen);
    expect(source.dropped?.()).toBeLessThanOrEqual(1);
  });

  it('cuts off who pings without reading the answers, which would be queued without end', async () => {
    const { url, port, seen } = await open();
    const bad = await shaken(port);
    bad.socket.pause();
    const pings = Buffer.concat(new Array(1_000).fill(frame(0x89, 'x'.repeat(125))));
    let sent = 0;
    while (!bad.got.ended && sent < 1e9) {
      sent += pings.length;
      if (!bad.socket.write(pings)) await soon();
    }
    bad.socket.resume();
    await bad.over;
    await stillWorks(url, seen);
  });

  it('answers a refused upgrade with 503 beyond the bound, and serves those within it on', async () => {
    const { port, seen } = await open({ connectionsMax: 3 });
    const within = await Promise.all([shaken(port), shaken(port), shaken(port)]);
    const beyond = raw(port, upgrade);
    await beyond.over;
    expect(beyond.got.text).toMatch(/^HTTP\/1\.1 503/);
    for (const [n, { socket }] of within.entries()) socket.write(frame(0x81, `{"n":${n}}`));
    while (seen.length < 3) await soon();
    within[0]!.socket.destroy();
    await within[0]!.over;
    // There is room again, as soon as it is known that one is gone.
    let text = '';
    while (!text.startsWith('HTTP/1.1 101')) {
      const again = raw(port, upgrade);
      while (!again.got.text.includes('\r\n\r\n') && !again.got.ended) await soon();
      text = again.got.text;
    }
  });

  it('refuses an upgrade that is none, and plain requests', async () => {
    const { url, port, seen } = await open();
    for (const [bytes, status] of [
      [upgrade.replace('13', '12'), 400],
      [upgrade.replace(/Sec-WebSocket-Key: .*\r\n/, ''), 400],
      [upgrade.replace('GET', 'POST'), 405],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 426],
    ] as const) {
      const bad = raw(port, bytes);
      await bad.over;
      expect(bad.got.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
    }
    await stillWorks(url, seen);
  });
});

describe('sinks that listen', () => {
  it('refuse readers beyond the bound with 503, and send on to those within it', async () => {
    for (const sink of [sseOut, webSocketOut]) {
      let url = '';
      const writer = await sink<number>({
        port: 0,
        connectionsMax: 1,
        onListening: (at) => {
          url = at;
        },
      }).open(contextOf());
      const port = Number(new URL(url).port);
      const ask =
        sink === sseOut
          ? 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
          : 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
      const within = raw(port, ask);
      while (writer.counts?.().readers === 0) await soon();
      const beyond = raw(port, ask);
      await beyond.over;
      expect(beyond.got.text).toMatch(/^HTTP\/1\.1 503/);
      await writer.write([12_345]);
      while (!within.got.text.includes('12345')) await soon();
      await writer.abort?.();
    }
  });

  it('send a reader that talks all the time what it is to have, and drop what it says', async () => {
    let url = '';
    const writer = await webSocketOut<number>({
      port: 0,
      onListening: (at) => {
        url = at;
      },
    }).open(contextOf());
    const reader = new WebSocket(url);
    const heard: number[] = [];
    reader.on('message', (data) => heard.push(Number(data))).on('error', () => undefined);
    while (writer.counts?.().readers === 0) await soon();
    while (reader.readyState !== WebSocket.OPEN) await soon();
    for (let n = 0; n < 500; n += 1) reader.send('x'.repeat(1_000));
    await writer.write([1, 2, 3]);
    while (heard.length < 3) await soon();
    const end = new Promise<number>((resolve) => reader.once('close', resolve));
    reader.send('x'.repeat(20_000));
    expect(await end).toBe(1009);
    await writer.abort?.();
  });
});

describe('sse', () => {
  it('reads what is not UTF-8 as the replacement character, and fails at an event that never ends', async () => {
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (request.url === '/bytes') response.write(Buffer.from('data: "\xff"\n\n', 'latin1'));
      else response.write(`data: "${'x'.repeat(2_000)}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const bytes = sse({ url: `${url}/bytes`, row: z.string() })
      .open(contextOf())
      [Symbol.asyncIterator]();
    expect(batchOf((await bytes.next()).value!).items).toEqual(['\uFFFD']);
    await bytes.return?.();
    const endless = sse({ url: `${url}/endless`, row: z.string(), eventCharactersMax: 1_000 }).open(contextOf());
    await expect(endless[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'SourceFailed', reason: 'row' });
    server.closeAllConnections();
    server.close();
  });
});
