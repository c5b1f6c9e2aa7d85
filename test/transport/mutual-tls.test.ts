/** Links over mutual TLS: who is let in, who is not, and what both sides are told. */
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Link } from '../../src/base/environment/network.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { alternativeNames, type CertificateFiles, Certificates } from '../../src/transport/certificates.ts';
import type { CertificatesFailed } from '../../src/transport/errors.ts';
import type { WebSocketLimits } from '../../src/transport/websocket-limits.ts';
import type { PortRefusal } from '../../src/transport/websocket-listener.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const file = (name: string): string => fileURLToPath(new URL(`./fixtures/tls/${name}`, import.meta.url));
const filesOf = (name: string, ca = 'ca'): CertificateFiles => ({
  ca: file(`${ca}.pem`),
  cert: file(`${name}.pem`),
  key: file(`${name}.key`),
});
const fail = (error: CertificatesFailed): never => {
  throw error;
};
const read = (name: string, ca?: string): Promise<Certificates> => Certificates.read(filesOf(name, ca), fail);
const timeoutMs = 2_000;

interface Port {
  readonly address: string;
  readonly links: Link[];
  readonly refusals: PortRefusal[];
}

async function listen(
  certificates: Certificates,
  limits: Partial<WebSocketLimits> = {},
  isExempt?: (address: string) => boolean,
): Promise<Port> {
  const links: Link[] = [];
  const refusals: PortRefusal[] = [];
  const network = new WebSocketNetwork({
    clock: realClock(),
    certificates,
    limits,
    isExempt,
    onRefused: (refusal) => refusals.push(refusal),
  });
  const listener = await network.listen({
    address: 'wss://127.0.0.1:0',
    onLink: (link) => {
      links.push(link);
      link.onFrame = (frame) => link.send(frame);
    },
  });
  ends.push(async () => {
    for (const link of links) link.close(1000, '');
    await listener.close();
  });
  return { address: listener.address, links, refusals };
}

async function dial(address: string, certificates: Certificates | undefined): Promise<Link> {
  const link = await new WebSocketNetwork({ clock: realClock(), certificates }).dial({ address, timeoutMs });
  ends.push(() => link.close(1000, ''));
  return link;
}

/** The link is of use: what is sent comes back. */
async function echoes(link: Link): Promise<boolean> {
  const back = new Promise<Uint8Array>((resolve, reject) => {
    link.onFrame = resolve;
    link.onClose = ({ code, text }) => reject(new Error(`closed with ${code} ${text}`));
  });
  link.send(Uint8Array.of(1, 2, 3));
  return (await back).length === 3;
}

describe('a link over mutual TLS', () => {
  it('opens between two nodes with certificates of one authority, in TLS 1.3', async () => {
    const port = await listen(await read('node'));
    expect(port.address).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
    expect(await echoes(await dial(port.address, await read('second-node')))).toBe(true);
    const socket = tlsConnect({ port: Number(new URL(port.address).port), ...(await read('node')).material });
    await once(socket, 'secureConnect');
    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
  });

  it('lets nobody in with a certificate of another authority, which a peer may hide that trusts ours', async () => {
    const port = await listen(await read('node'));
    await expect(dial(port.address, await read('stranger', 'other-ca'))).rejects.toMatchObject({
      code: 'DialFailed',
      reason: 'untrusted',
    });
    const material = { ...(await read('stranger', 'other-ca')).material, ca: (await read('node')).material.ca };
    const hostile = { material, refresh: async () => false } as Certificates;
    await expect(dial(port.address, hostile)).rejects.toMatchObject({
      reason: 'refused',
      message: expect.stringContaining('may not accept our certificate'),
    });
    await expect.poll(() => port.refusals.length).toBe(2);
    expect(port.refusals[1]!.what).toBe('a TLS handshake that failed: UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(port.links).toEqual([]);
  });

  it('lets nobody in with an expired certificate', async () => {
    const port = await listen(await read('node'));
    await expect(dial(port.address, await read('expired'))).rejects.toMatchObject({ reason: 'refused' });
    await expect.poll(() => port.refusals.map(({ what }) => what)).toEqual([expect.stringContaining('EXPIRED')]);
    expect(port.links).toEqual([]);
  });

  it('lets nobody in without a certificate', async () => {
    const port = await listen(await read('node'));
    const { ca } = (await read('node')).material;
    const socket = new WebSocket(port.address, ['troupe.v1'], { ca });
    const [error] = await once(socket, 'error');
    expect((error as NodeJS.ErrnoException).code).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
    expect(port.links).toEqual([]);
    await expect.poll(() => port.refusals.length).toBe(1);
  });

  it('is not dialled to a listener whose certificate is of another authority', async () => {
    const port = await listen(await read('stranger', 'other-ca'));
    await expect(dial(port.address, await read('node'))).rejects.toMatchObject({ reason: 'untrusted' });
    expect(port.links).toEqual([]);
  });

  it('is not dialled to a listener whose certificate is for another name', async () => {
    const port = await listen(await read('elsewhere'));
    await expect(dial(port.address, await read('node'))).rejects.toMatchObject({
      reason: 'untrusted',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  it('refuses TLS 1.2', async () => {
    const port = await listen(await read('node'));
    const { ca, cert, key } = (await read('node')).material;
    const socket = tlsConnect({ port: Number(new URL(port.address).port), ca, cert, key, maxVersion: 'TLSv1.2' });
    await once(socket, 'error');
    await expect.poll(() => port.refusals.length).toBe(1);
  });

  it('cuts off plain text and random bytes at a TLS port, and a TLS dial at a plain one', async () => {
    const port = await listen(await read('node'));
    for (const text of ['GET / HTTP/1.1\r\n\r\n', '\u0000\u0001\u0002\u0003random'.repeat(50)]) {
      const socket = createConnection({ port: Number(new URL(port.address).port) });
      socket.on('error', () => undefined);
      socket.write(text);
      await new Promise((resolve) => socket.on('close', resolve));
    }
    await expect.poll(() => port.refusals.length).toBe(2);
    const plain = await new WebSocketNetwork({ clock: realClock() }).listen({
      address: 'ws://127.0.0.1:0',
      onLink: () => undefined,
    });
    ends.push(() => plain.close());
    await expect(dial(plain.address.replace('ws:', 'wss:'), await read('node'))).rejects.toThrow();
  });

  it('cuts off a connection that begins no TLS within the time that a request may take', async () => {
    const port = await listen(await read('node'), { headersTimeoutMs: 100 });
    const socket = createConnection({ port: Number(new URL(port.address).port) });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.on('close', resolve));
    await expect.poll(() => port.refusals.length).toBe(1);
  });

  it('counts a peer as pending until it is admitted: the next cuts it, and cuts nobody after that', async () => {
    const port = await listen(await read('node'), { pendingMax: 1 });
    const first = await dial(port.address, await read('node'));
    const ended = new Promise((resolve) => {
      first.onClose = resolve;
    });
    const second = await dial(port.address, await read('node'));
    expect(await ended).toMatchObject({ code: 1006 });
    port.links[1]!.admit?.();
    const third = await dial(port.address, await read('node'));
    expect([await echoes(second), await echoes(third)]).toEqual([true, true]);
    expect(port.refusals).toMatchObject([{ what: 'too many pending connections' }]);
  });

  it('knows the names in the certificate of the other end, at either end', async () => {
    const port = await listen(await read('hub', 'names-ca'));
    const near = await dial(port.address, await read('edge', 'names-ca'));
    await echoes(near);
    const uri = 'spiffe://nodes.internal/edge';
    expect(near.certificateNames).toEqual(['localhost', '127.0.0.1', 'hub.nodes.internal', 'hub']);
    expect(port.links[0]!.certificateNames).toEqual(['localhost', '127.0.0.1', 'edge-7.nodes.internal', uri, 'edge']);
  });

  it('reads no name out of one that was made to look like several', () => {
    expect(alternativeNames('DNS:a.example, IP Address:10.0.0.1, URI:http://b/, email:x@y')).toEqual([
      'a.example',
      '10.0.0.1',
      'http://b/',
    ]);
    expect(alternativeNames('DNS:"a.example, DNS:hub.nodes.internal", DNS:b.example')).toEqual(['b.example']);
    expect(alternativeNames('DNS:"a\\", DNS:hub.nodes.internal", DNS:b.example')).toEqual(['b.example']);
    expect(alternativeNames('othername:<unsupported>')).toEqual([]);
    expect(alternativeNames('')).toEqual([]);
  });

  it('lets nobody in with a certificate that is not valid yet', async () => {
    const port = await listen(await read('hub', 'names-ca'));
    await expect(dial(port.address, await read('future', 'names-ca'))).rejects.toMatchObject({ code: 'DialFailed' });
    await expect
      .poll(() => port.refusals.map(({ what }) => what))
      .toEqual(['a TLS handshake that failed: CERT_NOT_YET_VALID']);
    expect(port.links).toEqual([]);
  });

  it('shuts out an address whose certificates are refused 3 times, and not one that only looks whether the port is open', async () => {
    const limits = { failuresMax: 3 };
    const port = await listen(await read('node'), limits, () => false);
    const { port: number } = new URL(port.address);
    for (let n = 0; n < 5; n += 1) {
      const socket = createConnection({ port: Number(number), host: '127.0.0.1' });
      await once(socket, 'connect');
      socket.destroy();
    }
    await expect.poll(() => port.refusals.length).toBe(5);
    expect(await echoes(await dial(port.address, await read('node')))).toBe(true);
    // It trusts us, and shows what we do not trust.
    const hostile = { ...(await read('stranger', 'other-ca')).material, ca: (await read('node')).material.ca };
    for (let n = 0; n < 4; n += 1) {
      await expect(
        dial(port.address, { material: hostile, refresh: async () => false } as Certificates),
      ).rejects.toThrow();
    }
    await expect.poll(() => port.refusals.map(({ what }) => what)).toContain('its address is shut out');
    expect(port.refusals.filter(({ event }) => event === 'address-banned')).toHaveLength(1);
  });

  it('is spoken by addresses that say so: ws with certificates and wss without are refused by name', async () => {
    const network = new WebSocketNetwork({ clock: realClock(), certificates: await read('node') });
    const onLink = (): void => undefined;
    await expect(network.listen({ address: 'ws://127.0.0.1:0', onLink })).rejects.toThrow(/wss:/);
    await expect(network.dial({ address: 'ws://127.0.0.1:1', timeoutMs })).rejects.toThrow(/wss:/);
    await expect(
      new WebSocketNetwork({ clock: realClock() }).listen({ address: 'wss://127.0.0.1:0', onLink }),
    ).rejects.toThrow(/mtls/);
  });
});

describe('the certificates of a node', () => {
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'troupe-tls-'));
    ends.push(() => rm(path, { recursive: true }));
    return path;
  }

  it('are read again once their files have changed, and open links with the new ones', async () => {
    const path = await folder();
    const files = { ca: join(path, 'ca.pem'), cert: join(path, 'cert.pem'), key: join(path, 'key.pem') };
    const put = async (name: string, ca: string): Promise<void> => {
      await copyFile(file(`${ca}.pem`), files.ca);
      await copyFile(file(`${name}.pem`), files.cert);
      await copyFile(file(`${name}.key`), files.key);
    };
    await put('stranger', 'other-ca');
    const certificates = await Certificates.read(files, () => undefined);
    const port = await listen(certificates, { certificatesRefreshMs: 20 });
    await expect(dial(port.address, await read('node'))).rejects.toMatchObject({ reason: 'untrusted' });
    await put('second-node', 'ca');
    await expect
      .poll(async () => echoes(await dial(port.address, await read('node'))).catch(() => false), { timeout: 5_000 })
      .toBe(true);
  });

  it('stay those before when a file is being changed, and whoever asked is told', async () => {
    const path = await folder();
    const files = { ...filesOf('node'), cert: join(path, 'cert.pem') };
    await copyFile(file('node.pem'), files.cert);
    const problems: CertificatesFailed[] = [];
    const certificates = await Certificates.read(files, (problem) => problems.push(problem));
    const before = certificates.material;
    expect(await certificates.refresh()).toBe(false);
    await copyFile(file('second-node.pem'), files.cert);
    expect(await certificates.refresh()).toBe(false);
    expect(certificates.material).toBe(before);
    expect(problems.map(({ reason }) => reason)).toEqual(['mismatch']);
    await copyFile(file('node.pem'), files.cert);
    expect(await certificates.refresh()).toBe(true);
  });

  it.each([
    ['missing', { cert: file('nobody.pem') }],
    ['malformed', { cert: file('node.key') }],
    ['malformed', { ca: file('make.sh') }],
    ['mismatch', { key: file('second-node.key') }],
    ['mismatch', { ca: file('other-ca.pem') }],
    ['unreadable', { key: fileURLToPath(new URL('./fixtures', import.meta.url)) }],
  ])('are refused as %s, case %#', async (reason, wrong) => {
    await expect(Certificates.read({ ...filesOf('node'), ...wrong }, fail)).rejects.toMatchObject({
      code: 'CertificatesFailed',
      reason,
    });
  });

  it('are warned about when every user can read the key', async () => {
    const key = join(await folder(), 'key.pem');
    await copyFile(file('node.key'), key);
    await chmod(key, 0o600);
    expect((await Certificates.read({ ...filesOf('node'), key }, fail)).warnings).toEqual([]);
    await chmod(key, 0o644);
    expect((await Certificates.read({ ...filesOf('node'), key }, fail)).warnings).toEqual([
      expect.stringContaining('chmod 600'),
    ]);
    await writeFile(key, '');
  });

  it('show nothing of the key', async () => {
    const certificates = await read('node');
    const key = certificates.material.key.toString().split('\n')[1]!;
    for (const text of [String(certificates), JSON.stringify({ certificates }), inspect(certificates, { depth: 9 })]) {
      expect(text).not.toContain(key);
    }
  });
});
