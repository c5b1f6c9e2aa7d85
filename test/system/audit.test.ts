/** What the log says of who came, who was refused and what was replaced; and that no secret and no message is ever in it. */
import { appendFile, copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as soon } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { registry } from '../../src/actors/registry.ts';
import type { ActorSystem } from '../../src/runtime/actor-system.ts';
import { node } from '../../src/runtime/placement.ts';
import { mtls, secret } from '../../src/runtime/security.ts';
import { startSystemIn } from '../../src/runtime/start-system.ts';
import type { SystemOptions } from '../../src/runtime/system-options.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';

const Safe = protocol('safe', {
  put: tell(z.object({ text: z.string() })),
  count: ask({ output: z.int() }),
});
const safe = actor(
  Safe,
  { args: z.object({}), state: () => ({ count: 0 }) },
  {
    put: (state) => {
      state.count += 1;
    },
    count: ({ count }) => count,
  },
);
const registered = registry(safe);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'troupe-audit-'));
  ends.push(() => rm(path, { recursive: true }));
  return path;
}

interface Audited {
  readonly system: ActorSystem;
  readonly log: CapturedLog;
}

const logs: CapturedLog[] = [];
async function start(options: SystemOptions): Promise<Audited> {
  const log = new CapturedLog();
  logs.push(log);
  const { system } = await startSystemIn({ log }, { registry: registered, threads: 0, ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return { system, log };
}

const named = ({ log }: Audited, event: string) => log.lines.filter(({ fields }) => fields.event === event);

/** Whatever is logged, in all the ways in which it could be printed. */
function expectNowhere(...texts: readonly string[]): void {
  const all = logs.flatMap(({ lines }) =>
    lines.map((line) => `${JSON.stringify(line)} ${inspect(line, { depth: 9 })}`),
  );
  expect(all.length).toBeGreaterThan(3);
  for (const text of texts) {
    const bytes = Buffer.from(text);
    for (const form of [text, bytes.toString('hex'), bytes.toString('base64').slice(0, -4)]) {
      expect(all.filter((line) => line.includes(form))).toEqual([]);
    }
  }
}

describe('the lines about a cluster with a secret', () => {
  it('name who joined, whom it refused and why, who left, and what was replaced', async () => {
    const path = await folder();
    const [file, next] = [join(path, 'secret'), join(path, 'next')];
    const secrets = ['first', 'second', 'third'].map((name) => `canary ${name} `.padEnd(40, 'q'));
    await writeFile(file, secrets[0]!, { mode: 0o600 });
    const auth = secret({ file, next });
    const allow = [{ node: 'edge', spawn: ['safe'], operations: ['safe.count'] }, { node: 'hub' }];
    const hub = await start({ name: 'hub', roles: ['hub'], listen: 'ws://127.0.0.1:0', auth, allow });
    const address = hub.system.address!;
    const edge = await start({ name: 'edge', roles: ['edge'], join: [address], auth });
    await expect.poll(() => named(hub, 'node-joined').length).toBe(1);
    expect(named(hub, 'node-joined')).toMatchObject([
      {
        level: 'info',
        fields: {
          node: edge.system.nodeId,
          roles: ['edge'],
          resumes: false,
          remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        },
      },
    ]);

    await expect(
      start({ join: [address], auth: secret({ read: () => ({ current: secrets[2]! }) }) }),
    ).rejects.toThrow();
    await expect.poll(() => named(hub, 'node-refused').length).toBe(1);
    expect(named(hub, 'node-refused')).toMatchObject([{ level: 'warn', fields: { reason: 'proof' } }]);
    await soon(1_100);
    await expect(start({ name: 'other', join: [address], auth })).rejects.toMatchObject({ closeCode: 4006 });
    await expect.poll(() => named(hub, 'node-refused').length).toBe(2);
    expect(named(hub, 'node-refused')[1]).toMatchObject({ fields: { reason: 'not-allowed' } });
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => named(hub, 'connection-refused').length).toBe(1);

    const ref = await edge.system.spawn(safe, { on: node({ role: 'hub' }) });
    const payload = 'canary payload 0123456789';
    for (let n = 0; n < 500; n += 1) ref.put({ text: payload });
    expect(await ref.count()).toBe(0);
    const denied = named(hub, 'denied');
    expect(denied[0]).toMatchObject({
      level: 'warn',
      fields: { node: edge.system.nodeId, act: 'call', what: 'safe.put', refused: 1 },
    });
    // So many a second, whatever comes.
    expect(denied.length).toBeLessThan(200);

    await writeFile(next, 'too short', { mode: 0o600 });
    await expect.poll(() => named(hub, 'secret-kept').length, { timeout: 20_000 }).toBe(1);
    expect(named(hub, 'secret-kept')).toMatchObject([{ level: 'error' }]);
    await writeFile(next, secrets[1]!);
    await expect.poll(() => named(hub, 'secret-replaced').length, { timeout: 20_000 }).toBe(1);
    await expect.poll(() => named(edge, 'secret-replaced').length, { timeout: 20_000 }).toBe(1);
    await rename(next, file);
    await expect.poll(() => named(hub, 'secret-replaced').length, { timeout: 20_000 }).toBe(2);
    expect(named(hub, 'secret-replaced').map(({ fields }) => fields.live)).toEqual([2, 1]);
    await expect.poll(() => named(hub, 'node-joined').length, { timeout: 20_000 }).toBe(2);
    expect(named(hub, 'node-joined')[1]!.fields).toMatchObject({ node: edge.system.nodeId, resumes: true });
    expect([...named(hub, 'links-renewed'), ...named(edge, 'links-renewed')].length).toBeGreaterThan(0);

    await edge.system.shutdown({ deadlineMs: 500 });
    await expect.poll(() => named(hub, 'node-left').length).toBe(1);
    expect(named(hub, 'node-left')[0]!.fields).toMatchObject({ node: edge.system.nodeId });
    expectNowhere(...secrets.map((one) => one.slice(0, 14)), payload);
  }, 90_000);
});

describe('the lines about a cluster with certificates', () => {
  const fixture = (name: string): string =>
    fileURLToPath(new URL(`../transport/fixtures/tls/${name}`, import.meta.url));

  it('name the certificate of who joined, and say when the authority was replaced: who is linked proves itself anew', async () => {
    const path = await folder();
    const files = { ca: join(path, 'ca.pem'), cert: join(path, 'cert.pem'), key: join(path, 'key.pem') };
    await copyFile(fixture('names-ca.pem'), files.ca);
    await copyFile(fixture('hub.pem'), files.cert);
    await copyFile(fixture('hub.key'), files.key);
    const own = (name: string) =>
      mtls({ ca: fixture('names-ca.pem'), cert: fixture(`${name}.pem`), key: fixture(`${name}.key`) });
    // A node that is away is dialled again and again, and with each dial the certificates are looked at.
    const away = await start({ name: 'away', listen: 'wss://127.0.0.1:0', auth: own('hub') });
    const hub = await start({
      name: 'hub',
      listen: 'wss://127.0.0.1:0',
      join: [away.system.address!],
      auth: mtls(files),
    });
    const edge = await start({ name: 'edge-7', join: [hub.system.address!], auth: own('edge') });
    await expect.poll(() => hub.system.nodes).toContain(edge.system.nodeId);
    const ofEdge = () => named(hub, 'node-joined').filter(({ fields }) => fields.node === edge.system.nodeId);
    expect(ofEdge()[0]!.fields.certificate).toContain('edge-7.nodes.internal');
    await away.system.shutdown({ deadlineMs: 500 });

    await appendFile(files.ca, await readFile(fixture('other-ca.pem')));
    await expect.poll(() => ofEdge().length, { timeout: 20_000 }).toBe(2);
    expect(ofEdge()[1]!.fields.resumes).toBe(true);
    expect(named(hub, 'certificates-replaced')).toMatchObject([{ level: 'info', fields: { isOtherAuthority: true } }]);
    expect(named(hub, 'links-renewed')).toMatchObject([{ fields: { nodes: [edge.system.nodeId] } }]);

    // Now the new authority alone, and a certificate of it. The files do not fit together for a moment.
    await copyFile(fixture('stranger.pem'), files.cert);
    await copyFile(fixture('stranger.key'), files.key);
    await copyFile(fixture('other-ca.pem'), files.ca);
    await expect.poll(() => hub.system.nodes, { timeout: 20_000 }).toEqual([]);
    await expect.poll(() => named(edge, 'join-failed').length, { timeout: 20_000 }).toBeGreaterThan(0);
    const key = (await readFile(fixture('hub.key'), 'utf8')).split('\n')[1]!;
    expectNowhere(key.slice(0, 24), key.slice(24, 48));
  }, 90_000);
});
