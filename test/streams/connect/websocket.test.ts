import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod';
import { webSocketIn, webSocketOut, webSocketSource } from '../../../src/streams/connect/websocket.ts';
import { batchOf, type Source } from '../../../src/streams/source.ts';
import { checkSink } from '../../../src/testing/check-sink.ts';
import { checkSource } from '../../../src/testing/check-source.ts';
import { contextOf, read } from './context.ts';

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

async function serve(onSocket: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  servers.push(server);
  server.on('connection', onSocket);
  await new Promise((resolve) => server.once('listening', resolve));
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const numbers = Array.from({ length: 2_000 }, (_, n) => n);
const soon = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('webSocketSource', () => {
  it('keeps the contract of a source', async () => {
    const url = await serve((socket) => {
      for (const n of numbers) socket.send(String(n));
      socket.close(1000);
    });
    const cut = await serve((socket) => socket.terminate());
    const broken = await serve((socket) => socket.send('{'));
    const binary = await serve((socket) => socket.send(Buffer.from([1])));
    await checkSource(() => webSocketSource({ url, row: z.int() }), {
      expected: numbers,
      failing: [cut, broken, binary, 'ws://127.0.0.1:1'].map(
        (bad) => () => webSocketSource({ url: bad, row: z.int() }),
      ),
    });
    await expect(read(webSocketSource({ url: cut, row: z.int() }))).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(read(webSocketSource({ url: broken, row: z.int() }))).rejects.toMatchObject({ reason: 'row' });
  });

  it('reads the socket no more while nobody asks, so that the server is held back', async () => {
    let server: WebSocket | undefined;
    const url = await serve((socket) => {
      server = socket;
      for (let n = 0; n < 2_000; n += 1) socket.send(JSON.stringify('x'.repeat(20_000)));
    });
    const batches = webSocketSource({ url, row: z.string() }).open(contextOf())[Symbol.asyncIterator]();
    await batches.next();
    let before = -1;
    while (before !== server!.bufferedAmount) {
      before = server!.bufferedAmount;
      await soon(100);
    }
    expect(before).toBeGreaterThan(10_000_000);
    await batches.return?.();
  });

  it('connects again where it was cut off, when it is told to', async () => {
    let connections = 0;
    const url = await serve((socket) => {
      connections += 1;
      socket.send(String(connections), () => (connections < 3 ? socket.terminate() : socket.close(1000)));
    });
    expect((await read(webSocketSource({ url, row: z.int(), reconnect: true }))).at(-1)).toBe(3);
  });
});

describe('webSocketIn', () => {
  function opened() {
    let heard!: (url: string) => void;
    const listening = new Promise<string>((resolve) => {
      heard = resolve;
    });
    const source = webSocketIn({
      port: 0,
      row: z.object({ n: z.int(), fill: z.string().optional() }),
      onListening: heard,
    });
    const batches = source.open(contextOf())[Symbol.asyncIterator]();
    return { source, batches, first: batches.next(), listening };
  }
  const closed = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => socket.once('close', resolve).on('error', () => undefined));

  it('keeps the contract of a source', async () => {
    let url = '';
    let sender: WebSocket | undefined;
    const make = (): Source<number> => {
      sender?.terminate();
      sender = undefined;
      url = '';
      return webSocketIn({
        port: 0,
        row: z.int(),
        onListening: (at) => {
          url = at;
        },
      });
    };
    await checkSource(make, {
      expected: numbers,
      feed: async () => {
        while (url === '') await soon();
        if (sender !== undefined) return;
        const socket = new WebSocket(url);
        sender = socket;
        socket.on('error', () => undefined);
        socket.on('open', () => {
          for (const n of numbers) socket.send(String(n));
        });
      },
      failing: [() => webSocketIn({ port: 0, host: '203.0.113.1', row: z.int() })],
    });
  });

  it('holds a sender back that sends more than the flow takes', async () => {
    const { batches, first, listening } = opened();
    const sender = new WebSocket(await listening);
    await new Promise((resolve) => sender.once('open', resolve));
    for (let n = 0; n < 2_000; n += 1) sender.send(JSON.stringify({ n, fill: 'x'.repeat(20_000) }));
    const seen = [...batchOf<{ n: number }>((await first).value!).items];
    let before = -1;
    while (before !== sender.bufferedAmount) {
      before = sender.bufferedAmount;
      await soon(100);
    }
    expect(before).toBeGreaterThan(10_000_000);
    while (seen.length < 2_000) seen.push(...batchOf<{ n: number }>((await batches.next()).value!).items);
    expect(seen.map(({ n }) => n)).toEqual(numbers);
    await batches.return?.();
    sender.terminate();
  });

  it.each([
    ['no JSON', '{', 1008],
    ['what does not fit', '{"n":"1"}', 1008],
    ['a binary message', Buffer.from([1]), 1003],
    ['2 MiB', 'x'.repeat(2 ** 21), 1009],
  ])('closes who sends %s, and goes on for others', async (_what, message, code) => {
    const { batches, first, listening } = opened();
    const url = await listening;
    const bad = new WebSocket(url);
    const end = closed(bad);
    bad.on('open', () => bad.send(message));
    expect(await end).toBe(code);
    const good = new WebSocket(url);
    good.on('open', () => good.send('{"n":7}'));
    good.on('error', () => undefined);
    expect(batchOf((await first).value!).items).toEqual([{ n: 7 }]);
    await batches.return?.();
  });

  it('refuses pages of other origins before the upgrade', async () => {
    const { batches, first, listening } = opened();
    const url = await listening;
    const page = new WebSocket(url, { origin: 'http://evil.example' });
    const error = await new Promise<Error>((resolve) => page.once('error', resolve));
    expect(error.message).toContain('403');
    const good = new WebSocket(url);
    good.on('open', () => good.send('{"n":7}'));
    good.on('error', () => undefined);
    await first;
    await batches.return?.();
  });
});

describe('webSocketOut', () => {
  it('keeps the contract of a sink, towards a server', async () => {
    let seen: number[] = [];
    let last: WebSocket | undefined;
    const url = await serve((socket) => {
      last = socket;
      const mine = seen;
      socket.on('message', (data) => mine.push(Number(data)));
    });
    const gone = async (): Promise<void> => {
      while (last !== undefined && last.readyState !== WebSocket.CLOSED) await soon();
    };
    await checkSink<number>(
      () => {
        seen = [];
        return webSocketOut<number>({ url });
      },
      {
        items: numbers,
        read: async () => {
          await gone();
          return seen;
        },
        failing: [() => webSocketOut({ url: 'ws://127.0.0.1:1' })],
      },
    );
  });

  it('keeps the contract of a sink, towards readers that it waits for', async () => {
    let url = '';
    let seen: number[] = [];
    let reader: WebSocket | undefined;
    await checkSink<number>(
      () => {
        seen = [];
        return webSocketOut<number>({
          port: 0,
          slow: 'block',
          onListening: (at) => {
            url = at;
          },
        });
      },
      {
        items: numbers,
        opened: async () => {
          const socket = new WebSocket(url);
          reader = socket;
          const mine = seen;
          socket.on('message', (data) => mine.push(Number(data))).on('error', () => undefined);
          await new Promise((resolve) => socket.once('open', resolve));
        },
        read: async () => {
          while (reader?.readyState !== WebSocket.CLOSED) await soon();
          return seen;
        },
      },
    );
  });

  it('lets a slow reader miss the oldest, and counts them', async () => {
    let url = '';
    const writer = await webSocketOut<string>({
      port: 0,
      slow: 'drop-oldest',
      capacity: 10,
      onListening: (at) => {
        url = at;
      },
    }).open(contextOf());
    const reader = new WebSocket(url);
    await new Promise((resolve) => reader.once('open', resolve));
    while (writer.counts?.().readers === 0) await soon();
    reader.pause();
    let given = 0;
    for (; writer.counts?.().dropped === 0 && given < 10_000; given += 10) {
      await writer.write(Array.from({ length: 10 }, (_, n) => `${given + n} ${'x'.repeat(20_000)}`));
      await soon(0);
    }
    const { sent = 0, dropped = 0 } = writer.counts?.() ?? {};
    expect(sent + dropped + 10).toBe(given);
    let seen = 0;
    const ended = new Promise((resolve) => reader.once('close', resolve));
    reader.on('message', () => {
      seen += 1;
    });
    reader.resume();
    await writer.finish?.();
    await ended;
    expect(seen + dropped).toBe(given);
  });
});
