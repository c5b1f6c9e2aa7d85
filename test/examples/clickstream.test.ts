/** The clickstream example by its command, beside what DuckDB says of the same logs, and the format that it reads. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLine, timeOf } from '../../examples/clickstream/combined-log.ts';
import { ExampleProcess, numbersIn } from './example-process.ts';
import type { Finished } from './flights-process.ts';

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'troupe-clickstream-test-'));
});
afterAll(() => rm(out, { recursive: true }));

function start(...args: readonly string[]): ExampleProcess {
  return new ExampleProcess('dist-examples/clickstream/main.js', ['--out', out, ...args]);
}

function compareWithOracle(): Promise<Finished> {
  return new ExampleProcess('scripts/clickstream-oracle.mjs', ['--out', out]).finished;
}

function ledgerOf(stdout: string) {
  const text =
    /^([\d,]+) lines read = ([\d,]+) in sessions \+ ([\d,]+) late \+ ([\d,]+) of bots \+ ([\d,]+) broken; ([\d,]+) sess/m;
  const [lines, windowed, late, bots, broken, sessions] = numbersIn(stdout, text) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { lines, windowed, late, bots, broken, sessions };
}

interface Session {
  readonly hits: number;
  readonly entry: string | null;
}

async function sessionsWritten(): Promise<Session[]> {
  const lines = (await readFile(join(out, 'sessions.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Session);
}

describe('the clickstream example', () => {
  it('equals DuckDB in every session of some 20,000 lines, on one thread and on two', async () => {
    const ledgers = [];
    for (const threads of ['0', '2']) {
      const { code, stdout, stderr } = await start('--lines', '20000', '--threads', threads).finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const ledger = ledgerOf(stdout);
      ledgers.push(ledger);
      expect(ledger.late).toBe(0);
      expect(ledger.windowed + ledger.bots + ledger.broken).toBe(ledger.lines);
      for (const part of [ledger.bots, ledger.broken, ledger.sessions]) expect(part).toBeGreaterThan(10);
      const { windowed, bots, broken, sessions } = ledger;
      const text = `oracle: ${sessions} sessions of ${windowed} lines, ${bots} of bots, ${broken} broken; output: ${sessions} sessions`;
      expect(await compareWithOracle()).toMatchObject({ code: 0, stdout: `${text}\nequal\n` });
    }
    expect(ledgers[1]).toEqual(ledgers[0]);
  });

  it('ends with the table of entry pages that its output has', async () => {
    const { stdout } = await start('--lines', '5000', '--threads', '0').finished;
    expect([...stdout].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    const rows = [...stdout.matchAll(/^ {2}(\/\S*) +([\d,]+) +[\d.]+% +[\d.]+$/gm)];
    expect(rows).toHaveLength(10);
    const sessions = await sessionsWritten();
    for (const [, page, text] of rows) {
      expect(sessions.filter(({ entry }) => entry === page)).toHaveLength(Number(text!.replaceAll(',', '')));
    }
  });

  it('is gone within 2 s of Ctrl-C while logs are written, with exit code 130', async () => {
    const process = start('--lines', '3000000');
    await process.printed(/^writing about/);
    const startedMs = performance.now();
    process.interrupt();
    expect(await process.finished).toMatchObject({ code: 130 });
    // A little is allowed for this process to notice it on a busy machine.
    expect(performance.now() - startedMs).toBeLessThan(2_500);
  });

  it('is gone within 2 s of Ctrl-C while lines stream', async () => {
    const process = start('--lines', '100000');
    await process.printed(/^[1-9][\d,]* lines read/m);
    const startedMs = performance.now();
    process.interrupt();
    expect(await process.finished).toMatchObject({ code: 130 });
    expect(performance.now() - startedMs).toBeLessThan(2_500);
  });

  it.each([
    [['--bogus'], /^UsageError: Unknown option '--bogus'/],
    [['--lines', '99'], /^UsageError: --lines takes a whole number from 100 to 3,000,000; it was given "99"/],
    [['--threads', '65'], /^UsageError: --threads/],
    [['--seed', 'x'], /^UsageError: --seed/],
    [['unasked'], /^UsageError: Unexpected argument 'unasked'/],
  ])('refuses %j with exit code 2', async (args, text) => {
    const { code, stdout, stderr } = await start(...args).finished;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(text);
  });

  it.each(['/dev/null/logs', '/proc/is/no/place'])('fails with a typed error where %s cannot be made', async (out) => {
    const { code, stderr } = await start('--out', out).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^OutputFailed: the logs cannot be written: .*--out\n$/);
  });
});

describe('the Combined Log Format', () => {
  const line = (time: string, request = 'GET /a?b=c HTTP/1.1', end = '200 12 "-" "Agent \\"x\\" 1"') =>
    `198.18.0.1 - frank [${time}] "${request}" ${end}`;
  const time = '10/Oct/2025:13:55:36 -0700';

  it('gives a path without its query, bytes of which - is none, and an agent with its quotes', () => {
    expect(parseLine(line(time))).toMatchObject({ path: '/a', bytes: 12, agent: 'Agent \\"x\\" 1', status: 200 });
    expect(parseLine(line(time, undefined, '304 - "-" "-"'))).toMatchObject({ bytes: 0, status: 304 });
  });

  it('reads times with their zone', () => {
    expect(timeOf(line(time))).toBe(Date.UTC(2025, 9, 10, 20, 55, 36));
    expect(timeOf(line('29/Feb/2028:00:00:00 +0530'))).toBe(Date.UTC(2028, 1, 28, 18, 30));
  });

  it.each([
    '',
    line('31/Feb/2026:00:00:00 +0000'),
    line('01/Mrz/2026:00:00:00 +0000'),
    line('01/Mar/2026:24:00:00 +0000'),
    line('2026-03-01T00:00:00Z'),
    line(time, '\\x16\\x03\\x01'),
    line(time, undefined, '200 12 "-"'),
    line(time, undefined, '200 many "-" "-"'),
  ])('takes %j for broken', (text) => {
    expect(parseLine(text)).toEqual({ kind: 'broken', line: text });
  });
});
