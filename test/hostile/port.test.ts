/**
 * Whoever reaches the port of a live node and has proved nothing: garbage, half requests, wrong handshakes, broken WebSocket
 * rules, floods. Each connection ends with its status or code, in time; an honest link answers all the while.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Handshake } from '../../src/transport/handshake.ts';
import { encodeHello, encodeProof } from '../../src/transport/hello.ts';
import { encodeProfileEnvelope } from '../../src/transport/node-envelope.ts';
import { encodeProfile } from '../../src/transport/node-profile.ts';
import { Secret } from '../../src/transport/secret.ts';
import { HostileLink } from './hostile-link.ts';
import { GoodLink, LiveNode, secretText } from './live-node.ts';
import { masked, RawClient, upgradeRequest } from './raw-client.ts';

/** What the node may keep of all that. */
const heapGrowthMax = 8_000_000;
const rssRatioMax = 1.6;

let live: LiveNode;
let good: GoodLink;
let before: Awaited<ReturnType<GoodLink['memory']>>;
let clients: RawClient[] = [];

beforeAll(async () => {
  live = await LiveNode.start();
  good = await GoodLink.open(live);
  // What a first request loads is no growth.
  await statusOf('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  before = await good.memory();
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  clients = [];
  expect(live.isUp).toBe(true);
  good.expectUndisturbed();
  // An honest node can still join: nothing that was pending is left.
  await expect.poll(() => HostileLink.open(live).then((link) => link.close()), { timeout: 5_000 }).toBeUndefined();
});
afterAll(async () => {
  await good.close();
  await live.end();
});

function raw(first?: Uint8Array | string): RawClient {
  const client = RawClient.open(live, first);
  clients.push(client);
  return client;
}
async function upgraded(): Promise<RawClient> {
  const client = await RawClient.upgraded(live);
  clients.push(client);
  return client;
}
const statusOf = (request: Uint8Array | string): Promise<number> => raw(request).answered();
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The node's log says that since `from`. */
async function expectLogged(text: string, from: number): Promise<void> {
  await expect.poll(() => live.logged(text, from).length).toBeGreaterThan(0);
}

describe('TCP and HTTP', () => {
  it.each([
    ['random bytes', randomBytes(500), 400],
    ['zeros', Buffer.alloc(20_000), 400],
    ['a TLS hello', Buffer.from('16030100c6010000c20303', 'hex'), 400],
    ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['an SSH banner', 'SSH-2.0-x\r\n', 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 426],
    ['HTTP/9.9', upgradeRequest().replace('HTTP/1.1', 'HTTP/9.9'), 400],
    ['a plain GET', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 426],
    ['a plain GET of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 426],
    ['a POST that goes on for ever', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc', 426],
    ['a body in chunks', 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx', 426],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a length below 0', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['a CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 0],
    ['an upgrade by POST', upgradeRequest().replace('GET', 'POST'), 405],
    ['an upgrade to h2c', upgradeRequest().replace('Upgrade: websocket', 'Upgrade: h2c'), 400],
    ['another path', upgradeRequest([], '/admin'), 404],
    ['a path that climbs', upgradeRequest([], '/../../etc/passwd'), 404],
    ['a whole URL as its path', upgradeRequest([], 'http://x/'), 404],
    ['an Origin', upgradeRequest(['Origin: http://evil.example']), 403],
    ['the Origin null', upgradeRequest(['Origin: null']), 403],
    ['no Host', upgradeRequest().replace('Host: anything.example.org\r\n', ''), 400],
    ['no subprotocol', upgradeRequest().replace('Sec-WebSocket-Protocol: troupe.v1\r\n', ''), 400],
    ['another subprotocol', upgradeRequest().replace('troupe.v1', 'troupe.v2'), 400],
    ['ours as the second one', upgradeRequest().replace('troupe.v1', 'chat, troupe.v1'), 400],
    ['version 12', upgradeRequest().replace('Version: 13', 'Version: 12'), 400],
    ['no key', upgradeRequest().replace(/Sec-WebSocket-Key: .*\r\n/, ''), 400],
    ['a key of 3 bytes', upgradeRequest().replace('dGhlIHNhbXBsZSBub25jZQ==', 'abc'), 400],
    ['a header without a colon', upgradeRequest(['nonsense']), 400],
    ['a header with a NUL', upgradeRequest(['X: a\0b']), 400],
    ['a header of 20,000 bytes', upgradeRequest([`X: ${'y'.repeat(20_000)}`]), 431],
    ['a path of 20,000 bytes', upgradeRequest([], `/${'y'.repeat(20_000)}`), 431],
    ['100 headers', upgradeRequest(Array.from({ length: 100 }, (_, n) => `X-${n}: y`)), 431],
    ['5,000 headers', upgradeRequest(Array.from({ length: 5_000 }, (_, n) => `X-${n}: y`)), 431],
  ])('end with their status: %s', async (_what, request, status) => {
    expect(await statusOf(request)).toBe(status);
  });

  it('are cut after 5 s when they say nothing, say it byte by byte, or stop in the middle', async () => {
    const from = performance.now();
    const silent = raw();
    const half = raw('GET / HTTP/1.1\r\nHost');
    const dripping = raw();
    const request = upgradeRequest(['X: y'.padEnd(400, 'y')]);
    let sent = 0;
    const drip = setInterval(() => dripping.write(request.charAt(sent++)), 20);
    const statuses = await Promise.all([silent, half, dripping].map((client) => client.answered()));
    clearInterval(drip);
    expect(statuses).toEqual([408, 408, 408]);
    expect(performance.now() - from).toBeGreaterThan(4_000);
    expect(performance.now() - from).toBeLessThan(9_000);
  }, 20_000);

  it('upgrade when the bytes of a good request come one by one, in time', async () => {
    const client = raw();
    for (const character of upgradeRequest()) {
      client.write(character);
      if (character === '\n') await soon(1);
    }
    await client.until(() => client.status !== 0, 'the upgrade');
    expect(client.status).toBe(101);
  });

  it('leave nothing when they are reset, or half closed, in every phase', async () => {
    const phases: (() => Promise<RawClient>)[] = [
      async () => raw(),
      async () => raw('GET / HT'),
      async () => raw(upgradeRequest()),
      upgraded,
      async () => {
        const client = await upgraded();
        client.send(hello());
        return client;
      },
    ];
    for (const open of phases) {
      for (let n = 0; n < 5; n += 1) {
        const [reset, half] = [await open(), await open()];
        reset.socket.resetAndDestroy();
        half.socket.end();
        await half.answered();
      }
    }
  });

  it('upgrade no second time, and answer no second request, on one connection', async () => {
    const client = raw(upgradeRequest() + upgradeRequest());
    // The second request is no frame of a WebSocket.
    expect((await client.ended()).code).toBe(1002);
    expect(await statusOf(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${upgradeRequest()}`)).toBe(426);
  });
});

describe('the rules of WebSocket', () => {
  const long = (first: number, length: string): Uint8Array => Buffer.from(`${first.toString(16)}ff${length}`, 'hex');
  const fragment = (first: number): Uint8Array => masked(first, Buffer.of(1));

  it.each<[string, Uint8Array, number]>([
    ['a frame without a mask', Buffer.of(0x82, 1, 1), 1002],
    ['a reserved bit', masked(0xc2, 'x'), 1002],
    ['all reserved bits', masked(0xf2, 'x'), 1002],
    ['a reserved opcode', masked(0x83, 'x'), 1002],
    ['a reserved control opcode', masked(0x8b, 'x'), 1002],
    ['a continuation of nothing', masked(0x80, 'x'), 1002],
    ['a message within a message', Buffer.concat([fragment(0x02), fragment(0x82)]), 1002],
    ['a ping in pieces', masked(0x09, 'x'), 1002],
    ['a ping of 126 bytes', masked(0x89, Buffer.alloc(126)), 1002],
    ['a close frame of one byte', masked(0x88, 'x'), 1002],
    ['a close code of 1005', masked(0x88, Buffer.of(0x03, 0xed)), 1002],
    ['a close code of 999', masked(0x88, Buffer.of(0x03, 0xe7)), 1002],
    ['a close text that is no UTF-8', masked(0x88, Buffer.of(0x03, 0xe8, 0xff, 0xfe)), 1007],
    ['text', masked(0x81, 'hello'), 1003],
    ['text that is no UTF-8', masked(0x81, Buffer.of(0xc3, 0x28)), 1007],
    ['a length of 2^63', long(0x82, '8000000000000000'), 1009],
    ['a length of 2^53', long(0x82, '0020000000000000'), 1009],
    ['a length of 4 MiB and 1', long(0x82, '0000000000400001'), 1009],
    ['17 fragments', Buffer.concat([fragment(0x02), ...new Array<Uint8Array>(16).fill(fragment(0x00))]), 1008],
  ])('end the connection with their code: %s', async (_what, bytes, code) => {
    const client = await upgraded();
    client.write(bytes);
    expect((await client.ended()).code).toBe(code);
  });

  it('count for those who have proved themselves too', async () => {
    for (const [bytes, code] of [
      [masked(0x81, 'x'), 1003],
      [long(0x82, '0000000000400001'), 1009],
    ] as const) {
      const link = await HostileLink.open(live);
      link.client.write(bytes);
      expect((await link.ended()).code).toBe(code);
    }
  });

  it('cut a stranger that sends more than 16 KiB before its proof, in one message, in pings or in pieces', async () => {
    await soon(1_050); // one such line a second
    const from = live.log.length;
    const ping = masked(0x89, Buffer.alloc(125));
    for (const [first, piece] of [
      [long(0x82, '0000000000400000'), Buffer.alloc(8_192)],
      [ping, Buffer.concat(new Array<Uint8Array>(60).fill(ping))],
    ] as const) {
      const client = await upgraded();
      client.write(first);
      for (let n = 0; n < 20; n += 1) client.write(piece);
      expect((await client.ended()).code).toBe(1006);
    }
    await expectLogged('a port refused', from);
  });

  it('negotiate no compression', async () => {
    const client = raw(upgradeRequest(['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']));
    let answer = '';
    client.socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
    });
    await client.until(() => client.status === 101, 'the upgrade');
    expect(answer).not.toMatch(/Extensions/i);
  });
});

const secret = new Secret(Buffer.from(secretText));
interface Differing {
  side?: 'dialer' | 'listener';
  hasSecret?: boolean;
  nodeId?: string;
  clusterId?: string;
}
function hello({
  side = 'dialer',
  hasSecret = true,
  nodeId = 'evil~h',
  clusterId = 'troupe',
}: Differing = {}): Uint8Array {
  return encodeHello({ side, hasSecret, nonce: randomBytes(32), nodeId, clusterId });
}

describe('the handshake', () => {
  const refused = { code: 4001, text: 'authentication refused' };
  const malformed = { code: 4003, text: 'malformed handshake' };

  /** Shakes hands with that secret and cluster. */
  async function shake(with_: Secret | undefined, clusterId = 'troupe', nodeId = 'evil~h'): Promise<RawClient> {
    const client = await upgraded();
    const handshake = new Handshake({ side: 'dialer', nodeId, clusterId, secret: with_, nonce: randomBytes(32) });
    client.onMessage = (bytes) => {
      const step = handshake.receive(bytes);
      if (step.kind === 'continue') client.send(step.send);
    };
    client.send(handshake.start()!);
    return client;
  }

  it('looks the same for a wrong secret, another cluster and no secret, and is logged as what it was', async () => {
    const from = live.log.length;
    const wrong = new Secret(Buffer.from('z'.repeat(48)));
    for (const [key, cluster, said] of [
      [wrong, 'troupe', 'did not prove our secret'],
      [secret, 'other', 'belongs to the cluster other'],
      [undefined, 'troupe', 'has none'],
    ] as const) {
      await soon(1_050); // one such line a second
      expect(await (await shake(key, cluster)).ended()).toEqual(refused);
      await expectLogged(said, from);
    }
  }, 20_000);

  it.each<[string, () => Uint8Array, { code: number; text: string }]>([
    ['an empty one', () => Buffer.alloc(0), malformed],
    ['one without our mark', () => Buffer.from('XRPE'.padEnd(80, 'x')), malformed],
    ['one of version 2', () => patched(hello(), 5, 2), { code: 4002, text: 'protocol version 1 is spoken here' }],
    ['one of version 0', () => patched(hello(), 5, 0), { code: 4002, text: 'protocol version 1 is spoken here' }],
    ['one of our own side', () => hello({ side: 'listener' }), refused],
    ['one of side 3', () => patched(hello(), 6, 3), malformed],
    ['one of mode 2', () => patched(hello(), 7, 2), malformed],
    ['one with a byte behind it', () => Buffer.concat([hello(), Buffer.of(0)]), malformed],
    ['one whose name is longer than it', () => patched(hello(), 40, 200), malformed],
    ['one without a name', () => patched(hello(), 40, 0), malformed],
    ['one whose name is ../x', () => hello({ nodeId: '../x' }), malformed],
    ['one with a line break in its cluster', () => hello({ clusterId: 'a\nb' }), malformed],
    ['one of 5,000 bytes', () => Buffer.concat([hello(), Buffer.alloc(5_000)]), malformed],
    ['a proof in its place', () => encodeProof(new Uint8Array(64)), malformed],
    ['a profile in its place', () => encodeProfileEnvelope(encodeProfile(nobody)), malformed],
  ])('ends with its code at a hello that is wrong: %s', async (_what, make, reason) => {
    const client = await upgraded();
    client.send(make());
    expect(await client.ended()).toEqual(reason);
  });
  const nobody = { nodeId: 'evil~h', roles: [], fingerprints: {}, threads: 1 };
  function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
    bytes[at] = value;
    return bytes;
  }

  it('ends with 4003 at a hello that is cut at any of its bytes', async () => {
    const whole = hello();
    for (let length = 0; length < whole.length; length += 1) {
      const client = await RawClient.upgraded(live);
      client.send(whole.subarray(0, length));
      expect([length, (await client.ended()).code]).toEqual([length, 4003]);
    }
  });

  it("ends when a proof is random, of another handshake, or the node's own", async () => {
    const proofs: Uint8Array[] = [encodeProof(randomBytes(64)), encodeProof(new Uint8Array(64))];
    // One that was good an instant ago.
    const seen = await upgraded();
    const handshake = new Handshake({
      side: 'dialer',
      nodeId: 'evil~h',
      clusterId: 'troupe',
      secret,
      nonce: randomBytes(32),
    });
    seen.onMessage = (bytes) => {
      const step = handshake.receive(bytes);
      if (step.kind === 'done') proofs.push(bytes.slice());
      if (step.kind !== 'continue') return;
      proofs.push(step.send);
      seen.send(step.send);
    };
    seen.send(handshake.start()!);
    await seen.until(() => proofs.length === 4, 'the proof of the node');
    for (const proof of proofs) {
      const client = await upgraded();
      client.send(hello(), proof);
      expect(await client.ended()).toEqual(refused);
    }
  });

  it('ends when what follows the hello is a second hello, a frame, or half a proof', async () => {
    for (const next of [
      hello(),
      Buffer.from('\x10\x02s1\x04mainx', 'latin1'),
      encodeProof(randomBytes(64)).subarray(0, 40),
    ]) {
      const client = await upgraded();
      client.send(hello(), next);
      expect(await client.ended()).toEqual(malformed);
    }
  });

  it('ends with 4001 after 5 s when hello, proof or profile never come', async () => {
    const silent = await upgraded();
    const half = await upgraded();
    half.send(hello());
    const proven = await shake(secret);
    const from = performance.now();
    for (const client of [silent, half, proven]) expect(await client.ended()).toEqual(refused);
    expect(performance.now() - from).toBeLessThan(8_000);
  }, 20_000);

  it('ends with 4004 for who names itself as the node does', async () => {
    const [own] = good.system.nodes;
    const client = await shake(secret, 'troupe', own!);
    expect(await client.ended()).toEqual({ code: 4004, text: 'this node id is linked already' });
  });
});

describe('floods', () => {
  it('of 400 idle connections leave the 64 that may be pending, and room again once they are gone', async () => {
    const from = live.log.length;
    const all = Array.from({ length: 400 }, () => raw());
    await expect.poll(() => all.filter(({ closed }) => closed === undefined).length).toBeLessThanOrEqual(64);
    // The good link is not one of them, and asks on.
    await soon(300);
    await expectLogged('too many pending connections', from);
    expect(live.logged('a port refused', from).length).toBeLessThan(5);
  });

  it('of 2,000 requests, upgrades and hellos are answered or refused, with few lines in the log', async () => {
    const from = live.log.length;
    const began = performance.now();
    for (let round = 0; round < 50; round += 1) {
      const ends = Array.from({ length: 40 }, async (_, n) => {
        if (n % 4 === 0) return statusOf(randomBytes(100));
        if (n % 4 === 1) return statusOf('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        const client = await upgraded().catch(() => undefined);
        client?.send(n % 4 === 2 ? randomBytes(100) : hello({ clusterId: 'other' }), encodeProof(randomBytes(64)));
        return client?.ended();
      });
      await Promise.all(ends);
      clients = [];
    }
    const seconds = (performance.now() - began) / 1_000;
    // One line a second of each of the two kinds, and one more at either end.
    expect(live.log.length - from).toBeLessThan(2 * seconds + 4);
  }, 60_000);
});

describe('after all that', () => {
  it('the node has kept nothing of it, and made no mistake of its own', async () => {
    await soon(2_500); // closing handshakes that were never answered
    const after = await good.memory();
    expect(after.heapBytes - before.heapBytes).toBeLessThan(heapGrowthMax);
    expect(after.rssBytes / before.rssBytes).toBeLessThan(rssRatioMax);
    live.expectNoMistakes();
  });
});
