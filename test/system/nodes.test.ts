import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ActorSystem, createSystem, node, pathOf, type SystemOptions, secret, thread } from 'troupe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostileThrowables } from '../support/hostile-throwables.ts';
import { counter, fragile } from './fixtures/actors.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/actors.ts', import.meta.url);
let folder: Awaited<ReturnType<typeof secretFolder>>;
let other: NodeProcess;
let system: ActorSystem | undefined;

beforeAll(async () => {
  folder = await secretFolder();
  other = await startNode(folder.file);
});
afterAll(async () => {
  await endNode(other);
  await folder.remove();
});
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
});

async function join(to = other, options: SystemOptions = {}): Promise<ActorSystem> {
  system = await createSystem({
    registry,
    threads: 1,
    join: [to.address],
    auth: secret({ file: folder.file }),
    logLevel: 'silent',
    ...options,
  });
  return system;
}

describe('a second node', () => {
  it('runs actors by their registered name, and they answer from there', async () => {
    await join();
    const ref = await system!.spawn(counter, { on: node({ role: 'workers' }), args: { start: 7 } });
    expect(await ref.path()).toBe(pathOf(ref));
    expect(pathOf(ref)).toContain(`troupe://${system!.nodes[0]}/main/counter#`);
    expect(await ref.total()).toBe(7);
  });

  it('and a worker thread here, whose actors ask each other at the same time, do not wait that out', async () => {
    await join();
    const far = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    const near = await system!.spawn(counter, { on: thread() });
    const long = { timeoutMs: 60_000 };
    const met = await Promise.all([
      far.meets({ other: near, ms: 500 }, long),
      near.meets({ other: far, ms: 500 }, long),
    ]);
    // On a busy machine the one may be done before the other begins: no deadlock then.
    const paths = [pathOf(near), pathOf(far)];
    expect(met.map((one, n) => (one === 'cycle' ? paths[n] : one))).toEqual(paths);
    expect(met.filter((one) => one === 'cycle').length).toBeLessThanOrEqual(1);
  });

  it('handles 50,000 tells in full', async () => {
    await join();
    const ref = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    for (let n = 0; n < 50_000; n += 1) if (!ref.add()) await ref.add.offer({ by: 0 });
    expect(await ref.total()).toBe(50_000);
  });

  it('takes refs on from main to worker to node and back, and each of them works where it lands', async () => {
    await join();
    const [remote, worker, here] = await Promise.all([
      system!.spawn(counter, { on: node({ role: 'workers' }) }),
      system!.spawn(counter, { on: thread() }),
      system!.spawn(counter),
    ]);
    expect(await worker.pathOf({ other: remote })).toBe(pathOf(remote));
    expect(await remote.pathOf({ other: worker })).toBe(pathOf(worker));
    expect(await remote.pathOf({ other: here })).toBe(pathOf(here));
    worker.keep({ other: here });
    const viaWorker = await worker.kept();
    remote.keep({ other: viaWorker });
    const viaNode = await remote.kept();
    viaNode.add({ by: 4 });
    expect(await here.total()).toBe(4);
    expect(pathOf(viaNode)).toBe(pathOf(here));
  });

  it('streams to this one, and an endless stream ends when its reader leaves', async () => {
    await join();
    const ref = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    const seen: number[] = [];
    for await (const total of ref.changes()) {
      seen.push(total);
      if (total === 5) break;
      ref.add();
      await ref.total();
    }
    expect(seen.at(-1)).toBe(5);
    expect(await ref.total()).toBe(5);
  });

  it('fails a caller with the reason, and not itself: the actor there restarts', async () => {
    await join();
    const ref = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    await expect(ref.throws()).rejects.toMatchObject({
      code: 'ActorFailed',
      message: expect.stringContaining('as planned'),
    });
    expect(await ref.total()).toBe(0);
  });

  it('fails a caller for whatever its actor throws, as a worker thread does, and both live on', async () => {
    await join();
    for (const on of [node({ role: 'workers' }), thread()]) {
      const ref = await system!.spawn(fragile, { on });
      for (const name of Object.keys(hostileThrowables)) {
        const outcome = await ref.hostile.outcome(name);
        expect(outcome, name).toMatchObject({ ok: false, error: { code: 'ActorFailed' } });
      }
    }
  });

  it('is named when no node has the role', async () => {
    await join();
    await expect(system!.spawn(counter, { on: node({ role: 'gpu' }) })).rejects.toMatchObject({
      code: 'SpawnFailed',
      reason: 'no-place',
    });
  });

  it('refuses a wrong secret, and goes on serving others', async () => {
    const joining = createSystem({
      registry,
      join: [other.address],
      auth: secret({ file: folder.other }),
      logLevel: 'silent',
    });
    await expect(joining).rejects.toMatchObject({ code: 'HandshakeFailed' });
    const without = createSystem({ registry, join: [other.address], logLevel: 'silent' });
    await expect(without).rejects.toMatchObject({ code: 'HandshakeFailed' });
    await join();
    expect(system!.nodes).toHaveLength(1);
  });

  it('settles every open ask with OutcomeUnknown when it is killed, and is joined again when it is back', async () => {
    const doomed = await startNode(folder.file);
    await join(doomed, { resumeMs: 0 });
    const ref = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    const asked = Array.from({ length: 20 }, () =>
      ref.slowly({ ms: 20_000 }, { timeoutMs: 25_000 }).catch((error) => `${error.code} ${error.reason}`),
    );
    await ref.add.offer();
    await endNode(doomed, 'SIGKILL');
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['OutcomeUnknown link-lost']));
    await expect(ref.total()).rejects.toMatchObject({ code: 'NotDelivered', reason: 'unreachable' });
    const back = await startNode(folder.file, doomed.address);
    await expect.poll(() => system!.nodes.length, { timeout: 10_000 }).toBe(1);
    const next = await system!.spawn(counter, { on: node({ role: 'workers' }) });
    expect(await next.total()).toBe(0);
    await expect(ref.total()).rejects.toMatchObject({ code: 'NotDelivered' });
    await endNode(back);
  });
});

describe('a node that only joins', () => {
  it('stays alive while the node that it joined is gone', async () => {
    const doomed = await startNode(folder.file);
    const args = ['node', '--registry', 'test/system/fixtures/actors.ts', '--secret-file', folder.file];
    const joiner = spawn(
      process.execPath,
      ['--import', 'tsx', 'dist/cli/main.js', ...args, '--join', doomed.address, '--log-level', 'silent'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await once(joiner.stdout, 'data');
    await endNode(doomed, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([joiner.exitCode, joiner.signalCode]).toEqual([null, null]);
    const gone = once(joiner, 'exit');
    joiner.kill('SIGTERM');
    expect(await gone).toEqual([0, null]);
  });
});

describe('what cannot start', () => {
  it.each([
    ['a port in use', () => createSystem({ listen: other.address, logLevel: 'silent' }), 'ListenFailed'],
    ['a node that is not there', () => createSystem({ join: ['ws://127.0.0.1:1'], logLevel: 'silent' }), 'DialFailed'],
    [
      'a registry that is not there',
      () => createSystem({ registry: new URL('./no-such.ts', import.meta.url) }),
      'RegistryLoadFailed',
    ],
    [
      'a secret file that is not there',
      () => createSystem({ listen: 'ws://127.0.0.1:0', auth: secret({ file: '/no/such/file' }) }),
      'SecretFailed',
    ],
    ['listening to the world without a secret', () => createSystem({ listen: 'ws://0.0.0.0:0' }), 'UsageError'],
    ['a window below 0', () => createSystem({ resumeMs: -1 }), 'UsageError'],
    ['a window of 11 minutes', () => createSystem({ resumeMs: 660_000 }), 'UsageError'],
    ['a window that is no number', () => createSystem({ resumeMs: '10s' as never }), 'UsageError'],
    ['an option that does not exist', () => createSystem({ thread: 2 } as never), 'UsageError'],
  ])('says so: %s', async (_what, start, code) => {
    const error = await (start() as Promise<ActorSystem>).then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code });
    expect(error.message.length).toBeGreaterThan(20);
  });
});
