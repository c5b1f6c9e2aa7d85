/** The Monte Carlo example by its command, and the parts whose numbers it stands on. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { WriteStream } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../examples/monte-carlo/batches.ts';
import { callPrice, normalBelow } from '../../examples/monte-carlo/black-scholes.ts';
import { experimentNames, experiments } from '../../examples/monte-carlo/experiments.ts';
import { merged, momentsOf, none, standardErrorOf } from '../../examples/monte-carlo/moments.ts';
import { readOptions } from '../../examples/monte-carlo/options.ts';
import { Progress } from '../../examples/monte-carlo/progress.ts';
import { SeededRandom } from '../../examples/monte-carlo/random.ts';
import { checkAll, verdictOf } from '../../examples/monte-carlo/verdict.ts';
import { withoutStalls } from '../support/without-stalls.ts';
import type { Finished } from './flights-process.ts';

const program = fileURLToPath(new URL('../../dist-examples/monte-carlo/main.js', import.meta.url));

function run(args: readonly string[], nodeOptions: readonly string[] = []): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...nodeOptions, program, ...args], { timeout: 25_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr: withoutStalls(stderr) });
    });
  });
}

const estimates = (stdout: string): readonly string[] => stdout.match(/^(pi|European call) .*$/gm) ?? [];

describe('the Monte Carlo example', () => {
  it('finds pi and the price of the option with 1,000,000 samples of each on two threads, in plain lines', async () => {
    const { code, stdout, stderr } = await run(['--samples', '1000000', '--threads', '2']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect([...stdout].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    expect(stdout).toMatch(/^100%, 2,000,000 samples, [\d,]+ samples\/s$/m);
    expect(estimates(stdout)).toEqual([
      expect.stringMatching(/^pi +3\.14\d{4} ± 0\.001\d{3} {2}closed form 3\.141593 {2}\d\.\d\d standard errors off$/),
      expect.stringMatching(/^European call +7\.\d{6} ± 0\.01\d{4} {2}closed form 7\.128065 {2}\d\.\d\d standard/),
    ]);
    const shares = [...stdout.matchAll(/^ {2}thread \d: (\d+) batches in [\d,]+ ms$/gm)].map(([, text]) =>
      Number(text),
    );
    expect(shares).toHaveLength(2);
    expect(shares[0]! + shares[1]!).toBe(10);
  });

  it('gives the same digits for seed 7 on 1, 2 and 3 threads, and others for seed 8', async () => {
    const digits = async (seed: number, threads: number): Promise<readonly string[]> => {
      const { code, stdout } = await run(['--samples', '450000', '--seed', `${seed}`, '--threads', `${threads}`]);
      expect(code).toBe(0);
      return estimates(stdout);
    };
    const one = await digits(7, 1);
    expect(one).toHaveLength(2);
    expect(await digits(7, 2)).toEqual(one);
    expect(await digits(7, 3)).toEqual(one);
    expect(await digits(8, 2)).not.toEqual(one);
  }, 60_000);

  it('exits with 1 where an estimate is more than 5 standard errors from what the closed form says', async () => {
    const otherPower = `import { isMainThread } from 'node:worker_threads';
      const { exp } = Math;
      if (isMainThread) Math.exp = (x) => 1.02 * exp(x);`;
    const preload = `--import=data:text/javascript,${encodeURIComponent(otherPower)}`;
    const { code, stdout, stderr } = await run(['--samples', '1000000'], [preload]);
    expect(code).toBe(1);
    expect(estimates(stdout)).toHaveLength(2);
    expect(stderr).toMatch(/^EstimateOff: more than 5 standard errors from the truth: European call .* off\n$/);
  });

  it('is gone within 2 s with exit code 130 when it is interrupted', async () => {
    const child = spawn(process.execPath, [program, '--samples', '10000000000'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    await once(child.stdout, 'data');
    const startedMs = performance.now();
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect({ code, stderr: withoutStalls(stderr) }).toEqual({
      code: 130,
      stderr: 'interrupted: all threads have stopped\n',
    });
    expect(performance.now() - startedMs).toBeLessThan(2_500);
  });

  it('says what it can be told, which needs no thread', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    for (const option of ['--threads', '--samples', '--seed', '--help']) expect(stdout).toContain(`  ${option} `);
  });

  it('refuses what it does not know with exit code 2', async () => {
    const { code, stdout, stderr } = await run(['--bogus']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^UsageError: Unknown option '--bogus'/);
  });

  it.each([
    [['--threads', '0'], '--threads takes a whole number from 1 to 64; it was given "0"'],
    [['--threads', 'two'], '--threads takes a whole number from 1 to 64; it was given "two"'],
    [['--threads', '65'], '--threads takes a whole number'],
    [['--threads'], "Option '--threads <value>' argument missing"],
    [['--samples', '9999'], '--samples takes a whole number from 10,000 to 10,000,000,000; it was given "9999"'],
    [['--samples', '1e6'], '--samples takes a whole number'],
    [['--samples', ''], '--samples takes a whole number'],
    [['--seed', '1.5'], '--seed takes a whole number from 0 to'],
    [['--seed=-1'], '--seed takes a whole number'],
    [['--seed', '99999999999999999999'], '--seed takes a whole number'],
    [['unasked'], "Unexpected argument 'unasked'"],
  ])('refuses %j as UsageError', (args, text) => {
    expect(() => readOptions(args)).toThrow(text);
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });

  it('has its defaults: a thread for each core, 40,000,000 samples and seed 1', () => {
    const { threads, samples, seed, help } = readOptions([]);
    expect({ threads, samples, seed, help }).toEqual({
      threads: Math.min(64, availableParallelism()),
      samples: 40_000_000,
      seed: 1,
      help: false,
    });
  });

  it('has its command in the first line of each file, of 60 lines at most', async () => {
    const folder = new URL('../../examples/monte-carlo/', import.meta.url);
    for (const name of await readdir(folder)) {
      const lines = (await readFile(new URL(name, folder), 'utf8')).trimEnd().split('\n');
      expect({ name, first: lines[0] }).toEqual({ name, first: '// npm run example:monte-carlo' });
      expect(lines.length).toBeLessThanOrEqual(60);
    }
  });
});

describe('its numbers', () => {
  it('are off by one standard error or so: the squares of 400 estimates have a mean near 1, for both', () => {
    for (const name of experimentNames) {
      const { truth, draw } = experiments[name];
      let squares = 0;
      for (let stream = 0; stream < 400; stream += 1) {
        const random = new SeededRandom(42, stream);
        const moments = momentsOf(10_000, () => draw(random));
        squares += ((moments.mean - truth) / standardErrorOf(moments)) ** 2;
      }
      expect(squares / 400).toBeGreaterThan(0.75);
      expect(squares / 400).toBeLessThan(1.25);
    }
  });

  it('come from generators that repeat, and differ where the seed or the stream does', () => {
    const first = (seed: number, stream: number): number => new SeededRandom(seed, stream).uniform();
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    const all = seeds.flatMap((seed) => [0, 1, 2].map((stream) => first(seed, stream)));
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((number) => number > 0 && number < 1)).toBe(true);
    expect(seeds.flatMap((seed) => [0, 1, 2].map((stream) => first(seed, stream)))).toEqual(all);
  });

  it('are merged to what all samples together come to, however they are cut', () => {
    const samples = Array.from({ length: 1_000 }, (_, n) => 1e6 + ((n * 7919) % 101));
    const part = (from: number, to: number) => {
      let at = from;
      return momentsOf(to - from, () => samples[at++]!);
    };
    const whole = part(0, 1_000);
    const cut = [part(0, 1), part(1, 334), part(334, 1_000)].reduce(merged, none);
    expect(cut.samples).toBe(1_000);
    expect(cut.mean).toBeCloseTo(whole.mean, 6);
    expect(cut.squares / whole.squares).toBeCloseTo(1, 9);
    expect(merged(none, none)).toEqual(none);
  });

  it('are compared with the closed form: 4.759422 for the example of a textbook', () => {
    // Hull, Options, Futures, and Other Derivatives: a stock at 42, a strike of 40, 10 %, 20 %, six months.
    expect(callPrice({ spot: 42, strike: 40, rate: 0.1, volatility: 0.2, years: 0.5 })).toBeCloseTo(4.759422, 6);
    expect(normalBelow(0)).toBe(0.5);
    expect(normalBelow(1.96)).toBeCloseTo(0.9750021048517795, 14);
    expect(normalBelow(-3)).toBeCloseTo(0.0013498980316301, 14);
  });

  it('fail the check at 5.1 standard errors and when they are no numbers, and pass it at 4.9', () => {
    const moments = { samples: 10_000, mean: 3, squares: 9_999 };
    expect(standardErrorOf(moments)).toBe(0.01);
    const at = (standardErrors: number) => {
      const experiment = { ...experiments.pi, truth: 3 + 0.01 * standardErrors };
      return (): void => checkAll([verdictOf(experiment, moments)]);
    };
    expect(at(4.9)).not.toThrow();
    expect(at(-4.9)).not.toThrow();
    expect(at(5.1)).toThrow('5.10 standard errors off');
    expect(at(-5.1)).toThrow(expect.objectContaining({ code: 'EstimateOff' }));
    expect(at(Number.NaN)).toThrow();
  });
});

describe('its progress', () => {
  const batches = batchesOf({ samples: 1_000_000, seed: 1 });
  function shown(isTTY: boolean, columns: number): readonly string[] {
    const written: string[] = [];
    const stream = { isTTY, columns, write: (text: string) => written.push(text) } as unknown as WriteStream;
    const progress = new Progress(stream, batches);
    for (const batch of batches) progress.add(batch);
    progress.end();
    progress.end();
    return written;
  }

  it('is one line that is redrawn on a terminal, at most as wide as that is, and ends once', () => {
    const [first, ...rest] = shown(true, 60);
    expect(first).toMatch(/^\r.*░.* {2}10% {2}[\d,]+ samples\/s/);
    expect(first!.endsWith('\u001b[K')).toBe(true);
    expect(rest.at(-2)).toMatch(/^\r[^░]*█+[^░]* 100% /);
    expect(rest.at(-1)).toBe('\n');
    expect(rest.join('').match(/\n/g)).toHaveLength(1);
    expect([...first!].filter((character) => '█░'.includes(character))).toHaveLength(28);
  });

  it('is plain lines elsewhere, the last of which says 100%', () => {
    expect(shown(false, 80)).toEqual([expect.stringMatching(/^100%, 2,000,000 samples, [\d,]+ samples\/s\n$/)]);
  });
});
