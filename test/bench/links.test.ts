import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { bench, emptyPath, type Line, load, root } from './run-bench.ts';

interface Message {
  readonly n: number;
}
interface Tally {
  take(message: Message): void;
  read(): object;
}
interface Link {
  readonly ordered: boolean;
  tellAll(count: number): Promise<void>;
  tally(): Promise<object>;
  add(message: Message): Promise<number>;
}
type Pass = (count: number) => Promise<void>;
interface Contestant {
  readonly name: string;
  readonly env?: Record<string, string>;
  unavailable(): string | undefined;
  command(program: string, mode: string, count: number): Promise<[string, ...string[]]>;
}
interface Start {
  startReceiver(module: string): Promise<object>;
  startServer(command: string, args: readonly string[], ready: RegExp): Promise<object>;
  cpuNsOf(pids: readonly number[]): number;
}

const { linkContestants } = await load<{ linkContestants: Contestant[] }>('link-contestants.mjs');
const { linkPrograms } = await load<{ linkPrograms: { name: string }[] }>('link-programs.mjs');
const { linkGoalsOf } = await load<{ linkGoalsOf(results: object[], contestants: object[]): object[] }>(
  'contest-goals.mjs',
);
const { passes } = await load<{ passes: Record<'one-way' | 'requests', (link: Link) => Pass> }>('links/passes.mjs');
const { Tally } = await load<{ Tally: new () => Tally }>('links/tally.mjs');
const { startReceiver } = await load<Start>('links/receiver.mjs');
const { startServer } = await load<Start>('links/server.mjs');
const { cpuNsOf } = await load<Start>('links/cpu-of.mjs');
const names = linkPrograms.map(({ name }) => name);
const programsOf = (lines: readonly Line[], name: string): unknown[] =>
  lines.filter(({ contestant, perSecond }) => contestant === name && (perSecond ?? 0) > 0).map((line) => line.program);
const nodeAlone = emptyPath();
afterAll(() => nodeAlone.remove());

test('every link that is installed handles each message and request; the others are named with a reason', {
  timeout: 240_000,
}, () => {
  const { status, lines } = bench(['--links']);
  expect(lines.filter(({ error }) => error !== undefined)).toEqual([]);
  for (const { name } of linkContestants) {
    const notRun = lines.find((line) => line.contestant === name && line.notRun !== undefined);
    if (notRun !== undefined) expect(notRun.notRun).toContain('--install-peers');
    else expect(programsOf(lines, name)).toEqual(names);
  }
  expect(programsOf(lines, 'troupe')).toEqual(names);
  expect(status).toBe(0);
});

test('where no server is installed, who needs one is named as not run, and the rest goes on', {
  timeout: 120_000,
}, () => {
  const { status, lines } = bench(['--links', '--only', 'one-way', '--against', 'd'], { PATH: nodeAlone.path });
  const notRun = lines.filter((line) => line.notRun !== undefined).map(({ contestant }) => contestant);
  expect(notRun).toEqual(expect.arrayContaining(['erlang distribution', 'redis pub/sub']));
  expect(programsOf(lines, 'troupe')).toEqual(['one-way']);
  expect(status).toBe(0);
});

/** A link within this process that hands on `delivered` of what is told, and counts `times` for a request. */
function link(delivered: (numbers: number[]) => number[], ordered = true, times = 1): Link {
  const tally = new Tally();
  let total = 0;
  return {
    ordered,
    async tellAll(count) {
      for (const n of delivered(Array.from({ length: count }, (_, index) => index + 1))) tally.take({ n });
    },
    tally: async () => tally.read(),
    add: async ({ n }) => {
      total += n * times;
      return total;
    },
  };
}

const all = (numbers: number[]): number[] => numbers;
const swapped = ([first = 0, second = 0, ...rest]: number[]): number[] => [second, first, ...rest];

test('a pass whose messages all arrived in order is good, and so is the next one', async () => {
  const pass = passes['one-way'](link(all));
  await pass(10);
  await pass(10);
});

test('a pass that lost, doubled, replaced or reordered a message measured nothing', async () => {
  const lost = passes['one-way'](link((numbers) => numbers.slice(1)));
  await expect(lost(10)).rejects.toThrow('messages: 9 where 10 was expected');
  const doubled = passes['one-way'](link((numbers) => [...numbers, 10]));
  await expect(doubled(10)).rejects.toThrow('messages: 11 where 10 was expected');
  const replaced = passes['one-way'](link((numbers) => [...numbers.slice(1), 10]));
  await expect(replaced(10)).rejects.toThrow('their numbers, added up: 64 where 55 was expected');
  await expect(passes['one-way'](link(swapped))(10)).rejects.toThrow('messages out of order: 3 where 0 was expected');
  await passes['one-way'](link(swapped, false))(10);
});

test('a pass whose requests were handled twice measured nothing', async () => {
  await passes.requests(link(all))(128);
  await expect(passes.requests(link(all, true, 2))(128)).rejects.toThrow('256 where 128 was expected');
});

test('our one-way rate is judged against the peers that have a goal and have run', () => {
  const results = [
    { program: 'one-way', contestant: 'we', rates: [6e6, 5e6, 6e6] },
    { program: 'one-way', contestant: 'slow', rates: [1e6, 1e6, 1e6] },
    { program: 'one-way', contestant: 'fast', rates: [3e6, 2.5e6, 3e6] },
    { program: 'one-way', contestant: 'other', rates: [1e6, 1e6, 1e6] },
  ];
  const contestants = [
    { name: 'we', ours: true },
    { name: 'slow', oneWayGoal: 6 },
    { name: 'fast', oneWayGoal: 3 },
    { name: 'other' },
    { name: 'absent', oneWayGoal: 2 },
  ];
  expect(linkGoalsOf(results, contestants)).toEqual([
    { goal: 'one-way: we / slow', ratio: 6, atLeast: 6, ok: true },
    { goal: 'one-way: we / fast', ratio: 2, atLeast: 3, ok: false },
  ]);
});

/** The processes that were started with `mark` in their environment, as Linux tells; those that have ended have none. */
function processesWith(mark: string): string[] {
  const marked = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && marked(name));
}

const onLinux = process.platform === 'linux';

for (const { name, env, unavailable, command } of linkContestants) {
  test.skipIf(!onLinux || unavailable() !== undefined)(
    `a sender of ${name} that is killed leaves no receiver and no server behind`,
    { timeout: 60_000 },
    async () => {
      const mark = randomUUID();
      const [file, ...args] = await command('one-way', 'quick', 500);
      const sender = spawn(file, args, {
        cwd: root,
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, ...env, TROUPE_TEST_MARK: mark },
      });
      sender.stdin.write('round\n');
      const [answer] = (await once(sender.stdout, 'data')) as [Buffer];
      expect(JSON.parse(String(answer))).toMatchObject({ operations: 500 });
      expect(processesWith(mark).length).toBeGreaterThan(1);
      sender.kill('SIGKILL');
      await expect.poll(() => processesWith(mark), { timeout: 20_000 }).toEqual([]);
    },
  );
}

test('a receiver or a server that does not start is an error that tells what it said', async () => {
  const failing = 'data:text/javascript,export function receive() { throw new Error("no room") }';
  await expect(startReceiver(failing)).rejects.toThrow('the receiving process: Error: no room');
  const talking = ['-e', 'console.log("no port left"); process.exit(3)'];
  await expect(startServer(process.execPath, talking, /ready/)).rejects.toThrow('no port left');
  await expect(startServer('/no/such/server', [], /ready/)).rejects.toThrow('ENOENT');
});

test.skipIf(!onLinux)('the CPU time of processes is that of all of them, or not known', () => {
  const { user, system } = process.cpuUsage();
  // In ticks of 10 ms, and this process goes on.
  expect(cpuNsOf([process.pid])).toBeGreaterThan((user + system) * 1_000 - 3e7);
  expect(cpuNsOf([process.pid, process.pid])).toBeGreaterThanOrEqual(2 * cpuNsOf([process.pid]) - 3e7);
  expect(cpuNsOf([process.pid, 2 ** 30])).toBeNaN();
});
