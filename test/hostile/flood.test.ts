/**
 * Strangers hammer the port of a node, in a process of its own: whoever has the secret joins all the same, and what is shut out
 * is the address that they come from, not the nodes.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as soon } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Link } from '../../src/base/environment/network.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { realRandom } from '../../src/base/platform/real-random.ts';
import { HandshakeFailed } from '../../src/transport/errors.ts';
import { encodeHello, encodeProof } from '../../src/transport/hello.ts';
import { type NodeLink, openNodeLink } from '../../src/transport/node-link.ts';
import { Secret } from '../../src/transport/secret.ts';
import type { PortRefusal } from '../../src/transport/websocket-listener.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { GoodLink, joined, LiveNode, secretText } from './live-node.ts';
import { masked, upgradeRequest } from './raw-client.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const helloBytes = (): Uint8Array =>
  encodeHello({ side: 'dialer', hasSecret: true, nonce: randomBytes(32), nodeId: 'evil~1', clusterId: 'troupe' });
/** What a stranger says before it goes silent. */
const openings: (() => Uint8Array)[] = [
  () => Buffer.alloc(0),
  () => Buffer.from('GET / HT'),
  () => randomBytes(100),
  () => Buffer.from(upgradeRequest()),
  () => Buffer.concat([Buffer.from(upgradeRequest()), masked(0x82, helloBytes())]),
  () =>
    Buffer.concat([
      Buffer.from(upgradeRequest()),
      masked(0x82, helloBytes()),
      masked(0x82, encodeProof(randomBytes(64))),
    ]),
];

/** Holds so many connections open at once, and opens another for each that ends. */
class Flood {
  opened = 0;
  readonly #port: number;
  readonly #from: string | undefined;
  readonly #sockets = new Set<Socket>();
  #over = false;

  constructor(port: number, atOnce: number, from?: string) {
    this.#port = port;
    this.#from = from;
    for (let n = 0; n < atOnce; n += 1) this.#open();
    ends.push(() => this.end());
  }

  #open(): void {
    const where = {
      port: this.#port,
      host: '127.0.0.1',
      ...(this.#from !== undefined && { localAddress: this.#from }),
    };
    const socket = connect(where);
    const opening = openings[this.opened % openings.length]!;
    this.opened += 1;
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('connect', () => socket.write(opening()));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!this.#over) setTimeout(() => this.#over || this.#open(), 5);
    });
  }

  end(): void {
    this.#over = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Addresses of this machine beyond 127.0.0.1 are there on Linux. */
const another = process.platform === 'linux' ? '127.0.0.2' : undefined;

describe('a port that more than 1,000 bad connections hammer', () => {
  it('lets node after node in, disturbs no link, and shows no secret in its log', async () => {
    const live = await LiveNode.start();
    ends.push(() => live.end());
    const good = await GoodLink.open(live);
    ends.push(() => good.close());
    const flood = new Flood(live.port, 200, another);
    let joins = 0;
    for (let tries = 0; tries < 300 && (joins < 5 || flood.opened < 1_500); tries += 1) {
      // What a busy machine, or the same address as that of the flood, keeps out for now says that it may try again.
      const system = await joined(live).catch((error: { readonly retryable?: boolean }) => {
        if (error.retryable !== true) throw error;
        return undefined;
      });
      if (system !== undefined) joins += 1;
      await system?.shutdown({ deadlineMs: 500 });
    }
    flood.end();
    expect(joins).toBeGreaterThanOrEqual(5);
    expect(flood.opened).toBeGreaterThanOrEqual(1_500);
    good.expectUndisturbed();
    expect(live.isUp).toBe(true);
    expect(live.log.filter(({ event }) => event === 'connection-refused').length).toBeGreaterThan(0);
    expect(live.log.filter(({ event }) => event === 'node-refused').length).toBeGreaterThan(0);
    const text = JSON.stringify(live.log);
    expect(text).not.toContain(secretText.slice(0, 16));
    expect(text).not.toContain(Buffer.from(secretText).toString('hex').slice(0, 16));
    live.expectNoMistakes();
  }, 120_000);

  it('lets a node in from the very address of the flood, which may have to try again', async () => {
    const live = await LiveNode.start();
    ends.push(() => live.end());
    const flood = new Flood(live.port, 100);
    let isIn = false;
    for (let tries = 0; tries < 300 && (!isIn || flood.opened < 1_000); tries += 1) {
      const system = await joined(live).catch(() => undefined);
      if (system !== undefined) isIn = true;
      await system?.shutdown({ deadlineMs: 500 });
      await soon(10);
    }
    flood.end();
    expect(isIn).toBe(true);
    expect(live.isUp).toBe(true);
  }, 120_000);
});

describe.runIf(another !== undefined)('an address that fails 10 proofs', () => {
  const secret = new Secret(Buffer.from(secretText));
  const clock = realClock();
  const random = realRandom();
  const common = { clusterId: 'troupe', clock, random };
  const profile = (nodeId: string) => ({ nodeId, roles: [], fingerprints: {}, threads: 1 });

  async function listening(banMs: number) {
    const refusals: PortRefusal[] = [];
    const opened: NodeLink[] = [];
    const network = new WebSocketNetwork({
      clock,
      limits: { banMs },
      isExempt: () => false,
      onRefused: (refusal) => refusals.push(refusal),
    });
    const onLink = (link: Link): void => {
      openNodeLink({ ...common, link, side: 'listener', profile: profile('n1~1'), secret }).then(
        (one) => opened.push(one),
        (error: unknown) => expect(error).toBeInstanceOf(HandshakeFailed),
      );
    };
    const listener = await network.listen({ address: 'ws://127.0.0.1:0', onLink });
    ends.push(async () => {
      for (const one of opened) one.close(1000, '');
      await listener.close();
    });
    const join = async (nodeId: string): Promise<NodeLink> => {
      const link = await network.dial({ address: listener.address, timeoutMs: 5_000 });
      return openNodeLink({ ...common, link, side: 'dialer', profile: profile(nodeId), secret });
    };
    return { port: Number(new URL(listener.address).port), refusals, join };
  }

  const wrong = Buffer.concat([
    Buffer.from(upgradeRequest()),
    masked(0x82, helloBytes()),
    masked(0x82, encodeProof(randomBytes(64))),
  ]);
  const tryFrom = (port: number, localAddress: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress });
      let got = Buffer.alloc(0);
      socket.on('data', (bytes) => {
        got = Buffer.concat([got, bytes]);
        if (got.includes('authentication refused')) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(got.length === 0 ? 'shut out' : 'refused'));
      socket.on('connect', () => socket.write(wrong));
    });

  it('is shut out for the time of a ban, and no other is; then it may try again', async () => {
    const { port, refusals, join } = await listening(1_000);
    const answers: string[] = [];
    for (let n = 0; n < 12; n += 1) answers.push(await tryFrom(port, '127.0.0.2'));
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 'refused'), 'shut out', 'shut out']);
    expect(refusals.filter(({ event }) => event === 'address-banned')).toMatchObject([{ remote: '127.0.0.2' }]);
    expect(await tryFrom(port, '127.0.0.3')).toBe('refused');
    expect((await join('n2~1')).peer.nodeId).toBe('n1~1');
    await expect.poll(() => tryFrom(port, '127.0.0.2'), { timeout: 10_000 }).toBe('refused');
  });

  it('is not shut out while a node from there has a link, nor after it: that node joins again', async () => {
    const { port, refusals, join } = await listening(60_000);
    const link = await join('n2~1');
    for (let n = 0; n < 20; n += 1) expect(await tryFrom(port, '127.0.0.1')).toBe('refused');
    link.close(1000, '');
    for (let n = 0; n < 20; n += 1) expect(await tryFrom(port, '127.0.0.1')).toBe('refused');
    expect((await join('n2~1')).peer.nodeId).toBe('n1~1');
    expect(refusals.filter(({ event }) => event === 'address-banned')).toEqual([]);
  });
});
