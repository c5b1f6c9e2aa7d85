/** Clients over real sockets: of a server in a process of its own, over links that are cut, and at a port that strangers try. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ActorSystem, allow, createSystem } from 'troupe';
import { type ClientOptions, connect } from 'troupe/client';
import { chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { LiveNode } from '../hostile/live-node.ts';
import { masked, RawClient } from '../hostile/raw-client.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { Tally, tally } from './fixtures/tally.ts';

const fixture = fileURLToPath(new URL('./fixtures/tally-server.ts', import.meta.url));
const plain = fileURLToPath(new URL('./fixtures/plain-client.mjs', import.meta.url));
const overTls = fileURLToPath(new URL('./fixtures/tls-client.mjs', import.meta.url));
const certificate = (name: string): string =>
  fileURLToPath(new URL(`../transport/fixtures/tls/${name}`, import.meta.url));
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const patience = { timeout: 20_000, interval: 5 };
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(listen = 'ws://127.0.0.1:0'): Promise<{ address: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, listen], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ends.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { address: String(line).trim(), child };
}

function client(address: string, options: ClientOptions = {}) {
  const one = connect(address, { token: 'ada', redial: { minMs: 10, maxMs: 100 }, ...options });
  ends.push(() => one.close({ deadlineMs: 0 }));
  return one;
}

describe('a client of a server in another process', () => {
  it('reaches actors of its main thread and of its worker, and in plain JavaScript', async () => {
    const { address } = await serve();
    const ada = client(address);
    for (const name of ['tally', 'far']) {
      const ref = ada.ref(Tally, name);
      for (let id = 0; id < 1_000; id += 1) {
        if (id % 3 === 0) await ref.add.offer({ by: 'ada', id });
        else ref.add({ by: 'ada', id });
      }
      expect(await ref.ids({ by: 'ada' })).toEqual(Array.from({ length: await ref.size() }, (_, id) => id));
      const counted: number[] = [];
      for await (const n of ref.count({ to: 1_000 })) counted.push(n);
      expect(counted).toHaveLength(1_000);
    }
    const { stdout } = await promisify(execFile)(process.execPath, [plain, address, 'plain']);
    const size = await ada.ref(Tally, 'tally').size();
    expect(stdout.trim().split('\n')).toEqual([
      String(size),
      'InvalidMessage',
      'UsageError',
      'UsageError',
      'UsageError',
    ]);
  });

  const cuts = proofRuns(25);
  it(`loses nothing, repeats nothing and keeps the order over ${cuts} cuts`, async () => {
    const { address } = await serve();
    const proxy = await chaosProxy({ to: address, seed: 5 });
    ends.push(() => proxy.close());
    const lost: unknown[] = [];
    let opened = 0;
    const ada = client(proxy.address, {
      onLost: (one) => void lost.push(one),
      onStatus: (status) => {
        if (status === 'open') opened += 1;
      },
    });
    const ref = ada.ref(Tally, 'tally');
    const far = ada.ref(Tally, 'far');
    let isOver = false;
    let told = 0;
    let asked = 0;
    const talk = (async () => {
      while (!isOver) {
        for (let times = 0; times < 50; times += 1, told += 1) {
          ref.add({ by: 'ada', id: told });
          if (!far.add({ by: 'ada', id: told })) await far.add.offer({ by: 'other', id: told }, { timeoutMs: 60_000 });
        }
        // Both have taken what was told before.
        expect((await ref.ids({ by: 'ada' }, { timeoutMs: 60_000 })).length).toBe(told);
        asked += 1;
      }
    })();
    const counted: number[] = [];
    const count = (async () => {
      for await (const n of ref.count({ to: 20_000 })) counted.push(n);
    })();
    for (let cut = 0; cut < cuts; cut += 1) {
      await expect.poll(() => ada.status, patience).toBe('open');
      await soon(cut % 4);
      proxy.reset();
    }
    isOver = true;
    await talk;
    await count;
    const all = Array.from({ length: told }, (_, id) => id);
    expect(await ref.ids({ by: 'ada' })).toEqual(all);
    expect(await far.ids({ by: 'ada' })).toEqual(all);
    expect(counted).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect(lost).toEqual([]);
    expect(opened).toBeGreaterThan(cuts / 3);
    expect(asked).toBeGreaterThan(0);
  }, 120_000);

  it('is told what nobody knows when its server dies, and goes on with the next one', async () => {
    const first = await serve();
    const lost: { reason: string; count: number }[] = [];
    const ada = client(first.address, { onLost: (one) => void lost.push(one) });
    const ref = ada.ref(Tally, 'tally');
    await ref.size();
    const hang = ref.hang.outcome({ timeoutMs: 60_000 });
    await ref.size();
    first.child.kill('SIGKILL');
    await expect.poll(() => ada.status, patience).toBe('away');
    // Waits, and goes to the next one.
    ref.add({ by: 'ada', id: 7 });
    await serve(first.address);
    expect(await hang).toMatchObject({ ok: false, error: { code: 'OutcomeUnknown', reason: 'link-lost' } });
    expect(await ref.ids({ by: 'ada' }, { timeoutMs: 20_000 })).toEqual([7]);
    expect(lost).toEqual([]);
  });

  it('ends at once for who closes, and leaves nothing open', async () => {
    const { address } = await serve();
    const ada = client(address);
    const ref = ada.ref(Tally, 'tally');
    await ada.opened();
    const hang = ref.hang.outcome();
    for (let id = 0; id < 500; id += 1) ref.add({ by: 'ada', id });
    await ada.close();
    expect(await hang).toMatchObject({ ok: false, error: { code: 'OutcomeUnknown' } });
    expect(await ref.size.outcome()).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
    expect(ref.add({ by: 'ada', id: 0 })).toBe(false);
    // What it had said before has arrived.
    expect(await client(address, { token: 'bob' }).ref(Tally, 'tally').size()).toBe(500);
  });
});

describe('the port of clients', () => {
  async function open(): Promise<{ system: ActorSystem; live: LiveNode }> {
    const system = await createSystem({
      threads: 0,
      logLevel: 'silent',
      clients: {
        listen: 'ws://127.0.0.1:0/live',
        origins: ['https://app.example.org'],
        authenticate: (token) => (token === 'good' ? { id: 'ada' } : undefined),
        allow: [allow(Tally, { operations: ['add', 'size'], actors: ['tally'] })],
      },
    });
    ends.push(() => system.shutdown({ deadlineMs: 100 }));
    await system.spawn(tally, { name: 'tally' });
    return { system, live: { port: Number(new URL(system.clients!.address).port) } as LiveNode };
  }
  const token = `troupe.token.${Buffer.from('good').toString('base64url')}`;
  const request = (lines: readonly string[], path = '/live'): string =>
    [
      `GET ${path} HTTP/1.1`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      ...lines,
      '',
      '',
    ].join('\r\n');
  const good = ['Host: 127.0.0.1', `Sec-WebSocket-Protocol: troupe.client.v1, ${token}`];

  it.each<[string, string, number]>([
    ['another path', request(good, '/'), 404],
    ['no Host', request(good.slice(1)), 400],
    ['another Host', request(['Host: evil.example.org', good[1]!]), 403],
    ['another page', request([...good, 'Origin: https://evil.example.org']), 403],
    ['the page null', request([...good, 'Origin: null']), 403],
    ['no subprotocol', request(good.slice(0, 1)), 400],
    ['the subprotocol of nodes', request([good[0]!, 'Sec-WebSocket-Protocol: troupe.v1']), 400],
    ['its token first', request([good[0]!, `Sec-WebSocket-Protocol: ${token}, troupe.client.v1`]), 400],
    ['thousands of headers', request([...good, ...Array.from({ length: 100 }, (_, n) => `X-${n}: 1`)]), 431],
    ['a token of 100 KB', request([...good, `Authorization: Bearer ${'x'.repeat(100_000)}`]), 431],
    ['no upgrade', 'GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 426],
    ['no HTTP', 'hello\r\n\r\n', 400],
  ])('answers %s with its status', async (_what, first, status) => {
    const { live, system } = await open();
    expect(await RawClient.open(live, first).answered()).toBe(status);
    await using one = connect(system.clients!.address, { token: 'good' });
    expect(await one.ref(Tally, 'tally').size()).toBe(0);
  });

  it('takes a token as a header too, and a page that may ask', async () => {
    const { live } = await open();
    const lines = ['Host: localhost', 'Sec-WebSocket-Protocol: troupe.client.v1', 'Authorization: Bearer good'];
    const raw = RawClient.open(live, request([...lines, 'Origin: https://app.example.org']));
    await raw.until(() => raw.status === 101, 'the upgrade');
    const messages: Uint8Array[] = [];
    raw.onMessage = (message) => void messages.push(Uint8Array.from(message));
    raw.send(Uint8Array.of(0x21));
    await raw.until(() => messages.length > 0, 'the welcome');
    expect(messages[0]![0]).toBe(0x22);
  });

  it('closes the WebSocket of a wrong token with 4001, and says no more', async () => {
    const { live } = await open();
    const raw = RawClient.open(live, request(['Host: 127.0.0.1', 'Sec-WebSocket-Protocol: troupe.client.v1']));
    expect(await raw.ended()).toEqual({ code: 4001, text: 'authentication refused' });
  });

  const hello = masked(0x82, Uint8Array.of(0x21));
  it.each<[string, (Uint8Array | string)[], number]>([
    ['text', [hello, masked(0x81, 'hello')], 1003],
    ['a message of 1 MiB and more', [hello, masked(0x82, new Uint8Array(1_048_577))], 1009],
    ['a declared length of 2^62', [hello, Uint8Array.of(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)], 1009],
    [
      'fragments without an end',
      [hello, masked(0x02, 'a'), ...Array.from({ length: 40 }, () => masked(0x00, 'a'))],
      1008,
    ],
    ['an unmasked frame', [hello, Uint8Array.of(0x82, 0x01, 0x00)], 1002],
    ['a reserved bit', [hello, masked(0xc2, 'a')], 1002],
    ['16 KiB before hello', [masked(0x02, new Uint8Array(20_000))], 1006],
  ])('ends %s with its code', async (_what, said, code) => {
    const { live, system } = await open();
    const raw = RawClient.open(live, request(good));
    await raw.until(() => raw.status === 101, 'the upgrade');
    for (const bytes of said) raw.write(bytes);
    expect((await raw.ended()).code).toBe(code);
    await using one = connect(system.clients!.address, { token: 'good' });
    expect(await one.ref(Tally, 'tally').size()).toBe(0);
  });

  it('compresses nothing, and tells clients when it leaves', async () => {
    const { live, system } = await open();
    const raw = RawClient.open(live, request([...good, 'Sec-WebSocket-Extensions: permessage-deflate']));
    await raw.until(() => raw.status === 101, 'the upgrade');
    raw.send(Uint8Array.of(0x21));
    await expect.poll(() => system.clients!.statistics().open, patience).toBe(1);
    const ended = raw.ended();
    await system.shutdown({ deadlineMs: 500 });
    expect((await ended).code).toBe(1001);
  });
});

describe('the port of clients with a certificate of its own', () => {
  it.each([
    ['serves a process that trusts its authority', 'node', 'ca.pem', /^size 0$/],
    ['closes one that does not', 'node', undefined, /^ClientClosed untrusted .*UNABLE_TO_VERIFY.*NODE_EXTRA_CA_CERTS/],
    ['closes one that trusts another', 'node', 'other-ca.pem', /^ClientClosed untrusted .*UNABLE_TO_VERIFY/],
    ['closes one where it has expired', 'expired', 'ca.pem', /^ClientClosed untrusted .*CERT_HAS_EXPIRED.*valid now/],
    ['closes one where it has another name', 'elsewhere', 'ca.pem', /^ClientClosed untrusted .*ALTNAME_INVALID.*name/],
  ])('%s', async (_what, name, trusted, said) => {
    const system = await createSystem({
      threads: 0,
      logLevel: 'silent',
      clients: {
        listen: 'wss://127.0.0.1:0',
        tls: { cert: certificate(`${name}.pem`), key: certificate(`${name}.key`) },
        authenticate: (token) => (token === 'good' ? { id: 'ada' } : undefined),
        allow: [allow(Tally, { operations: ['size'], actors: ['tally'] })],
      },
    });
    ends.push(() => system.shutdown({ deadlineMs: 100 }));
    await system.spawn(tally, { name: 'tally' });
    const { NODE_EXTRA_CA_CERTS: _before, ...env } = process.env;
    if (trusted !== undefined) env.NODE_EXTRA_CA_CERTS = certificate(trusted);
    const { stdout } = await promisify(execFile)(process.execPath, [overTls, system.clients!.address], { env });
    expect(stdout.trim()).toMatch(said);
  });
});

describe('createSystem', () => {
  const clients = { listen: 'ws://127.0.0.1:0', authenticate: () => undefined, allow: [] };
  it.each<[string, object]>([
    ['no listen', { listen: undefined }],
    ['wss and no certificate', { listen: 'wss://127.0.0.1:0' }],
    ['a certificate and no wss', { tls: { cert: 'cert.pem', key: 'key.pem' } }],
    ['a certificate without its key', { listen: 'wss://127.0.0.1:0', tls: { cert: 'cert.pem' } }],
    ['an authority for clients', { listen: 'wss://127.0.0.1:0', tls: { ca: 'a.pem', cert: 'b.pem', key: 'c.pem' } }],
    ['an address beyond this machine without names', { listen: 'ws://0.0.0.0:0' }],
    ['no authenticate', { authenticate: undefined }],
    ['rights that are none', { allow: [{}] }],
    ['a page with a path', { origins: ['https://app.example.org/page'] }],
    ['an option that there is not', { cors: true }],
  ])('refuses clients with %s', async (_what, wrong) => {
    await expect(createSystem({ threads: 0, clients: { ...clients, ...wrong } as never })).rejects.toMatchObject({
      code: 'UsageError',
    });
  });
});
