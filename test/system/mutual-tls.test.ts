/** Nodes that know each other by certificates: in one process, and with `troupe node`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, mtls, node, type SystemOptions, thread, UsageError } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { counter } from './fixtures/actors.ts';

const registry = new URL('./fixtures/actors.ts', import.meta.url);
const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const file = (name: string): string => fileURLToPath(new URL(`../transport/fixtures/tls/${name}`, import.meta.url));
const certificates = (name: string, ca = 'ca') =>
  mtls({ ca: file(`${ca}.pem`), cert: file(`${name}.pem`), key: file(`${name}.key`) });
const tlsFlags = (name: string): string[] => [
  '--tls-ca',
  file('ca.pem'),
  '--tls-cert',
  file(`${name}.pem`),
  '--tls-key',
  file(`${name}.key`),
];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: SystemOptions): Promise<ActorSystem> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent', ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

describe('nodes with mtls', () => {
  it('place actors on each other, and a worker calls one over the link', async () => {
    const far = await start({ listen: 'wss://127.0.0.1:0', auth: certificates('node'), roles: ['far'] });
    expect(far.address).toMatch(/^wss:/);
    const near = await start({ join: [far.address!], auth: certificates('second-node') });
    const remote = await near.spawn(counter, { on: node({ role: 'far' }) });
    remote.add({ by: 3 });
    expect(await remote.total()).toBe(3);
    const worker = await near.spawn(counter, { on: thread() });
    expect(await worker.pathOf({ other: remote })).toContain(far.nodeId);
  });

  it('let nobody in who has a certificate of another authority, a secret, or nothing', async () => {
    const far = await start({ listen: 'wss://127.0.0.1:0', auth: certificates('node') });
    const join = [far.address!];
    await expect(
      createSystem({ logLevel: 'silent', join, auth: certificates('stranger', 'other-ca') }),
    ).rejects.toMatchObject({
      code: 'DialFailed',
      reason: 'untrusted',
    });
    await expect(createSystem({ logLevel: 'silent', join })).rejects.toMatchObject({ code: 'DialFailed' });
    await expect(createSystem({ join: [far.address!.replace('wss', 'ws')] })).rejects.toMatchObject({
      code: 'DialFailed',
    });
    expect(far.nodes).toEqual([]);
  });

  it('may listen beyond this machine', async () => {
    await start({ listen: 'wss://0.0.0.0:0', auth: certificates('node') });
  });

  it('say which file is missing, and which address does not fit', async () => {
    const auth = mtls({ ca: file('ca.pem'), cert: file('nobody.pem'), key: file('node.key') });
    await expect(createSystem({ listen: 'wss://127.0.0.1:0', auth })).rejects.toMatchObject({
      code: 'CertificatesFailed',
      message: expect.stringContaining('nobody.pem'),
    });
    await expect(
      createSystem({ logLevel: 'silent', listen: 'ws://127.0.0.1:0', auth: certificates('node') }),
    ).rejects.toMatchObject({
      code: 'ListenFailed',
      message: expect.stringContaining('wss://'),
    });
    expect(() => mtls({ ca: 'a', cert: 'b' } as never)).toThrow(UsageError);
    await expect(createSystem({ auth: { kind: 'none' } as never })).rejects.toThrow(/secret.*mtls/);
  });
});

describe('troupe node with certificates', () => {
  it('listens on wss, and is joined', async () => {
    const args = ['node', '--registry', fileURLToPath(registry), '--listen', 'wss://127.0.0.1:0', '--role', 'far'];
    const child: ChildProcess = spawn(
      process.execPath,
      ['--import', 'tsx', cli, ...args, ...tlsFlags('node'), '--exit-with-stdin'],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    ends.push(async () => {
      const gone = once(child, 'exit');
      child.stdin!.end();
      await gone;
    });
    const [text] = (await once(child.stdout!, 'data')) as [Buffer];
    const address = /listening on (wss:\S+)/.exec(text.toString())![1]!;
    const near = await start({ join: [address], auth: certificates('second-node') });
    expect(await (await near.spawn(counter, { on: node({ role: 'far' }) })).total()).toBe(0);
  });

  it.each([
    ['a part of them', ['--tls-ca', file('ca.pem')], /--tls-ca, --tls-cert and --tls-key together/],
    ['both ways', [...tlsFlags('node'), '--secret-file', file('node.key')], /not both/],
  ])('refuses %s', (_what, flags, text) => {
    const args = ['node', '--registry', fileURLToPath(registry), '--listen', 'wss://127.0.0.1:0', ...flags];
    const { status, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(2);
    expect(stderr).toMatch(text);
  });
});
