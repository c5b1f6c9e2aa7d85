import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, processTree } from '../../scripts/process-tree.mjs';
import { compareWithOracle, FlightsProcess, flights } from './flights-process.ts';

const parquet = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')));
let folder: string;
let out: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-flights-test-'));
  out = join(folder, 'out.jsonl');
});
afterAll(() => rm(folder, { recursive: true }));

interface Ledger {
  readonly rows: number;
  readonly windowed: number;
  readonly late: number;
  readonly windows: number;
}

/** The last line of a run. */
function ledgerOf(stdout: string): Ledger {
  const found = /^([\d,]+) rows read = ([\d,]+) windowed \+ ([\d,]+) late; ([\d,]+) windows in /m.exec(stdout);
  if (found === null) throw new Error(`there is no ledger in: ${stdout}`);
  const [rows, windowed, late, windows] = found.slice(1).map((text) => Number(text.replaceAll(',', ''))) as [
    number,
    number,
    number,
    number,
  ];
  return { rows, windowed, late, windows };
}

async function flightsWritten(): Promise<number> {
  const lines = (await readFile(out, 'utf8')).trimEnd().split('\n');
  return lines.reduce((sum, line) => sum + (JSON.parse(line) as { flights: number }).flights, 0);
}

describe('the main job', () => {
  it('equals DuckDB in 28,794 windows of 200,000 flights, over two threads and a second node', async () => {
    const { code, stdout, stderr } = await flights('--rows', '200000', '--out', out);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(ledgerOf(stdout)).toEqual({ rows: 200_000, windowed: 200_000, late: 0, windows: 28_794 });
    expect(await compareWithOracle(out, 200_000)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nequal\n$/),
    });
    const [line] = (await readFile(out, 'utf8')).split('\n', 1);
    expect(Object.keys(JSON.parse(line!))).toEqual(['origin', 'hour', 'flights', 'meanDelay', 'maxDelay', 'late']);
  });

  it('equals DuckDB in 59,739 windows of seven days by route, with their cities, out of order by 30 minutes', async () => {
    const { code, stdout, stderr } = await flights(
      ...['--delays-by-route', '--shuffle', '30', '--rows', '200000', '--out', out],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(ledgerOf(stdout)).toEqual({ rows: 200_000, windowed: 200_000, late: 0, windows: 59_739 });
    expect(await compareWithOracle(out, 200_000, 'routes')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nequal\n$/),
    });
    expect(stdout).toMatch(/^ {2}[A-Z]{3} [A-Z]{3} .*, [A-Z]{2} to .*, [A-Z]{2}$/m);
  });

  it('prints plain lines without control codes when piped, each place among them, and ten airports', async () => {
    const { stdout } = await flights('--rows', '50000', '--out', out);
    expect([...stdout].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    expect(stdout).toMatch(
      /: 50,000 of 50,000 rows, [\d,]+ rows\/s, thread 1 [\d,]+, thread 2 [\d,]+, second node [1-9][\d,]*, credit waits [\d,]+, resident memory \d+ MiB in 2 processes\n/,
    );
    expect(stdout.match(/^ {2}[A-Z]{3} +[\d,]+ +-?\d+\.\d +\d+ +\d+\.\d%$/gm)).toHaveLength(10);
  });

  it('comes to the same when the link to the second node is cut in the middle', async () => {
    const { code, stdout } = await flights('--rows', '200000', '--cut', '1', '--out', out);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^the link to the second node was cut for 1 s when [1-9][\d,]+ rows had been read; connections/m,
    );
    expect(ledgerOf(stdout)).toMatchObject({ rows: 200_000, windowed: 200_000, late: 0 });
    expect(await compareWithOracle(out, 200_000)).toMatchObject({ code: 0 });
  });

  it('comes to the same on one thread alone', async () => {
    const { code } = await flights('--rows', '50000', '--no-node', '--threads', '0', '--out', out);
    expect(code).toBe(0);
    expect(await compareWithOracle(out, 50_000)).toMatchObject({ code: 0 });
  });

  it('comes to the same when rows are displaced by up to 30 minutes', async () => {
    const { code, stdout } = await flights('--rows', '100000', '--shuffle', '30', '--out', out);
    expect(code).toBe(0);
    expect(ledgerOf(stdout)).toMatchObject({ rows: 100_000, windowed: 100_000, late: 0 });
    expect(await compareWithOracle(out, 100_000)).toMatchObject({ code: 0 });
  });

  it('accounts for each of 100,000 rows when some of them are too late', async () => {
    const { code, stdout } = await flights('--rows', '100000', '--shuffle', '90', '--out-of-order', '10', '--out', out);
    expect(code).toBe(0);
    const { rows, windowed, late } = ledgerOf(stdout);
    expect(rows).toBe(100_000);
    expect(windowed + late).toBe(100_000);
    expect(late).toBeGreaterThan(1_000);
    expect(await flightsWritten()).toBe(windowed);
  });
});

describe('the main job, when it is stopped', () => {
  /** Runs until rows are streaming into a slow sink, and gives all its processes. */
  async function streaming(): Promise<{ job: FlightsProcess; processIds: readonly number[] }> {
    const job = new FlightsProcess(['--slow-sink', '2', '--out', out]);
    await job.streaming();
    const processIds = [...processTree(job.child.pid!).keys()];
    expect(processIds).toHaveLength(2);
    return { job, processIds };
  }

  it('by Ctrl-C is gone within 2 s with exit code 130, its node too', async () => {
    const { job, processIds } = await streaming();
    const startedMs = performance.now();
    job.interrupt();
    expect(await job.finished()).toMatchObject({ code: 130, stderr: expect.stringMatching(/^interrupted: .*\n$/) });
    // A little is allowed for this process to notice it on a busy machine.
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(processIds.filter(isAlive)).toEqual([]);
  });

  it('by SIGKILL leaves no node behind', async () => {
    const { job, processIds } = await streaming();
    job.child.kill('SIGKILL');
    await job.finished();
    for (let tries = 0; tries < 100 && processIds.some(isAlive); tries += 1) await sleep(50);
    expect(processIds.filter(isAlive)).toEqual([]);
  });

  it('by the death of its node fails with a typed error and exit code 1', async () => {
    const { job, processIds } = await streaming();
    process.kill(processIds.find((id) => id !== job.child.pid)!, 'SIGKILL');
    const { code, stderr } = await job.finished();
    expect(code).toBe(1);
    // The system tells of the link that it lost, and of nothing else.
    expect(stderr.replace(/^\{.*(?:the link to node second~|cannot join ws:).*\n/gm, '')).toMatch(
      /^NodeProcessFailed: the second node ended \(SIGKILL\), .*\n$/,
    );
  });
});

describe('bad input to the main job', () => {
  it.each([
    [['--bogus'], /^UsageError: Unknown option '--bogus'/],
    [['--rows', '0'], /^UsageError: --rows takes a whole number from 1 up; it was given "0"/],
    [['--rows', '1.5'], /^UsageError: --rows/],
    [['--threads', '65'], /^UsageError: --threads takes a whole number from 0 to 64/],
    [['--shuffle', '-1'], /^UsageError: /],
    [['--cut', '16'], /^UsageError: --cut takes a number from 0 to 15; it was given "16"/],
    [['--cut', '3', '--no-node'], /^UsageError: --cut cuts the link to the second node; leave out --no-node/],
    [['--slow-sink', 'much'], /^UsageError: --slow-sink takes a number/],
    [['unasked'], /^UsageError: Unexpected argument 'unasked'/],
  ])('%j is refused with exit code 2', async (args, text) => {
    const { code, stdout, stderr } = await flights(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(text);
  });

  const alone = ['--no-node', '--threads', '0', '--rows', '20000'];

  it('a missing file fails as SourceFailed with its path', async () => {
    const { code, stderr } = await flights(...alone, '--file', '/nowhere/flights.parquet', '--out', out);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^SourceFailed: .*'\/nowhere\/flights\.parquet'/);
  });

  it('files that are no Parquet, cut short, or damaged in their pages fail as SourceFailed', async () => {
    const whole = await readFile(parquet);
    const damaged = Buffer.from(whole);
    damaged.fill(0x5a, 1_000, 200_000);
    const files = {
      'no.parquet': Buffer.from('hello'),
      'cut.parquet': whole.subarray(0, whole.length / 2),
      'damaged.parquet': damaged,
    };
    for (const [name, bytes] of Object.entries(files)) {
      const file = join(folder, name);
      await writeFile(file, bytes);
      const { code, stderr } = await flights(...alone, '--file', file, '--out', out);
      expect({ name, code }).toEqual({ name, code: 1 });
      expect(stderr).toMatch(/^SourceFailed: .*(is damaged|does not fit)/);
    }
  });

  it('an output that is a folder, below a file, or on a full disk fails with a typed error', async () => {
    const outputs = {
      [folder]: /^SinkFailed: .*EISDIR.*\n$/,
      [join(parquet, 'out.jsonl')]: /^OutputFailed: .*--out.*\n$/,
      '/proc/is/no/place.jsonl': /^OutputFailed: .*--out.*\n$/,
      '/dev/full': /^SinkFailed: .*ENOSPC.*\n$/,
    };
    for (const [output, text] of Object.entries(outputs)) {
      const { code, stderr } = await flights(...alone, '--out', output);
      expect({ output, code }).toEqual({ output, code: 1 });
      expect(stderr).toMatch(text);
    }
  });

  it('an output that fails while a node and threads are at work fails too, and leaves nothing running', async () => {
    const job = new FlightsProcess(['--out', '/dev/full', '--rows', '500000']);
    const seen = new Set<number>();
    const look = setInterval(() => {
      for (const id of processTree(job.child.pid!).keys()) seen.add(id);
    }, 20);
    const { code, stderr } = await job.finished();
    clearInterval(look);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^SinkFailed: .*ENOSPC.*\n$/);
    expect(seen.size).toBe(2);
    expect([...seen].filter(isAlive)).toEqual([]);
  });
});
