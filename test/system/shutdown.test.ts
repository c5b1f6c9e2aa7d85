import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, here, node, pathOf, secret, stop, thread } from 'troupe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { counter, fragile, meter } from './fixtures/actors.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

let system: ActorSystem | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
});

const registry = new URL('./fixtures/actors.ts', import.meta.url);
async function start(threads = 1): Promise<ActorSystem> {
  system = await createSystem({ registry, threads, logLevel: 'silent' });
  return system;
}

describe('a shutdown', () => {
  it('handles the 5,000 tells that are queued here and on a thread, and leaves nothing', async () => {
    await start();
    const here = await system!.spawn(counter);
    const there = await system!.spawn(counter, { on: thread() });
    const totals: Promise<number>[] = [];
    for (const ref of [here, there]) {
      for (let n = 0; n < 5_000; n += 1) ref.add();
      totals.push(ref.total());
    }
    const report = await system!.shutdown();
    expect(await Promise.all(totals)).toEqual([5_000, 5_000]);
    expect(report).toMatchObject({
      clean: true,
      reason: 'called',
      killed: [],
      deadLetters: {},
      resources: [],
      threads: [],
      nodes: [],
      hooks: [],
    });
    expect(report.phases.map(({ phase }) => phase)).toEqual([
      'stop-accepting',
      'drain',
      'stop-actors',
      'close-resources',
      'leave',
    ]);
    expect(await system!.shutdown()).toBe(report);
  });

  it('calls hooks while the actors still answer, and refuses to spawn', async () => {
    await start(0);
    const ref = await system!.spawn(counter);
    ref.add({ by: 4 });
    const seen: unknown[] = [];
    system!.onShutdown('drain', async () => {
      seen.push(await ref.total());
      seen.push(await system!.spawn(counter).catch(({ reason }) => reason));
    });
    system!.onShutdown('close-resources', async () => {
      seen.push(await ref.total.outcome().then((outcome) => (outcome.ok ? 'answered' : outcome.error.code)));
    });
    await system!.shutdown();
    expect(seen).toEqual([4, 'shutdown', 'NotDelivered']);
  });

  it('kills what does not end within 200 ms, here and on a thread, and says what it was doing', async () => {
    await start();
    const here = await system!.spawn(counter, { name: 'mine' });
    const there = await system!.spawn(counter, { on: thread() });
    const codes = [here, there].map((ref) => ref.slowly({ ms: 60_000 }).catch(({ code }) => code));
    here.add();
    await there.total.outcome({ timeoutMs: 20 });
    const report = await system!.shutdown({ deadlineMs: 200 });
    expect(report.clean).toBe(false);
    expect(report.killed).toMatchObject([
      { path: pathOf(here), actor: 'counter', status: 'suspended', doing: 'counter.slowly', queued: 1 },
      { path: pathOf(there), doing: 'counter.slowly' },
    ]);
    // The tell here, and the ask there that nobody waits for any more.
    expect(report.deadLetters).toEqual({ stopped: 2 });
    expect(report.durationMs).toBeLessThan(1_500);
    expect(await Promise.all(codes)).toEqual(['ActorFailed', 'ActorFailed']);
  });

  it('names a thread that never yields, and ends it', async () => {
    await start();
    const ref = await system!.spawn(counter, { on: thread() });
    const asked = ref.spin({ ms: 3_000 }).catch(({ code }) => code);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const report = await system!.shutdown({ deadlineMs: 100 });
    expect(report.threads).toEqual([pathOf(ref).split('/').slice(2, 4).join('/')]);
    expect(report.clean).toBe(false);
    expect(await asked).toBe('OutcomeUnknown');
  });

  it('names a resource that does not close', async () => {
    const { registry: list } = await import('troupe');
    const stuck = { ...meter, close: () => new Promise<void>(() => undefined) };
    system = await createSystem({ registry: list(counter, stuck), threads: 0, logLevel: 'silent' });
    await system.spawn(counter);
    const report = await system.shutdown({ deadlineMs: 200 });
    expect(report.resources).toEqual([{ place: `${system.nodeId}/main`, name: 'meter' }]);
    expect(report.clean).toBe(false);
  });

  it.each(['here', 'thread'] as const)('begins when an actor escalates and the guardian says so: %s', async (where) => {
    system = await createSystem({ registry, threads: 1, logLevel: 'silent', guardian: { escalated: 'shutdown' } });
    const code = process.exitCode;
    const ref = await system.spawn(fragile, where === 'thread' ? { on: thread() } : {});
    const left = new Promise((resolve) => void system!.onShutdown('leave', ({ reason }) => resolve(reason)));
    await ref.throws('broken').catch(() => undefined);
    expect(await left).toBe('escalated');
    expect(await system.shutdown()).toMatchObject({ reason: 'escalated' });
    expect(process.exitCode).toBe(1);
    process.exitCode = code;
  });

  it('can be looked at before: the tree of every thread, blocked ones included', async () => {
    await start();
    const here = await system!.spawn(counter, { name: 'mine' });
    const there = await system!.spawn(counter, { on: thread() });
    void there.slowly({ ms: 1_000 }).catch(() => undefined);
    const isAtIt = async (): Promise<boolean> => (await system!.tree())[1]?.actors[0]?.status === 'suspended';
    await expect.poll(isAtIt).toBe(true);
    const place = `${system!.nodeId}/t1`;
    expect(await system!.tree()).toMatchObject([
      { place: `${system!.nodeId}/main`, actors: [{ path: pathOf(here), status: 'idle', queued: 0 }] },
      { place, answered: true, actors: [{ path: pathOf(there), status: 'suspended', doing: 'counter.slowly' }] },
    ]);
    void there.spin({ ms: 2_500 }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect((await system!.tree())[1]).toEqual({ place, answered: false, actors: [], omitted: 0 });
  });

  it('refuses options that make no sense, and can still be asked for', async () => {
    await start(0);
    await expect(system!.shutdown({ phases: { dran: 5 } } as never)).rejects.toMatchObject({ code: 'UsageError' });
    expect(await system!.shutdown()).toMatchObject({ clean: true });
  });
});

describe('with another node', () => {
  let folder: Awaited<ReturnType<typeof secretFolder>>;
  let other: NodeProcess;
  beforeAll(async () => {
    folder = await secretFolder();
    other = await startNode(folder.file);
  });
  afterAll(async () => {
    await endNode(other);
    await folder.remove();
  });
  const join = (): Promise<ActorSystem> =>
    createSystem({
      registry,
      threads: 0,
      join: [other.address],
      auth: secret({ file: folder.file }),
      logLevel: 'silent',
    });

  it('a shutdown waits until the node has received the last 2,000 tells', async () => {
    system = await join();
    const ref = await system.spawn(counter, { on: node({ role: 'workers' }), name: 'kept' });
    for (let n = 0; n < 2_000; n += 1) ref.add();
    expect(await system.shutdown()).toMatchObject({ clean: true, nodes: [] });
  });

  it('does not count as lost what the node has received and will handle: 10 tells behind a slow ask', async () => {
    system = await join();
    const ref = await system.spawn(counter, { on: node({ role: 'workers' }) });
    void ref.slowly.outcome({ ms: 300 });
    for (let n = 0; n < 10; n += 1) ref.add();
    expect(await system.shutdown()).toMatchObject({ clean: true, lostWithPlace: 0, nodes: [] });
  });

  it.each([
    ['on this thread', here()],
    ['on a worker thread', thread()],
  ])(
    'a shutdown says what was handled %s: of 100 tells from the other node none counts as lost',
    async (_where, on) => {
      const options = { registry, threads: 1, logLevel: 'silent' } as const;
      await using host = await createSystem({ ...options, listen: 'ws://127.0.0.1:0', roles: ['host'] });
      system = await createSystem({ ...options, join: [host.address!] });
      const handles = await system.spawn(counter, { on });
      const keeper = await system.spawn(counter, { on: node({ role: 'host' }), name: 'keeper' });
      keeper.keep({ other: handles });
      await keeper.total();
      const told = await (await host.find(counter.protocol, 'keeper'))!.kept();
      for (let n = 0; n < 100; n += 1) told.add();
      while ((await handles.total()) < 100) await new Promise((resolve) => setTimeout(resolve, 1));
      await system.shutdown();
      while (host.nodes.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(host.statistics()).toMatchObject({ deadLetters: 0, lostWithPlace: 0 });
    },
  );

  it('an actor over there can be drained: 3,000 queued tells are handled, what follows is refused', async () => {
    system = await join();
    const ref = await system.spawn(counter, { on: node({ role: 'workers' }) });
    for (let n = 0; n < 3_000; n += 1) ref.add();
    const total = ref.total();
    const slow = ref.slowly({ ms: 100 });
    const ended = stop(ref, { drain: true });
    const refused = ref.total().catch(({ code, message }) => `${code} ${message}`);
    expect(await total).toBe(3_000);
    expect(await refused).toContain('NotDelivered counter.total');
    expect(await slow).toBe(100);
    await ended;
  });
});

describe('a program that shuts down on signals', () => {
  const file = fileURLToPath(new URL('./fixtures/held.ts', import.meta.url));
  const loadedFile = fileURLToPath(new URL('./fixtures/loaded.ts', import.meta.url));
  interface Ended {
    code: number | null;
    signal: NodeJS.Signals | null;
    out: string[];
    err: string;
    ms: number;
  }
  async function run(what: string, ...signals: NodeJS.Signals[]): Promise<Ended> {
    const program = what === 'loaded' || what === 'blocked' ? loadedFile : file;
    const child = spawn(process.execPath, ['--import', 'tsx', program, what], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    let toldMs = 0;
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.stdout.on('data', (text) => {
      out += text;
      if (!out.includes('ready') || toldMs > 0) return;
      toldMs = Date.now();
      signals.forEach((signal, at) => void setTimeout(() => child.kill(signal), 20 + at * 200));
    });
    const [code, signal] = await once(child, 'exit');
    return { code, signal, out: out.trim().split('\n'), err, ms: Date.now() - toldMs };
  }

  it.each([
    // What is sent to those that have stopped is left.
    ['loaded', /^[01]$/],
    // A thread that never yields is.
    ['blocked', /^1$/],
  ])(
    'leaves no thread behind under load, and every call settled, within 2,000 ms: %s',
    async (load, status) => {
      const { code, out, ms } = await run(load, 'SIGTERM');
      expect(out[0]).toBe('ready');
      const { some, codes, threads } = JSON.parse(out[1]!) as { some: boolean; codes: string[]; threads: number };
      expect({ some, threads }).toEqual({ some: true, threads: 0 });
      for (const one of codes) expect(['NotDelivered', 'OutcomeUnknown', 'ActorFailed']).toContain(one);
      expect(String(code)).toMatch(status);
      expect(ms).toBeLessThan(4_000);
    },
    60_000,
  );

  it.each(['SIGTERM', 'SIGINT'] as const)('drains, stops and ends by itself with exit code 0 on %s', async (signal) => {
    const { code, out, err } = await run('drains', signal);
    expect(out).toEqual(['ready', 'handled', 'total 1000', 'hook called']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('ends with exit code 1 when an actor had to be killed at the deadline of 300 ms, and says which', async () => {
    const { code, out, err, ms } = await run('stuck', 'SIGTERM');
    expect(code).toBe(1);
    expect([out[0], ...out.slice(1, 3).sort(), ...out.slice(3)]).toEqual([
      'ready',
      'ActorFailed',
      'NotDelivered',
      'hook called',
    ]);
    expect(err).toMatch(/killed troupe:\/\/\S+\/counted#1, busy with counter\.slowly/);
    expect(ms).toBeLessThan(1_500);
  });

  it('ends at once at a second signal, by the code of that signal', async () => {
    const { code, ms } = await run('slow-hook', 'SIGTERM', 'SIGINT');
    expect(code).toBe(130);
    expect(ms).toBeLessThan(1_000);
  });

  it('is not cut off where the program itself holds it, but told what does', async () => {
    const { code, err, ms } = await run('left-open', 'SIGTERM');
    expect(code).toBe(0);
    expect(ms).toBeGreaterThan(1_500);
    expect(err).toMatch(/the process is held by .*Timeout/);
  });

  it.each([
    ['ticking', /^.*nothing keeps this process alive but timers of 1 actors \(troupe:\/\/\S+\/ticks#2\)/],
    ['serving', /^$/],
  ])("that lives by its actors' timers alone is told which, once, after 5 s: %s", async (what, text) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file, what], { stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.on('data', (line) => {
      err += line;
    });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(err.trim()).toMatch(text);
  });

  it('that forgot to shut down ends all the same, and names what it held', async () => {
    const { code, err } = await run('forgotten');
    expect(code).toBe(0);
    expect(err).toMatch(/was not shut down and still holds 1 actors \(troupe:\/\/\S+\/counted#1\)/);
  });
});
