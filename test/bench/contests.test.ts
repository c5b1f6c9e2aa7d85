import { afterAll, expect, test } from 'vitest';
import { bench, emptyPath, load } from './run-bench.ts';

interface Rate {
  readonly program: string;
  readonly contestant: string;
  readonly perSecond: number | null;
  readonly rates?: readonly number[];
  readonly cpuNs?: number;
}
interface Contest {
  contest(
    program: object,
    contestants: object[],
    options: object,
  ): Promise<(Omit<Rate, 'program'> & { error?: string })[]>;
}
interface Report {
  report(results: readonly Rate[], ours: readonly string[], six: readonly string[]): string;
  geometricMean(values: readonly (number | undefined)[]): number | undefined;
}
interface Goals {
  goalsOf(results: readonly Rate[], contestants: readonly object[], six: readonly string[]): object[];
}

const { contest } = await load<Contest>('contest.mjs');
const { goalsOf } = await load<Goals>('contest-goals.mjs');
const { geometricMean, report } = await load<Report>('contest-report.mjs');
const { contestants } = await load<{ contestants: { name: string }[] }>('contestants.mjs');
const { programs } = await load<{ programs: { name: string }[] }>('programs.mjs');
const names = programs.map(({ name }) => name);
const pathWithoutErlang = emptyPath();
afterAll(() => pathWithoutErlang.remove());

test('each of the twelve programs runs in both isolations and finds its totals right', { timeout: 120_000 }, () => {
  const { status, lines } = bench(['--local']);
  expect(lines.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(lines.map(({ program, contestant }) => `${program} ${contestant}`).sort()).toEqual(
    names.flatMap((name) => [`${name} troupe`, `${name} troupe trusted`]).sort(),
  );
  expect(status).toBe(0);
});

test('every peer that is installed runs every program; the others are named with a reason', {
  timeout: 240_000,
}, () => {
  const { status, lines } = bench(['--peers']);
  expect(lines.filter(({ error }) => error !== undefined)).toEqual([]);
  for (const { name } of contestants) {
    const ofPeer = lines.filter(({ contestant }) => contestant === name);
    const notRun = ofPeer.find((line) => line.notRun !== undefined);
    if (notRun !== undefined) expect(notRun.notRun).toContain('--install-peers');
    else expect(ofPeer.map(({ program }) => program)).toEqual(names);
  }
  expect(status).toBe(0);
});

test('where Erlang is not installed it is named as not run, and the rest goes on', { timeout: 60_000 }, () => {
  const { status, lines } = bench(['--peers', '--only', 'ping-pong', '--against', 'erlang'], {
    PATH: pathWithoutErlang.path,
  });
  const notRun = lines.filter((line) => line.notRun !== undefined);
  expect(notRun.map(({ contestant }) => contestant)).toEqual(['erlang 1 scheduler', 'erlang']);
  for (const line of notRun) expect(line.notRun).toContain('not installed');
  expect(lines.filter(({ perSecond }) => (perSecond ?? 0) > 0).map(({ contestant }) => contestant)).toEqual([
    'troupe',
    'troupe trusted',
  ]);
  expect(status).toBe(0);
});

test('an unknown program is refused', () => {
  expect(bench(['--local', '--only', 'no such program']).status).toBe(1);
});

test('a contestant that says its total is wrong has no rate, and the others go on', async () => {
  const answering = (name: string, answer: string): object => ({
    name,
    command: () => [process.execPath, '-e', `process.stdin.on('data', () => console.log('${answer}'))`],
  });
  const results = await contest(
    { name: 'ping-pong', quick: 1, count: 1 },
    [
      answering('wrong', '{"error":"total: 1 where 2 was expected"}'),
      answering('mad', 'no JSON'),
      { name: 'dead', command: () => [process.execPath, '-e', 'console.error("sorry"); process.exit(3)'] },
      { name: 'missing', command: () => ['/no/such/program'] },
      {
        name: 'well',
        command: () => [
          process.execPath,
          '-e',
          `process.stdin.on('data', () => console.log('{"operations":10,"ns":1000,"cpuNs":900}'));
           process.stdin.on('end', () => console.log('{"closed":true}'))`,
        ],
      },
      {
        name: 'well, CPU unknown',
        command: () => [
          process.execPath,
          '-e',
          `process.stdin.on('data', () => console.log('{"operations":10,"ns":1000,"cpuNs":null}'));
           process.stdin.on('end', () => console.log('{"closed":true}'))`,
        ],
      },
    ],
    { rounds: 1, quick: false },
  );
  expect(results.map(({ contestant, perSecond }) => [contestant, perSecond])).toEqual([
    ['wrong', null],
    ['mad', null],
    ['dead', null],
    ['missing', null],
    ['well', 10_000_000],
    ['well, CPU unknown', 10_000_000],
  ]);
  expect(results[4]).toMatchObject({ rates: [10_000_000], cpuNs: 90 });
  expect(results[5]).not.toHaveProperty('cpuNs');
  const errors = results.map(({ error }) => error ?? '');
  expect(errors[0]).toBe('total: 1 where 2 was expected');
  expect(errors[1]).toContain('no JSON');
  expect(errors[2]).toContain('sorry');
  expect(errors[3]).toContain('ENOENT');
});

test('the geometric mean of 1, 2 and 4 is 2, and there is none where a value is missing', () => {
  expect(geometricMean([1, 2, 4])).toBeCloseTo(2);
  expect(geometricMean([1, undefined])).toBeUndefined();
});

const twoPrograms = ['a', 'b'];
const rates = [
  { program: 'a', contestant: 'we', cpuNs: 100, perSecond: 8e6, rates: [9e6, 8e6, 1e6] },
  { program: 'b', contestant: 'we', cpuNs: 100, perSecond: 2e6, rates: [2e6] },
  { program: 'a', contestant: 'erlang', cpuNs: 300, perSecond: 1e6, rates: [2.25e6, 1e6, 0.25e6] },
  { program: 'b', contestant: 'erlang', cpuNs: 300, perSecond: 2e6, rates: [2e6] },
  { program: 'a', contestant: 'nact', perSecond: 1e6, rates: [9e6, 1e6, 0.125e6] },
  { program: 'b', contestant: 'nact', perSecond: 4e6, rates: [4e6] },
  { program: 'b', contestant: 'xstate', perSecond: null },
];

test('the table gives the median over the rounds of our rate over the one of each peer, and the mean', () => {
  const table = report(rates, ['we'], twoPrograms).split('\n\n')[2]?.split('\n');
  expect(table?.map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ['we / peer', 'erlang', 'nact', 'xstate'],
    ['a', '4.00×', '8.00×', '–'],
    ['b', '1.00×', '0.500×', '–'],
    ['mean of the six', '2.00×', '2.00×', '–'],
    ['the same by CPU', '3.00×', '–', '–'],
  ]);
});

test('without a mean the table tells CPU time for each program', () => {
  const table = report(rates, ['we'], []).split('\n\n')[2]?.split('\n');
  expect(table?.map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ['we / peer', 'erlang', 'nact', 'xstate'],
    ['a', '4.00×', '8.00×', '–'],
    ['b', '1.00×', '0.500×', '–'],
    ['a, by CPU', '3.00×', '–', '–'],
    ['b, by CPU', '3.00×', '–', '–'],
  ]);
});

test('a mean below its multiple of Erlang and one program below a peer on Node are missed goals', () => {
  const taking = [
    { name: 'we', ours: true, meanGoal: 3 },
    { name: 'erlang', ours: false, runtime: 'erlang' },
    { name: 'nact', ours: false, runtime: 'node' },
    { name: 'xstate', ours: false, runtime: 'node' },
  ];
  expect(goalsOf(rates, taking, twoPrograms)).toEqual([
    { goal: 'mean of the six: we / erlang', ratio: 2, atLeast: 3, ok: false },
    { goal: 'a: we / nact', ratio: 8, atLeast: 1, ok: true },
    { goal: 'b: we / nact', ratio: 0.5, atLeast: 1, ok: false },
  ]);
});
