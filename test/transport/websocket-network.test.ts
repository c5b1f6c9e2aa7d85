import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Link, Listener } from '../../src/base/environment/network.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { CloseReason } from '../../src/transport/close-codes.ts';
import { DialFailed, ListenFailed } from '../../src/transport/errors.ts';
import { openNodeLink } from '../../src/transport/node-link.ts';
import { Secret } from '../../src/transport/secret.ts';
import type { WebSocketLimits } from '../../src/transport/websocket-limits.ts';
import { isLoopback, WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { bytesOf } from './support.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

const timeoutMs = 2_000;
const network = (limits: Partial<WebSocketLimits> = {}): WebSocketNetwork =>
  new WebSocketNetwork({ clock: realClock(), limits: { closeTimeoutMs: 200, ...limits } });

interface End {
  readonly link: Link;
  readonly frames: Uint8Array[];
  readonly closes: CloseReason[];
  next(): Promise<Uint8Array>;
  closed(): Promise<CloseReason>;
}

function take(link: Link): End {
  const frames: Uint8Array[] = [];
  const closes: CloseReason[] = [];
  const wakers: (() => void)[] = [];
  const wake = (): void => {
    for (const waker of wakers.splice(0)) waker();
  };
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => wakers.push(resolve));
    }
  };
  link.onFrame = (frame) => {
    frames.push(frame);
    wake();
  };
  link.onClose = (reason) => {
    closes.push(reason);
    wake();
  };
  return { link, frames, closes, next: () => until(() => frames.shift()), closed: () => until(() => closes[0]) };
}

interface Pair {
  readonly listener: Listener;
  readonly dialer: End;
  readonly accepted: End;
}

async function connect(limits: Partial<WebSocketLimits> = {}): Promise<Pair> {
  const net = network(limits);
  const arrived: ((link: Link) => void)[] = [];
  const link = new Promise<Link>((resolve) => arrived.push(resolve));
  const listener = await net.listen({
    address: 'ws://127.0.0.1:0',
    onLink: (link) => {
      const resolve = arrived.shift();
      if (resolve === undefined) take(link);
      else resolve(link);
    },
  });
  const dialer = take(await net.dial({ address: listener.address, timeoutMs }));
  const accepted = take(await link);
  cleanups.push(
    () => listener.close(),
    () => dialer.link.close(1000, ''),
    () => accepted.link.close(1000, ''),
  );
  return { listener, dialer, accepted };
}

async function listenRaw(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const silentPeers: Socket[] = [];

/** Dials a peer that upgrades by hand and then reads nothing. */
async function dialSilentPeer(): Promise<{ link: Link; webSocket: { readonly bufferedAmount: number } }> {
  silentPeers.length = 0;
  const server = createServer((socket) => {
    silentPeers.push(socket);
    cleanups.push(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      socket.pause();
      const key = /Sec-WebSocket-Key: (\S+)/.exec(request.toString())?.[1];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
      socket.write(`${head}Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: troupe.v1\r\n\r\n`);
    });
  });
  const port = await listenRaw(server);
  let webSocket: WebSocket | undefined;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (this: WebSocket, ...rest: unknown[]) {
    webSocket = this;
    return Reflect.apply(send, this, rest) as undefined;
  };
  cleanups.push(() => {
    WebSocket.prototype.send = send;
  });
  const link = await network().dial({ address: `ws://127.0.0.1:${port}`, timeoutMs });
  link.send(bytesOf('x'));
  return { link, webSocket: webSocket! };
}

const dialFailure = async (address: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) => {
  const error: unknown = await network()
    .dial({ address, timeoutMs, ...options })
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DialFailed);
  return error as DialFailed;
};

describe('the WebSocket network', () => {
  it('echoes frames of 0, 1 and 1,000,000 bytes over loopback, in order', async () => {
    const { dialer, accepted } = await connect();
    const sizes = [0, 1, 1_000_000];
    accepted.link.onFrame = (frame) => accepted.link.send(frame);
    (accepted.link as { admit?: () => void }).admit?.();
    (dialer.link as { admit?: () => void }).admit?.();
    for (const size of sizes) dialer.link.send(new Uint8Array(size).fill(size % 251));
    for (const size of sizes) {
      const frame = await dialer.next();
      expect(frame.length).toBe(size);
      expect(frame.every((byte) => byte === size % 251)).toBe(true);
    }
  });

  it('reports the port that was free, and the addresses of both ends', async () => {
    const { listener, dialer, accepted } = await connect();
    expect(listener.address).toMatch(/^ws:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(`ws://${dialer.link.remote}`).toBe(listener.address);
    expect(accepted.link.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('answers false above 1 MiB buffered and resolves drained below 256 KiB', async () => {
    const { link, webSocket } = await dialSilentPeer();
    const frame = new Uint8Array(100_000);
    let sent = 0;
    while (link.send(frame)) {
      expect(webSocket.bufferedAmount).toBeLessThanOrEqual(2 ** 20);
      sent += 1;
      if (sent > 1_000) throw new Error('the kernel took 100 MB');
    }
    expect(webSocket.bufferedAmount).toBeGreaterThan(2 ** 20);
    expect(link.send(frame)).toBe(false);
    silentPeers[0]!.resume();
    await link.drained();
    expect(webSocket.bufferedAmount).toBeLessThan(256 * 2 ** 10);
    expect(link.send(frame)).toBe(true);
  });

  it('resolves drained when the link ends while the buffer is full', async () => {
    const { link } = await dialSilentPeer();
    link.onFrame = () => undefined;
    const closed = new Promise<CloseReason>((resolve) => {
      link.onClose = resolve;
    });
    for (let count = 0; count < 30; count += 1) link.send(new Uint8Array(1_000_000));
    const drained = link.drained();
    silentPeers[0]!.resetAndDestroy();
    await drained;
    expect(link.send(bytesOf('x'))).toBe(false);
    expect((await closed).code).toBe(1006);
  });

  it('calls onClose once on each end, with code and text', async () => {
    const { dialer, accepted } = await connect();
    dialer.link.send(bytesOf('last'));
    dialer.link.close(4003, 'because');
    dialer.link.close(1000, 'again');
    expect(await accepted.closed()).toEqual({ code: 4003, text: 'because' });
    expect(await dialer.closed()).toEqual({ code: 4003, text: 'because' });
    expect(Buffer.from(accepted.frames[0]!).toString()).toBe('last');
    expect(dialer.link.send(bytesOf('late'))).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([dialer.closes.length, accepted.closes.length]).toEqual([1, 1]);
  });

  it('closes at once a link whose owner never read from it', async () => {
    const { listener } = await connect();
    const link = await network({ closeTimeoutMs: 60_000 }).dial({ address: listener.address, timeoutMs });
    const closed = new Promise<CloseReason>((resolve) => {
      link.onClose = resolve;
    });
    link.close(4001, 'no');
    expect(await closed).toEqual({ code: 4001, text: 'no' });
  });

  it('cuts a close text to the 123 printable characters that a close frame has room for', async () => {
    const { dialer, accepted } = await connect();
    dialer.link.close(4003, `ä\n${'x'.repeat(500)}`);
    expect((await accepted.closed()).text).toBe(`??${'x'.repeat(121)}`);
  });

  it('reads nothing before the owner sets onFrame', async () => {
    const net = network();
    const frames: string[] = [];
    let accepted: Link | undefined;
    const listener = await net.listen({
      address: 'ws://127.0.0.1:0',
      onLink: (link) => {
        accepted = link;
      },
    });
    const link = await net.dial({ address: listener.address, timeoutMs });
    cleanups.push(
      () => listener.close(),
      () => link.close(1000, ''),
      () => accepted?.close(1000, ''),
    );
    link.send(bytesOf('one'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const got = new Promise<void>((resolve) => {
      accepted!.onFrame = (frame) => {
        frames.push(Buffer.from(frame).toString());
        resolve();
      };
    });
    await got;
    expect(frames).toEqual(['one']);
  });

  it('stops accepting when the listener closes, frees its port, and leaves open links alone', async () => {
    const { listener, dialer, accepted } = await connect();
    await listener.close();
    expect((await dialFailure(listener.address)).reason).toBe('refused');
    dialer.link.send(bytesOf('still'));
    expect(Buffer.from(await accepted.next()).toString()).toBe('still');
    const again = await network().listen({ address: listener.address, onLink: () => undefined });
    expect(again.address).toBe(listener.address);
    await again.close();
  });

  it('opens node links over real sockets', async () => {
    const { dialer, accepted } = await connect();
    const common = {
      clusterId: 'c',
      secret: new Secret(Buffer.from('s'.repeat(32))),
      clock: new VirtualClock(),
      random: seededRandom(1),
    };
    // Larger than what a stranger may send: each end must have admitted the other by then.
    const names = Array.from({ length: 4_000 }, (_, index) => [`actor-number-${index}`, 'fingerprint']);
    const profile = { roles: [], fingerprints: Object.fromEntries(names), threads: 1 };
    const [a, b] = await Promise.all([
      openNodeLink({ ...common, link: dialer.link, side: 'dialer', profile: { ...profile, nodeId: 'n1' } }),
      openNodeLink({ ...common, link: accepted.link, side: 'listener', profile: { ...profile, nodeId: 'n2' } }),
    ]);
    const got = new Promise<string>((resolve) => {
      b.onFrame = (source, target, frame) => resolve(`${source}>${target}:${frame.length}`);
    });
    a.send('main', 'w1', new Uint8Array(3_000_000));
    expect(await got).toBe('main>w1:3000000');
    a.close(1000, '');
  });

  it('lets the process exit once listener and links are closed', async () => {
    const script = `
      import { WebSocketNetwork } from './src/transport/websocket-network.ts';
      import { realClock } from './src/base/platform/real-clock.ts';
      const network = new WebSocketNetwork({ clock: realClock() });
      const listener = await network.listen({ address: 'ws://127.0.0.1:0', onLink: (link) => { link.onFrame = () => {}; } });
      const link = await network.dial({ address: listener.address, timeoutMs: 1000 });
      link.onFrame = () => {};
      link.close(1000, '');
      await listener.close();
      console.log('closed');
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const kill = setTimeout(() => child.kill(), 15_000);
    const code = await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(kill);
    expect([code, output]).toEqual([0, 'closed\n']);
  });
});

describe('listening', () => {
  it('fails for a port in use with its address and what to do', async () => {
    const { listener } = await connect();
    const error: unknown = await network()
      .listen({ address: listener.address, onLink: () => undefined })
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ListenFailed);
    expect(error).toMatchObject({ reason: 'in-use', message: expect.stringContaining(listener.address) });
    expect((error as Error).message).toMatch(/another port/);
  });

  it.each(['wss://127.0.0.1:0', 'http://127.0.0.1:0', '127.0.0.1:0', 'ws://', 'ws://h:99999', 'ws://h/?q', ''])(
    'refuses the address %j',
    async (address) => {
      const attempt = network().listen({ address, onLink: () => undefined });
      await expect(attempt).rejects.toMatchObject({ code: 'ListenFailed', reason: 'bad-address' });
    },
  );

  it('fails for an address of another machine', async () => {
    const attempt = network().listen({ address: 'ws://192.0.2.1:7000', onLink: () => undefined });
    await expect(attempt).rejects.toMatchObject({ reason: 'unavailable' });
  });

  it('knows which addresses only this machine can reach', () => {
    for (const own of ['ws://127.0.0.1:1', 'ws://127.1.2.3', 'ws://[::1]:1', 'ws://localhost:1']) {
      expect(isLoopback(own)).toBe(true);
    }
    for (const open of ['ws://0.0.0.0:1', 'ws://[::]:1', 'ws://127.0.0.1.example.org', 'ws://example.org', 'x']) {
      expect(isLoopback(open)).toBe(false);
    }
  });
});

describe('dialling', () => {
  it('fails as refused where nobody listens', async () => {
    const server = createServer();
    const port = await listenRaw(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await dialFailure(`ws://127.0.0.1:${port}`)).toMatchObject({ reason: 'refused', retryable: true });
    expect(await dialFailure(`ws://localhost:${port}`)).toMatchObject({ reason: 'refused' });
  });

  it('fails by its timeout where the other end is silent', async () => {
    const port = await listenRaw(createServer((socket) => cleanups.push(() => socket.destroy())));
    const error = await dialFailure(`ws://127.0.0.1:${port}`, { timeoutMs: 50 });
    expect(error).toMatchObject({ reason: 'timeout', message: expect.stringContaining('50 ms') });
  });

  it('fails as aborted when its caller aborts, before and during the attempt', async () => {
    const port = await listenRaw(createServer((socket) => cleanups.push(() => socket.destroy())));
    const controller = new AbortController();
    const attempt = dialFailure(`ws://127.0.0.1:${port}`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    expect((await attempt).reason).toBe('aborted');
    expect((await dialFailure(`ws://127.0.0.1:${port}`, { signal: controller.signal })).reason).toBe('aborted');
  });

  it('fails with the status that the other end answered', async () => {
    const { listener } = await connect();
    expect(await dialFailure(`${listener.address}/elsewhere`)).toMatchObject({ reason: 'rejected', status: 404 });
  });

  it.each([
    ['an SSH server', 'SSH-2.0-OpenSSH_9.6\r\n'],
    [
      'a WebSocket server without our subprotocol',
      'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['random bytes', '\x00\x01\x02\xff\xfe'],
  ])('fails as not-troupe for %s', async (_what, answer) => {
    const port = await listenRaw(
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(Buffer.from(answer, 'latin1'));
      }),
    );
    expect((await dialFailure(`ws://127.0.0.1:${port}`)).reason).toBe('not-troupe');
  });

  it('fails for TLS on a plain port and plain on a TLS port, and says what to try', async () => {
    const { listener } = await connect();
    const plain = await dialFailure(listener.address.replace('ws:', 'wss:'));
    expect(plain).toMatchObject({ reason: 'not-troupe', message: expect.stringMatching(/TLS/) });
    const tls = createTlsServer();
    tls.on('tlsClientError', () => undefined);
    const error = await dialFailure(`ws://127.0.0.1:${await listenRaw(tls)}`);
    expect(['not-troupe', 'refused']).toContain(error.reason);
    expect(error.message).toMatch(/TLS/);
  });

  it.each(['http://127.0.0.1:1', 'ws://', 'nonsense', ''])('refuses the address %j', async (address) => {
    expect((await dialFailure(address)).reason).toBe('bad-address');
  });
});
