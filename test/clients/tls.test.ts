/** The port of clients over TLS: who is let in, what strangers do to it, and certificates that are replaced. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Dispatcher } from '../../src/base/platform/dispatcher.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { realRandom } from '../../src/base/platform/real-random.ts';
import type { Client, ClientOptions } from '../../src/client/client.ts';
import { connectBy } from '../../src/client/connect.ts';
import { connect } from '../../src/client/node.ts';
import type { ClientsOptions } from '../../src/index.ts';
import type { ActorSystem } from '../../src/runtime/actor-system.ts';
import { startSystemIn } from '../../src/runtime/start-system.ts';
import { workerPlaces } from '../../src/runtime/worker-places.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { chaosProxy } from '../../src/testing/chaos-proxy.ts';
import type { WebSocketLimits } from '../../src/transport/websocket-limits.ts';
import type { PortRefusal } from '../../src/transport/websocket-listener.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import type { Socket } from '../../src/transport/websocket-socket.ts';
import { Counter, clientsOptions, counter } from './fixtures.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const patience = { timeout: 20_000, interval: 5 };

const file = (name: string): string => fileURLToPath(new URL(`../transport/fixtures/tls/${name}`, import.meta.url));
const filesOf = (name: string): { cert: string; key: string } => ({
  cert: file(`${name}.pem`),
  key: file(`${name}.key`),
});

interface Port {
  readonly system: ActorSystem;
  readonly address: string;
  readonly port: number;
  readonly refusals: PortRefusal[];
  readonly log: CapturedLog;
}

/** One to which this machine's own addresses are as any others. */
async function listening(
  tls: ClientsOptions['tls'] = filesOf('node'),
  limits: Partial<WebSocketLimits> = {},
): Promise<Port> {
  const refusals: PortRefusal[] = [];
  const log = new CapturedLog();
  const clock = realClock();
  const network = new WebSocketNetwork({
    clock,
    limits: { banMs: 60_000, ...limits },
    isExempt: () => false,
    onRefused: (refusal) => refusals.push(refusal),
  });
  const environment = {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs()),
    network,
    places: workerPlaces(),
  };
  const clients = clientsOptions({ listen: 'wss://127.0.0.1:0', tls });
  const { system } = await startSystemIn({ environment, log }, { threads: 0, clients });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  await system.spawn(counter, { name: 'hits' });
  const { address } = system.clients!;
  return { system, address, port: Number(new URL(address).port), refusals, log };
}

const authority = readFileSync(file('ca.pem'));

/** A client to which certificates of that authority are good. */
const trusting = connectBy(
  (address, protocols) => new WebSocket(address, protocols, { ca: authority }) as unknown as Socket,
);

function ada(address: string, options: ClientOptions = {}, by = trusting): Client {
  const client = by(address, { token: 'token-of-ada', redial: { minMs: 5, maxMs: 50 }, ...options });
  ends.push(() => client.close({ deadlineMs: 0 }));
  return client;
}

async function tlsTo(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tlsConnect({ port, host: '127.0.0.1', ca: authority, ...options });
  ends.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything that the port says until it ends the connection. */
async function said(socket: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

function upgrade(token: string, more: readonly string[] = []): string {
  return [
    'GET / HTTP/1.1',
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    `Sec-WebSocket-Protocol: troupe.client.v1, troupe.token.${Buffer.from(token).toString('base64url')}`,
    ...more,
    '',
    '',
  ].join('\r\n');
}

describe('the port of clients over TLS', () => {
  it('serves who trusts its authority, in TLS 1.3, asks for no certificate, and warns of nothing', async () => {
    const made = await listening();
    expect(made.address).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
    const hits = ada(made.address).ref(Counter, 'hits');
    for (let n = 0; n < 200; n += 1) hits.inc();
    expect(await hits.get()).toBe(200);
    expect((await tlsTo(made.port)).getProtocol()).toBe('TLSv1.3');
    expect(made.log.matching({ text: 'without TLS' })).toEqual([]);
  });

  it('refuses TLS 1.2', async () => {
    const made = await listening();
    const socket = tlsConnect({ port: made.port, host: '127.0.0.1', ca: authority, maxVersion: 'TLSv1.2' });
    await once(socket, 'error');
    await expect
      .poll(() => made.refusals, patience)
      .toMatchObject([{ what: expect.stringContaining('TLS handshake') }]);
  });

  it('asks for host, page and token as it does without TLS', async () => {
    const made = await listening();
    const answer = async (request: string): Promise<string> => {
      const socket = await tlsTo(made.port);
      socket.write(request);
      return (await said(socket)).split('\r\n')[0]!;
    };
    expect(await answer('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')).toBe('HTTP/1.1 426 Upgrade Required');
    expect(await answer(upgrade('token-of-ada', ['Origin: https://evil.example.org']))).toBe('HTTP/1.1 403 Forbidden');
    expect(await answer(upgrade('token-of-ada').replace('Host: 127.0.0.1', 'Host: evil.example.org'))).toBe(
      'HTTP/1.1 403 Forbidden',
    );
    const wrong = ada(made.address, { token: 'guessed' });
    await expect(wrong.opened()).rejects.toMatchObject({ code: 'ClientClosed', reason: 'refused' });
  });

  it.runIf(process.platform === 'linux')('shuts out an address that shows 10 wrong tokens, and no other', async () => {
    const made = await listening();
    const tryFrom = async (localAddress: string): Promise<string> => {
      const below = createConnection({ port: made.port, host: '127.0.0.1', localAddress });
      const socket = tlsConnect({ socket: below, ca: authority, servername: 'localhost' });
      socket.on('secureConnect', () => socket.write(upgrade('guessed')));
      socket.on('data', (bytes) => {
        if (bytes.includes('authentication refused')) socket.destroy();
      });
      return (await said(socket)) === '' ? 'shut out' : 'refused';
    };
    const answers: string[] = [];
    for (let n = 0; n < 12; n += 1) answers.push(await tryFrom('127.0.0.2'));
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 'refused'), 'shut out', 'shut out']);
    expect(await ada(made.address).ref(Counter, 'hits').get()).toBe(0);
  });

  it('is harmed by no plain text, no garbage, no half a handshake and no silence, and serves others meanwhile', async () => {
    const made = await listening(filesOf('node'), { headersTimeoutMs: 300 });
    const hits = ada(made.address).ref(Counter, 'hits');
    expect(await hits.get()).toBe(0);
    const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, n) => (n * 167 + 41) % 256));
    // A record of a ClientHello that is said to be 512 bytes, of which 4 come.
    const half = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]);
    const large = Buffer.concat([Buffer.from([22, 3, 1, 255, 255]), Buffer.alloc(70_000, 1)]);
    for (const bytes of [
      Buffer.from(upgrade('token-of-ada')),
      Buffer.from('hello\r\n\r\n'),
      garbage,
      half,
      large,
      '',
    ]) {
      const socket = createConnection({ port: made.port, host: '127.0.0.1' });
      if (bytes.length > 0) socket.write(bytes);
      expect(await said(socket)).not.toContain('HTTP/1.1 101');
      hits.inc();
    }
    expect(await hits.get()).toBe(6);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 1, refused: 0 });
    expect(made.refusals.filter(({ what }) => what.includes('TLS handshake')).length).toBeGreaterThanOrEqual(6);
    expect(made.refusals.filter(({ event }) => event === 'address-banned')).toEqual([]);
  });

  it('cuts the oldest of 70 that begin no handshake, and lets a client in beside them', async () => {
    const made = await listening();
    const idle = Array.from({ length: 70 }, () => createConnection({ port: made.port, host: '127.0.0.1' }));
    ends.push(() => idle.forEach((socket) => void socket.destroy()));
    for (const socket of idle) socket.on('error', () => undefined);
    await expect.poll(() => made.refusals.length, patience).toBeGreaterThanOrEqual(6);
    expect(await ada(made.address).ref(Counter, 'hits').get()).toBe(0);
  });
});

describe('a client', () => {
  it('is closed by a first certificate of an authority that it does not know, and told why and what to do', async () => {
    const made = await listening();
    // More often than wrong tokens shut an address out.
    for (let n = 0; n < 12; n += 1) {
      const client = ada(made.address, {}, connect);
      const waiting = client.ref(Counter, 'hits').get.outcome({ timeoutMs: 60_000 });
      const error = await client.opened().catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'ClientClosed', reason: 'untrusted' });
      for (const part of [made.address, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS']) {
        expect(error.message).toContain(part);
      }
      expect(await waiting).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
      expect(client.status).toBe('closed');
    }
    await expect.poll(() => made.refusals.length, patience).toBeGreaterThanOrEqual(12);
    expect(made.refusals.filter(({ event }) => event === 'address-banned')).toEqual([]);
    expect(await ada(made.address).ref(Counter, 'hits').get()).toBe(0);
  });

  it('that says ws to a port with TLS tries on, and is told to look at that', async () => {
    const made = await listening();
    const texts: string[] = [];
    const client = ada(made.address.replace('wss:', 'ws:'), { onStatus: (_status, { text }) => void texts.push(text) });
    await expect.poll(() => texts.length, patience).toBeGreaterThanOrEqual(3);
    expect(texts[0]).toContain('by ws or wss');
    expect(client.status).toBe('connecting');
  });
});

describe('the certificate for clients', () => {
  async function replaceable(first: string): Promise<{
    readonly tls: { cert: string; key: string };
    put(name: string, which?: readonly ('cert' | 'key')[]): Promise<void>;
  }> {
    const path = await mkdtemp(join(tmpdir(), 'troupe-tls-'));
    ends.push(() => rm(path, { recursive: true }));
    const tls = { cert: join(path, 'cert.pem'), key: join(path, 'key.pem') };
    const put = async (name: string, which: readonly ('cert' | 'key')[] = ['cert', 'key']): Promise<void> => {
      for (const one of which) await copyFile(filesOf(name)[one], tls[one]);
    };
    await put(first);
    return { tls, put };
  }
  const shownAt = async ({ port }: Port): Promise<unknown> => {
    const socket = await tlsTo(port);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };

  it('is shown to new connections once it was replaced; links that are open go on', async () => {
    const { tls, put } = await replaceable('node');
    const made = await listening(tls, { certificatesRefreshMs: 20 });
    const proxy = await chaosProxy({ to: made.address, seed: 1 });
    ends.push(() => proxy.close());
    const statuses: string[] = [];
    const address = proxy.address.replace(/^ws:/, 'wss:');
    const client = ada(address, { onStatus: (status) => void statuses.push(status) });
    const hits = client.ref(Counter, 'hits');
    hits.inc();
    expect(await hits.get()).toBe(1);
    expect(await shownAt(made)).toBe('node');
    await put('second-node');
    await expect.poll(() => shownAt(made), patience).toBe('second-node');
    hits.inc();
    expect(await hits.get()).toBe(2);
    expect(statuses).toEqual(['open']);
    proxy.reset();
    hits.inc();
    expect(await hits.get()).toBe(3);
    expect(statuses.at(-1)).toBe('open');
    expect(made.system.clients!.statistics()).toMatchObject({ resumed: 1 });
    // More than once where it was looked at while the files were written.
    const [line] = made.log.matching({ level: 'info', text: 'the certificate for clients was replaced' });
    expect(line?.fields).toMatchObject({ event: 'certificates-replaced', cert: tls.cert });
  });

  it('stays the one before while its files do not fit together, or one is gone, which is logged', async () => {
    const { tls, put } = await replaceable('node');
    const made = await listening(tls, { certificatesRefreshMs: 20 });
    const kept = (): readonly string[] =>
      made.log.of('error').flatMap(({ fields, text }) => (fields.event === 'certificates-kept' ? [text] : []));
    await put('second-node', ['cert']);
    await expect.poll(kept, patience).toContainEqual(expect.stringContaining('do not fit together'));
    expect(await shownAt(made)).toBe('node');
    await rm(tls.cert);
    await expect.poll(kept, patience).toContainEqual(expect.stringContaining(`there is no file ${tls.cert}`));
    expect(await shownAt(made)).toBe('node');
    await put('second-node');
    await expect.poll(() => shownAt(made), patience).toBe('second-node');
    const secret = readFileSync(tls.key, 'utf8').split('\n')[1]!;
    expect(JSON.stringify(made.log.lines)).not.toContain(secret);
  });

  it.each([
    ['missing', { cert: file('nobody.pem') }],
    ['malformed', { cert: file('node.key') }],
    ['mismatch', { key: file('second-node.key') }],
    ['unreadable', { key: fileURLToPath(new URL('.', import.meta.url)) }],
  ])('that is %s lets no system start', async (reason, wrong) => {
    await expect(listening({ ...filesOf('node'), ...wrong })).rejects.toMatchObject({
      code: 'CertificatesFailed',
      reason,
      message: expect.stringContaining(Object.values(wrong)[0]!),
    });
  });
});
