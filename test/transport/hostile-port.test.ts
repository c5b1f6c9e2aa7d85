/** Raw sockets that break the rules, against a real port: each is refused by its code, and the port lives on. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link, Listener } from '../../src/base/environment/network.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { openNodeLink } from '../../src/transport/node-link.ts';
import { Secret } from '../../src/transport/secret.ts';
import type { PortRefusal } from '../../src/transport/websocket-listener.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { upgradeRequest } from '../hostile/raw-client.ts';
import { bytesOf } from './support.ts';

let listener: Listener;
let links: Link[];
let closes: { code: number; text: string }[];
let refusals: PortRefusal[];
let sockets: Socket[];
const limits = { pendingMax: 8, connectionsPerAddressMax: 12, headersTimeoutMs: 300, closeTimeoutMs: 200 };
const network = new WebSocketNetwork({ clock: realClock(), limits, onRefused: (refusal) => refusals.push(refusal) });

beforeEach(async () => {
  [links, closes, refusals, sockets] = [[], [], [], []];
  const [ownLinks, ownCloses] = [links, closes]; // links of one test may end during the next
  listener = await network.listen({
    address: 'ws://127.0.0.1:0',
    onLink: (link) => {
      ownLinks.push(link);
      link.onFrame = () => undefined;
      link.onClose = (reason) => ownCloses.push(reason);
    },
  });
});

afterEach(async () => {
  await listener.close();
  for (const socket of sockets) socket.destroy();
  for (const link of links) link.close(1000, '');
});

interface Raw {
  readonly socket: Socket;
  /** Everything received up to the end of the connection. */
  ended(): Promise<Buffer>;
  /** Waits until at least `size` bytes arrived. */
  received(size: number): Promise<Buffer>;
}

function raw(bytes?: Uint8Array | string): Raw {
  const socket = connect(Number(new URL(listener.address).port), '127.0.0.1');
  sockets.push(socket);
  let all = Buffer.alloc(0);
  let hasEnded = false;
  socket.on('data', (chunk) => {
    all = Buffer.concat([all, chunk]);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    hasEnded = true;
  });
  if (bytes !== undefined) socket.write(bytes);
  const until = async (isDone: () => boolean): Promise<Buffer> => {
    const deadline = Date.now() + 3_000;
    while (!isDone()) {
      if (Date.now() > deadline) throw new Error(`still waiting; received ${all.length} bytes`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return all;
  };
  return { socket, ended: () => until(() => hasEnded), received: (size) => until(() => all.length >= size) };
}

async function statusOf(request: Uint8Array | string): Promise<number> {
  const answer = await raw(request).ended();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer.toString('latin1'))?.[1] ?? 0);
}

/** Upgrades, sends `bytes` as they are, and returns the code of the close frame that comes back. */
async function closeCodeFor(bytes: Uint8Array): Promise<number> {
  const client = raw(upgradeRequest());
  const opened = await client.received(100);
  const headerSize = opened.indexOf('\r\n\r\n') + 4;
  client.socket.write(bytes);
  const frame = (await client.received(headerSize + 4)).subarray(headerSize);
  expect(frame[0]).toBe(0x88);
  return frame.readUInt16BE(2);
}

const masked = (first: number, payload: Uint8Array): Uint8Array =>
  bytesOf(first, 0x80 | payload.length, Buffer.alloc(4), payload);

/** The port still serves a well-behaved peer. */
async function expectAlive(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const count = links.length;
  const link = await network.dial({ address: listener.address, timeoutMs: 2_000 });
  expect(links.length).toBe(count + 1);
  link.close(1000, '');
}

describe('the port, to HTTP', () => {
  it('upgrades a request with a foreign Host', async () => {
    const answer = (await raw(upgradeRequest()).received(100)).toString('latin1');
    expect(answer).toMatch(/^HTTP\/1\.1 101 .*Sec-WebSocket-Protocol: troupe\.v1\r\n/s);
    expect(links).toHaveLength(1);
  });

  it('answers any Origin, null included, with 403 before the upgrade', async () => {
    expect(await statusOf(upgradeRequest(['Origin: http://evil.example']))).toBe(403);
    expect(await statusOf(upgradeRequest(['Origin: null']))).toBe(403);
    expect(await statusOf(upgradeRequest([...Array.from({ length: 40 }, (_, n) => `X-${n}: y`), 'Origin: x']))).toBe(
      403,
    );
    expect(links).toHaveLength(0);
    expect(refusals.map(({ what }) => what)).toEqual(new Array(3).fill('an upgrade that gets 403 Forbidden'));
    await expectAlive();
  });

  it.each([
    ['an unexpected path', () => upgradeRequest([], '/admin'), 404],
    ['no subprotocol', () => upgradeRequest().replace('Sec-WebSocket-Protocol: troupe.v1\r\n', ''), 400],
    ['another subprotocol', () => upgradeRequest().replace('troupe.v1', 'chat'), 400],
    ['a plain GET', () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 426],
    ['a POST with a body', () => 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 426],
    ['an upgrade by POST', () => upgradeRequest().replace('GET', 'POST'), 405],
    ['a short key', () => upgradeRequest().replace('dGhlIHNhbXBsZSBub25jZQ==', 'abc'), 400],
    ['version 12 of WebSocket', () => upgradeRequest().replace('Version: 13', 'Version: 12'), 400],
    ['an upgrade to h2c', () => upgradeRequest().replace('Upgrade: websocket', 'Upgrade: h2c'), 400],
    ['HTTP/9.9', () => upgradeRequest().replace('HTTP/1.1', 'HTTP/9.9'), 400],
    ['no Host', () => upgradeRequest().replace('Host: anything.example.org\r\n', ''), 400],
    ['a header of 20,000 bytes', () => upgradeRequest([`X: ${'y'.repeat(20_000)}`]), 431],
    ['2,000 headers', () => upgradeRequest(Array.from({ length: 2_000 }, (_, n) => `X-${n}: y`)), 431],
    ['100 headers', () => upgradeRequest(Array.from({ length: 100 }, (_, n) => `X-${n}: y`)), 431],
    ['a TLS hello', () => Buffer.from('1603010200010001fc0303', 'hex'), 400],
    ['half a request, and then silence', () => 'GET / HTTP/1.1\r\nHost', 408],
  ])('answers %s, and lives', async (_what, request, status) => {
    expect(await statusOf(request())).toBe(status);
    expect(links).toHaveLength(0);
    await expectAlive();
  });

  it('survives 50 connections of random bytes', async () => {
    for (let round = 0; round < 10; round += 1) {
      const clients = Array.from({ length: 5 }, () => raw(randomBytes(200)));
      await Promise.all(clients.map((client) => client.ended()));
    }
    expect(links).toHaveLength(0);
    await expectAlive();
  });
});

describe('the port, to WebSocket', () => {
  const big = (first: number, length: string): Uint8Array => bytesOf(first, 0xff, Buffer.from(length, 'hex'));

  it.each([
    ['an unmasked frame', bytesOf(0x82, 1, 1), 1002],
    ['a reserved bit', masked(0xc2, bytesOf(1)), 1002],
    ['a reserved opcode', masked(0x83, bytesOf(1)), 1002],
    ['a continuation of nothing', masked(0x80, bytesOf(1)), 1002],
    ['a fragmented ping', masked(0x09, bytesOf(1)), 1002],
    ['a close frame of one byte', masked(0x88, bytesOf(1)), 1002],
    ['the close code 1005', masked(0x88, bytesOf(0x03, 0xed)), 1002],
    ['text', masked(0x81, bytesOf('hello')), 1003],
    ['text that is no UTF-8', masked(0x81, bytesOf(0xff, 0xfe)), 1007],
    ['a length of 2^63', big(0x82, '8000000000000000'), 1009],
    ['a length of 2^53', big(0x82, '0020000000000000'), 1009],
    ['a length of 4 MiB + 1', big(0x82, '0000000000400001'), 1009],
    ['17 fragments', Buffer.concat([masked(0x02, bytesOf(1)), ...new Array(16).fill(masked(0x00, bytesOf(1)))]), 1008],
  ])('answers %s with its close code, and lives', async (_what, bytes, code) => {
    expect(await closeCodeFor(bytes)).toBe(code);
    for (let waited = 0; closes.length === 0 && waited < 1_000; waited += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(closes).toHaveLength(1);
    expect(refusals).toHaveLength(1);
    await expectAlive();
  });

  it('negotiates no compression', async () => {
    const answer = await raw(upgradeRequest(['Sec-WebSocket-Extensions: permessage-deflate'])).received(100);
    expect(answer.toString('latin1')).not.toMatch(/Extensions/i);
  });

  it('cuts a stranger that sends more than 16 KiB before it has proved itself', async () => {
    const client = raw(upgradeRequest());
    await client.received(100);
    client.socket.write(bytesOf(0x82, 0xff, Buffer.from('0000000000400000', 'hex'), Buffer.alloc(4)));
    for (let count = 0; count < 10; count += 1) client.socket.write(Buffer.alloc(8_192));
    await client.ended();
    expect(refusals).toMatchObject([{ what: 'too many bytes before authentication' }]);
    await expectAlive();
  });

  it('keeps 8 pending connections: the ninth cuts the one that came first, and none that is admitted', async () => {
    const first = raw(upgradeRequest());
    await first.received(100);
    (links[0] as { admit?: () => void }).admit?.();
    const second = raw(upgradeRequest());
    await second.received(100);
    const more: Raw[] = [];
    for (let n = 0; n < 7; n += 1) {
      more.push(raw(upgradeRequest()));
      await more[n]!.received(100);
    }
    expect(refusals).toEqual([]);
    const ninth = raw(upgradeRequest());
    await ninth.received(100);
    await second.ended();
    expect(refusals).toMatchObject([{ event: 'connection-refused', what: 'too many pending connections' }]);
    expect([first, ...more, ninth].some(({ socket }) => socket.destroyed)).toBe(false);
    expect(links).toHaveLength(10);
    await expectAlive();
  });

  it('keeps 12 connections of one address and refuses the thirteenth', async () => {
    for (let count = 0; count < 12; count += 1) {
      await raw(upgradeRequest()).received(100);
      (links.at(-1) as { admit?: () => void }).admit?.();
    }
    await raw().ended();
    expect(refusals.map(({ what }) => what)).toEqual(['too many from one address']);
    await expectAlive();
  });

  it('closes a slow hello with 4001 once its time is up, decoding nothing', async () => {
    const client = raw(upgradeRequest());
    const headerSize = (await client.received(100)).indexOf('\r\n\r\n') + 4;
    const attempt = openNodeLink({
      link: links[0]!,
      side: 'listener',
      profile: { nodeId: 'n1', roles: [], fingerprints: {}, threads: 1 },
      clusterId: 'c',
      secret: new Secret(Buffer.from('s'.repeat(32))),
      clock: realClock(),
      random: seededRandom(1),
      limits: { handshakeTimeoutMs: 100, pingEveryMs: 5_000, silenceMaxMs: 15_000, unansweredMaxMs: 30_000 },
    });
    client.socket.write(bytesOf(0x82, 0x80 | 49, Buffer.alloc(4), 'TRPE')); // the rest of the hello never comes
    await expect(attempt).rejects.toMatchObject({ reason: 'timeout', closeCode: 4001 });
    const frame = (await client.received(headerSize + 4)).subarray(headerSize);
    expect(frame.readUInt16BE(2)).toBe(4001);
    expect(frame.subarray(4).toString()).toBe('authentication refused');
  });
});
