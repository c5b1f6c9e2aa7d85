import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { realRandom } from '../../../src/base/platform/real-random.ts';
import {
  httpIn,
  httpLines,
  httpPost,
  httpSource,
  type SlowReader,
  sse,
  sseOut,
} from '../../../src/streams/connect/http.ts';
import { batchOf, type Source } from '../../../src/streams/source.ts';
import { checkSink } from '../../../src/testing/check-sink.ts';
import { checkSource } from '../../../src/testing/check-source.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { contextOf, read } from './context.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

const numbers = Array.from({ length: 3_000 }, (_, n) => n);
const lines = numbers.map((n) => `${n}\n`).join('');

describe('httpLines', () => {
  it.each([true, false])('keeps the contract of a source, whether the server knows ranges: %s', async (knows) => {
    const url = await serve((request, response) => {
      const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
      if (knows && from !== undefined && Number(from) >= lines.length) response.writeHead(416).end();
      else if (knows && from !== undefined) response.writeHead(206).end(lines.slice(Number(from)));
      else response.end(lines);
    });
    const missing = await serve((_request, response) => response.writeHead(404).end());
    const dying = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('1\n', () => response.destroy());
    });
    await checkSource(() => httpLines({ url, row: z.int() }), {
      expected: numbers,
      failing: [missing, dying, 'http://127.0.0.1:1/'].map((bad) => () => httpLines({ url: bad, row: z.int() })),
    });
    await expect(read(httpLines({ url: dying }))).rejects.toMatchObject({ reason: 'unreachable', retryable: true });
    await expect(read(httpLines({ url: missing }))).rejects.toMatchObject({ reason: 'refused' });
  });

  it('holds an endless server back while nobody asks', async () => {
    let sent = 0;
    const url = await serve((_request, response) => {
      const chunk = `${'x'.repeat(1_023)}\n`.repeat(64);
      const fill = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', fill);
      fill();
    });
    const batches = httpLines({ url }).open(contextOf())[Symbol.asyncIterator]();
    await batches.next();
    let before = -1;
    for (let look = 0; look < 50 && before !== sent; look += 1) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(before).toBe(sent);
    await batches.return?.();
  });
});

describe('httpSource', () => {
  it('keeps the contract of a source over pages', async () => {
    const url = await serve((request, response) => {
      const page = Number(new URL(request.url!, 'http://x').searchParams.get('page') ?? 0);
      if (page < 3) response.setHeader('link', `<?page=0>; rel="first", <?page=${page + 1}>; rel="next"`);
      response.end(JSON.stringify([page * 2, page * 2 + 1]));
    });
    const elsewhere = await serve((_request, response) =>
      response.setHeader('link', '<http://127.0.0.2/>; rel=next').end('[]'),
    );
    const broken = await serve((_request, response) => response.end('{'));
    await checkSource(() => httpSource({ url, row: z.int() }), {
      expected: [0, 1, 2, 3, 4, 5, 6, 7],
      failing: [elsewhere, broken].map((bad) => () => httpSource({ url: bad, row: z.int() })),
    });
  });
});

describe('sse', () => {
  const Event = z.object({ n: z.int() });
  const all = Array.from({ length: 20 }, (_, n) => ({ n }));

  it('keeps the contract of a source, over a server that cuts it off after every third event', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const from = Number(request.headers['last-event-id'] ?? -1) + 1;
      if (from >= all.length) return;
      response.write('\uFEFF: hello\r\nretry: 1\r\n\r\n');
      response.end(
        all
          .slice(from, from + 3)
          .map(({ n }) => `id: ${n}\ndata: {"n":\ndata:${n}}\n\n`)
          .join(''),
      );
    });
    const other = await serve((_request, response) => response.end('<html>'));
    await checkSource(() => sse({ url, row: Event }), { expected: all, failing: [() => sse({ url: other })] });
  });

  it('ends at 204, and fails as unreachable after nine vain tries', async () => {
    const url = await serve((_request, response) => response.writeHead(204).end());
    expect(await read(sse({ url }))).toEqual([]);
    const clock = new VirtualClock();
    let tries = 0;
    const full = await serve((_request, response) => {
      tries += 1;
      response.writeHead(503).end();
    });
    const batches = sse({ url: full })
      // The shortest pauses, so that they are told from the time in which an answer is waited for.
      .open({ ...contextOf(), clock, random: { ...realRandom(), fraction: () => 0 } })
      [Symbol.asyncIterator]();
    const failure = (async () => {
      while ((await batches.next()).done !== true);
    })();
    let settled = false;
    failure.then(undefined, () => {
      settled = true;
    });
    while (!settled) {
      if ((clock.nextInMs ?? Infinity) < 29_000) clock.fireNext(clock.monotonicMs() + 60_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await expect(failure).rejects.toMatchObject({ code: 'SourceFailed', reason: 'unreachable' });
    expect(tries).toBe(9);
  });
});

describe('httpIn', () => {
  const Row = z.object({ n: z.int() });

  /** Opens it; its URL is known once it was asked for the first batch. */
  function opened(options: { waitingMax?: number; bodyBytesMax?: number } = {}) {
    let heard!: (url: string) => void;
    const listening = new Promise<string>((resolve) => {
      heard = resolve;
    });
    const stop = new AbortController();
    const source = httpIn({ port: 0, row: Row, onListening: heard, ...options });
    const batches = source.open(contextOf(stop.signal))[Symbol.asyncIterator]();
    const first = batches.next();
    return { batches, first, listening, stop };
  }
  const post = (url: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

  it('keeps the contract of a source', async () => {
    let url = '';
    let _posting: Promise<unknown> | undefined;
    const make = (): Source<{ n: number }> => {
      _posting = undefined;
      url = '';
      return httpIn({
        port: 0,
        row: Row,
        onListening: (at) => {
          url = at;
        },
      });
    };
    await checkSource(make, {
      expected: [{ n: 1 }, { n: 2 }],
      feed: async () => {
        while (url === '') await new Promise((resolve) => setTimeout(resolve, 1));
        _posting ??= post(url, '[{"n":1},{"n":2}]').catch(() => undefined);
      },
      failing: [() => httpIn({ port: 0, host: '203.0.113.1', row: Row })],
    });
  });

  it('answers 200 only when the flow has asked for more, and 503 to what waits when it ends', async () => {
    const { batches, first, listening, stop } = opened();
    const url = await listening;
    let answered = false;
    const one = post(url, '{"n":1}').finally(() => {
      answered = true;
    });
    expect(batchOf((await first).value!).items).toEqual([{ n: 1 }]);
    const two = post(url, '{"n":2}\n{"n":3}\n', { 'content-type': 'application/x-ndjson' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    const second = batches.next();
    expect(await (await one).json()).toEqual({ taken: 1 });
    expect(batchOf((await second).value!).items).toEqual([{ n: 2 }, { n: 3 }]);
    stop.abort();
    await batches.return?.();
    const last = await two;
    expect([last.status, last.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('answers 429 with Retry-After when two requests wait already', async () => {
    const { batches, first, listening } = opened({ waitingMax: 2 });
    const url = await listening;
    const waiting = [post(url, '{"n":1}')];
    await first;
    waiting.push(post(url, '{"n":2}'));
    let full: Response;
    do full = await Promise.race([post(url, '{"n":3}'), waiting[1]!]);
    while (full.status === 200);
    expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1']);
    await batches.return?.();
    await Promise.all(waiting);
  });

  it.each([
    ['GET', { method: 'GET' }, 405],
    ['another type', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
    ['no JSON', { body: '{"n":' }, 400],
    ['what does not fit', { body: '{"n":"1"}' }, 400],
    ['a nesting bomb', { body: '['.repeat(400) + ']'.repeat(400) }, 400],
    ['what is not UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 400],
    ['a body that is too large', { body: `{"n":${' '.repeat(2_000)}1}` }, 413],
    [
      'a page of another origin',
      { body: '{"n":1}', headers: { origin: 'http://evil.example', 'content-type': 'application/json' } },
      403,
    ],
  ])('refuses %s and goes on', async (_what, init, status) => {
    const { batches, first, listening } = opened({ bodyBytesMax: 1_000 });
    const url = await listening;
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, ...init });
    expect(response.status).toBe(status);
    await response.text();
    const good = post(url, '{"n":7}');
    expect(batchOf((await first).value!).items).toEqual([{ n: 7 }]);
    await batches.return?.();
    await good.catch(() => undefined);
  });

  it('refuses a foreign name for this machine, and lives through garbage', async () => {
    const { batches, first, listening } = opened();
    const url = await listening;
    const port = Number(new URL(url).port);
    const raw = (text: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(text));
        let answer = '';
        socket.on('data', (data) => {
          answer += data.toString();
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(answer));
      });
    expect(await raw('POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n')).toContain('403');
    expect(await raw('\x16\x03\x01\x00garbage\r\n\r\n')).toContain('400');
    expect(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)).toContain('431');
    const good = post(url, '{"n":7}');
    expect(batchOf((await first).value!).items).toEqual([{ n: 7 }]);
    await batches.return?.();
    await good.catch(() => undefined);
  });
});

describe('httpPost', () => {
  it('keeps the contract of a sink', async () => {
    let taken: number[] = [];
    const url = await serve(async (request, response) => {
      const body = await bodyOf(request);
      taken.push(...body.trim().split('\n').map(Number));
      response.writeHead(204).end();
    });
    const refusing = await serve((_request, response) => response.writeHead(401).end());
    await checkSink<number>(
      () => {
        taken = [];
        return httpPost({ url, batch: 7 });
      },
      {
        items: numbers.slice(0, 50),
        read: () => taken,
        failing: [() => httpPost({ url: refusing }), () => httpPost({ url: 'http://127.0.0.1:1/', retriesMax: 0 })],
      },
    );
  });

  it('posts again with the same key after what Retry-After asks for', async () => {
    const clock = new VirtualClock();
    const keys: unknown[] = [];
    const url = await serve((request, response) => {
      request.resume();
      keys.push(request.headers['idempotency-key']);
      if (keys.length < 3) response.writeHead(429, { 'retry-after': '7' }).end();
      else response.end();
    });
    const writer = await httpPost<number>({ url }).open({ ...contextOf(), clock });
    let over = false;
    const written = Promise.resolve(writer.write([1, 2])).finally(() => {
      over = true;
    });
    const waits: number[] = [];
    while (!over) {
      if (clock.nextInMs === 7_000) {
        waits.push(clock.nextInMs);
        clock.fireNext(clock.monotonicMs() + 7_000);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await written;
    expect(waits).toEqual([7_000, 7_000]);
    expect(new Set(keys).size).toBe(1);
    expect(writer.counts?.()).toEqual({ requests: 1, retries: 2, acknowledged: 2 });
  });
});

describe('sseOut', () => {
  async function started(slow: SlowReader, capacity = 1_024) {
    let url = '';
    const writer = await sseOut<unknown>({
      port: 0,
      slow,
      capacity,
      onListening: (at) => {
        url = at;
      },
    }).open(contextOf());
    return { writer, url };
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  it('keeps the contract of a sink', async () => {
    let url = '';
    let reading: Promise<void> = Promise.resolve();
    let seen: number[] = [];
    let open = 0;
    await checkSink<number>(
      () => {
        seen = [];
        return sseOut<number>({
          port: 0,
          slow: 'block',
          onListening: (at) => {
            url = at;
          },
        });
      },
      {
        items: numbers.slice(0, 100),
        opened: async () => {
          const response = await fetch(url);
          open += 1;
          const mine = seen;
          reading = response
            .text()
            .then(
              (text) => {
                mine.push(...[...text.matchAll(/^data: (\d+)$/gm)].map(([, n]) => Number(n)));
              },
              () => undefined,
            )
            .finally(() => {
              open -= 1;
            });
        },
        read: async () => {
          await reading;
          return seen;
        },
      },
    );
    await reading;
    expect(open).toBe(0);
  });

  it('cuts off a reader that reads nothing, while another gets everything', async () => {
    const { writer, url } = await started('disconnect', 100);
    const stuck = connect(Number(new URL(url).port), '127.0.0.1', () =>
      stuck.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    );
    stuck.on('error', () => undefined);
    stuck.pause();
    const source = sse({ url, row: z.object({ n: z.int(), fill: z.string() }) })
      .open(contextOf())
      [Symbol.asyncIterator]();
    let pending = source.next();
    await until(() => writer.counts?.().readers === 2);
    const fill = 'x'.repeat(20_000);
    let got = 0;
    let given = 0;
    for (; writer.counts?.().disconnected === 0 && given < 5_000; given += 50) {
      await writer.write(Array.from({ length: 50 }, (_, n) => ({ n: given + n, fill })));
      while (got < given + 50) {
        got += batchOf((await pending).value!).items.length;
        pending = source.next();
      }
    }
    expect(got).toBe(given);
    expect(writer.counts?.()).toMatchObject({ readers: 1, disconnected: 1 });
    await writer.abort?.();
    await source.return?.().catch(() => undefined);
    stuck.destroy();
  });

  it('counts what comes while nobody reads, and fails where it cannot listen', async () => {
    const { writer, url } = await started('block');
    await writer.write([1, 2]);
    expect(writer.counts?.()).toMatchObject({ unread: 2, sent: 0 });
    const taken = sseOut({ port: Number(new URL(url).port) }).open(contextOf());
    await expect(taken).rejects.toMatchObject({ code: 'SinkFailed', reason: 'address' });
    await writer.finish?.();
  });
});
