import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, secret, thread } from 'troupe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { perSensor, type Reading, readings, relay, tally, wideRows } from './fixtures/flows.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/flows.ts', import.meta.url);
let folder: Awaited<ReturnType<typeof secretFolder>>;
let other: NodeProcess;
let out: string;
let system: ActorSystem | undefined;
let program: ChildProcessByStdio<null, Readable, null> | undefined;

beforeAll(async () => {
  folder = await secretFolder();
  other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', registry.pathname, '--resume-ms', '0']);
  out = join(await mkdtemp(join(tmpdir(), 'troupe-flows-')), 'out.jsonl');
});
afterAll(async () => {
  await endNode(other);
  await folder.remove();
  await rm(join(out, '..'), { recursive: true });
});
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
  program?.kill('SIGKILL');
});

async function start(): Promise<ActorSystem> {
  system = await createSystem({
    registry,
    threads: 2,
    join: [other.address],
    auth: secret({ file: folder.file }),
    logLevel: 'silent',
  });
  return system;
}

function startProgram(...args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const file = fileURLToPath(new URL('../streams/fixtures/flow-program.ts', import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

interface Line {
  readonly sensor: string;
  readonly from: number;
  readonly readings: number;
  readonly highest: number;
}

/** The same by brute force; nothing is late. */
function expected(count: number): Line[] {
  const windows = new Map<string, Line>();
  for (const { sensor, at, value } of readings(count, 0) as Iterable<Reading>) {
    if (value % 2 !== 0 && value % 10 !== 9) continue;
    const from = Math.floor(at / 10_000) * 10_000;
    const known = windows.get(`${sensor} ${from}`) ?? { sensor, from, readings: 0, highest: -1 };
    windows.set(`${sensor} ${from}`, {
      ...known,
      readings: known.readings + 1,
      highest: Math.max(known.highest, value),
    });
  }
  return sorted([...windows.values()]);
}
const sorted = (lines: Line[]): Line[] => lines.sort((a, b) => a.from - b.from || a.sensor.localeCompare(b.sensor));
const written = async (): Promise<Line[]> => {
  const text = await readFile(out, 'utf8');
  return sorted(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
};

describe('a flow', () => {
  it.each(['here', 'threads', 'everywhere'] as const)(
    'gives the same 20,000 readings by sensor and 10 s: %s',
    async (on) => {
      await start();
      const run = await system!.run(perSensor, { args: { count: 20_000, out, on } });
      await run.done;
      expect(await written()).toEqual(expected(20_000));
      const { ledger, instances } = run.statistics();
      expect(ledger).toMatchObject({ read: 20_000, windowed: 12_000, late: 0, windows: expected(20_000).length });
      if (on === 'everywhere') expect(new Set(instances.map(({ path }) => path.split('/')[3])).size).toBe(3);
    },
  );

  it('gives late readings to their output, and accounts for every one', async () => {
    await start();
    const run = await system!.run(perSensor, { args: { count: 20_000, lateMs: 200_000, out, on: 'everywhere' } });
    const late: Reading[] = [];
    for await (const reading of run.output('late')) late.push(reading);
    await run.done;
    const { ledger } = run.statistics();
    expect(late.length).toBe(ledger.late);
    expect(ledger.late).toBeGreaterThan(1_500);
    expect(ledger.windowed + ledger.late).toBe(12_000);
    expect(late.every(({ value }) => value % 10 === 9)).toBe(true);
    expect((await written()).reduce((sum, line) => sum + line.readings, 0)).toBe(ledger.windowed);
  });

  it('ends although nobody reads its late output', async () => {
    await start();
    const run = await system!.run(perSensor, { args: { count: 100_000, lateMs: 200_000, out, on: 'threads' } });
    await run.done;
    expect(run.statistics().ledger.late).toBeGreaterThan(9_000);
  });

  it('reads no further than its credit while its sink is slow', async () => {
    await start();
    await using run = await system!.run(perSensor, {
      args: { count: 10_000_000, out, on: 'everywhere', sinkDelayMs: 20 },
    });
    run.done.catch(() => undefined);
    const seen: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      seen.push(run.statistics().ledger.read);
    }
    expect(seen.at(-1)).toBeGreaterThan(0);
    expect(seen.at(-1)).toBeLessThan(3_000_000);
    expect(run.statistics().instances.some(({ creditWaits }) => creditWaits > 0)).toBe(true);
    const startedMs = performance.now();
    await run.cancel();
    // It waits for the line that is being written, and not for the 1,024 of its batch, which take 20 s.
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    await expect(run.done).rejects.toMatchObject({ code: 'FlowCancelled' });
  });

  it('fails with the stage and the cause when an operator throws, and stops everywhere', async () => {
    await start();
    const run = await system!.run(perSensor, { args: { count: 50_000, out, on: 'everywhere', failAt: 30_000 } });
    await expect(run.done).rejects.toMatchObject({
      code: 'StageFailed',
      stage: 'wanted',
      message: expect.stringContaining('as planned'),
    });
    const again = await system!.run(perSensor, { args: { count: 1_000, out, on: 'everywhere' } });
    await again.done;
    expect(await written()).toEqual(expected(1_000));
  });

  it('fails as StageLost when a worker dies under it', async () => {
    await start();
    const run = await system!.run(perSensor, { args: { count: 1_000_000, out, on: 'threads', exitAt: 500_000 } });
    await expect(run.done).rejects.toMatchObject({ code: 'StageLost' });
  });

  it('does not start where its output cannot be written, and leaves nothing behind', async () => {
    await start();
    const running = system!.run(perSensor, { args: { count: 10, out: '/no/such/folder/out.jsonl', on: 'threads' } });
    await expect(running).rejects.toMatchObject({ code: 'SinkFailed', reason: 'folder-missing' });
    await expect(system!.run(perSensor, { args: { count: 'x' } as never })).rejects.toMatchObject({
      code: 'UsageError',
    });
  });

  it('runs from an actor on a thread into another actor, each 5,000 elements', async () => {
    await start();
    const source = await system!.spawn(tally, { on: thread() });
    const target = await system!.spawn(tally, { on: thread() });
    const run = await system!.run(relay, { args: { source, target, to: 5_000 } });
    await run.done;
    expect(await target.sum()).toBe((5_000 * 5_001) / 2);
  });

  it.each([
    ['120 columns', { count: 10_000, columns: 120 }],
    ['20 KB of text', { count: 3_000, characters: 20_000 }],
    ['1 MB of text in every hundredth', { count: 3_000, characters: 1_000_000, every: 100 }],
  ])('carries rows of %s over threads and a node', async (_, size) => {
    await start();
    const run = await system!.run(wideRows, { args: { ...size, out, on: 'everywhere' } });
    await run.done;
    const lines = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).value as { rows: number; longest: number });
    expect(lines.reduce((sum, { rows }) => sum + rows, 0)).toBe(size.count);
    expect(Math.max(...lines.map(({ longest }) => longest))).toBe('characters' in size ? size.characters : 0);
  });

  it.each([
    ['1.5 MB of text', { count: 50, characters: 1_500_000 }, /was lost on its way.*a string above 1 MiB/s],
    ['100,000 columns', { count: 50, columns: 100_000 }, /cannot be sent to troupe:.* smaller or plainer with a via/s],
  ])('says which limit elements are beyond that have %s', async (_, size, message) => {
    await start();
    const run = await system!.run(wideRows, { args: { ...size, out, on: 'everywhere' } });
    await expect(run.done).rejects.toMatchObject({ code: 'EdgeBroken', message: expect.stringMatching(message) });
  });

  it('leaves a program that awaited its end and shut down to exit by itself, within 2 s', async () => {
    program = startProgram('ends', out);
    const [text] = await once(program.stdout, 'data');
    const startedMs = performance.now();
    expect(String(text)).toBe('shut down\n');
    expect(await once(program, 'exit')).toEqual([0, null]);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('stops its stages on another node when the process that runs it is killed', async () => {
    const closed = `${out}.closed`;
    program = startProgram('streams', out, other.address, folder.file, closed);
    expect(String((await once(program.stdout, 'data'))[0])).toBe('streaming\n');
    program.kill('SIGKILL');
    let text = '';
    for (let tries = 0; tries < 100 && text === ''; tries += 1) {
      await sleep(50);
      text = await readFile(closed, 'utf8').catch(() => '');
    }
    // One of three partitions was there.
    expect(text).toBe('closed\n');
  });

  it('can be run twice at the same time', async () => {
    await start();
    const other = `${out}.2`;
    const [a, b] = await Promise.all([
      system!.run(perSensor, { args: { count: 5_000, out, on: 'threads' } }),
      system!.run(perSensor, { args: { count: 5_000, out: other, on: 'everywhere' } }),
    ]);
    await Promise.all([a.done, b.done]);
    expect(await written()).toEqual(expected(5_000));
    expect(await readFile(other, 'utf8')).toHaveLength((await readFile(out, 'utf8')).length);
  });
});
