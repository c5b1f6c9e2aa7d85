/** The crawler by its command, and the parts that its promises stand on. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fateOf } from '../../examples/scrape/fates.ts';
import { ForwardProxy } from '../../examples/scrape/forward-proxy.ts';
import { HostCounts } from '../../examples/scrape/host-counts.ts';
import { hosts, urlsOf } from '../../examples/scrape/hosts.ts';
import { htmlOf } from '../../examples/scrape/html.ts';
import { readOptions } from '../../examples/scrape/options.ts';
import { parse } from '../../examples/scrape/parse.ts';
import { checkPromises } from '../../examples/scrape/promises.ts';
import { Proxies } from '../../examples/scrape/proxies.ts';
import { Counter } from '../../examples/scrape/tally.ts';
import type { Page } from '../../examples/scrape/target.ts';
import { Web } from '../../examples/scrape/web.ts';
import { withoutStalls } from '../support/without-stalls.ts';
import type { Finished } from './flights-process.ts';

const program = fileURLToPath(new URL('../../dist-examples/scrape/main.js', import.meta.url));

function run(args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: 50_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr: withoutStalls(stderr) });
    });
  });
}

/** The numbers of a line, without what sets thousands apart. */
function numbersOf(line: string | undefined): number[] {
  return [...(line ?? '').replaceAll(',', '').matchAll(/(?<![-\w])\d+(?:\.\d+)?/g)].map(([digits]) => Number(digits));
}

function reportOf(stdout: string) {
  const lines = stdout.split('\n');
  const numbers = (start: string): number[] =>
    numbersOf(lines.find((line) => line.startsWith(start))?.slice(start.length));
  /** The sum, then what each reason comes to. */
  const reasonsOf = (start: string): number[] => {
    const line = lines.find((one) => one.startsWith(start))?.slice(start.length) ?? '';
    return (line.match(/^[\d,]+|[\d,]+(?= [a-z])/g) ?? []).map((digits) => Number(digits.replaceAll(',', '')));
  };
  const [pages, dead, disallowed, urls] = numbersOf(lines.find((line) => / pages \+ .* disallowed = /.test(line)));
  return {
    ledger: { pages, dead, disallowed, urls },
    hosts: hosts.map(({ name }) => numbers(name)),
    proxies: ['proxy-1: ', 'proxy-2: ', 'flaky: '].map(numbers),
    failed: reasonsOf('attempts that failed: '),
    retries: numbers('retries: ')[0],
    deadBy: reasonsOf('dead letters: '),
  };
}

const sum = (numbers: readonly (number | undefined)[]): number => numbers.reduce<number>((all, one) => all + one!, 0);

describe('the scrape example', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'scrape-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('accounts for each of 300 URLs, by host, proxy and reason, and writes its pages', async () => {
    const out = join(folder, 'made', 'pages.jsonl');
    const { code, stdout, stderr } = await run(['--pages', '300', '--seed', '3', '--out', out]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = reportOf(stdout);
    const { pages, dead, disallowed, urls } = report.ledger;
    expect(urls).toBe(300);
    expect(sum([pages, dead, disallowed])).toBe(300);
    const closed = [...urlsOf(300)].filter((url) => {
      const { host, pathname, search } = new URL(url);
      return hosts.find(({ name }) => name === host)!.isClosed(pathname + search);
    });
    expect(disallowed).toBe(closed.length);
    expect(sum(report.hosts.map(([found, gone]) => found! + gone!))).toBe(pages);
    expect(sum(report.proxies.map(([given]) => given))).toBe(pages);
    expect(sum(report.failed.slice(1))).toBe(report.failed[0]);
    expect(report.deadBy[0]).toBe(dead);
    expect(sum(report.deadBy.slice(1))).toBe(dead);
    expect(report.retries).toBe(report.failed[0]! - dead!);
    for (const [, , requests, robots, , perSecond, takes] of report.hosts) {
      expect(robots).toBeGreaterThanOrEqual(1);
      expect(perSecond).toBeLessThanOrEqual(Math.min(takes!, requests!));
    }
    const written = (await readFile(out, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Page);
    expect(written).toHaveLength(pages!);
    expect(new Set(written.map(({ url }) => url)).size).toBe(pages);
    for (const page of written.filter(({ status }) => status === 200)) {
      expect(page).toMatchObject({ title: expect.stringContaining(` — ${page.host}`), price: expect.any(Number) });
      expect(page.thread).toBeGreaterThan(0);
    }
    expect(stdout).toMatch(/^no host was asked more than it takes in any second/m);
  }, 60_000);

  it('loses nothing when a proxy dies in the middle, which is set aside', async () => {
    const out = join(folder, 'killed.jsonl');
    const { code, stdout, stderr } = await run(['--pages', '400', '--kill-proxy', '--out', out]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { ledger, proxies } = reportOf(stdout);
    expect(sum([ledger.pages, ledger.dead, ledger.disallowed])).toBe(400);
    expect(sum(proxies.map(([given]) => given))).toBe(ledger.pages);
    const [, forwarded, , timesSetAside] = proxies[0]!;
    expect(forwarded).toBeGreaterThan(0);
    expect(timesSetAside).toBeGreaterThanOrEqual(1);
  }, 60_000);

  it('is gone within 2 s with exit code 130 when it is interrupted', async () => {
    const args = ['--pages', '100000', '--out', join(folder, 'interrupted.jsonl')];
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes) => {
      stderr += bytes;
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

  it('refuses what it does not know with exit code 2, and says with 1 what it cannot write', async () => {
    const unknown = await run(['--bogus']);
    expect({ code: unknown.code, stdout: unknown.stdout }).toEqual({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^UsageError: Unknown option '--bogus'/);
    const folderGiven = await run(['--pages', '100', '--out', folder]);
    expect(folderGiven.code).toBe(1);
    expect(folderGiven.stderr).toMatch(/^SinkFailed: /);
    const nowhere = await run(['--pages', '100', '--out', '/proc/is/no/place.jsonl']);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toMatch(/^OutputFailed: .*--out/);
  });

  it.each([
    [['--pages', '99'], '--pages takes a whole number from 100 to 100,000; it was given "99"'],
    [['--pages', '1e3'], '--pages takes a whole number'],
    [['--seed', '-1'], 'argument is ambiguous'],
    [['--seed', '4294967296'], '--seed takes a whole number from 0 to'],
    [['unasked'], "Unexpected argument 'unasked'"],
  ])('refuses %j as UsageError', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });

  it('has its command in the first line of each file, and a flow of 50 lines at most', async () => {
    const files = new URL('../../examples/scrape/', import.meta.url);
    for (const name of await readdir(files)) {
      const lines = (await readFile(new URL(name, files), 'utf8')).trimEnd().split('\n');
      expect({ name, first: lines[0] }).toEqual({ name, first: '// npm run example:scrape' });
      expect(lines.length).toBeLessThanOrEqual(name === 'flow.ts' ? 50 : 100);
    }
  });
});

describe('its promises', () => {
  const ends = { urls: new Set(['a', 'b', 'c']), toldToWait: new Counter(), pages: 1, dead: 1, disallowed: 1 };
  const [small, , shop] = hosts;

  it('are kept by 10 requests to a host that takes 10 in a second, and broken by 11', () => {
    const counts = new HostCounts(small!);
    for (let page = 0; page < 10; page += 1) counts.begin(`/item/${page}`);
    expect(() => checkPromises(3, ends, [counts])).not.toThrow();
    counts.begin('/item/10');
    expect(() => checkPromises(3, ends, [counts])).toThrow('small.test was asked 11 times in a second');
    expect(counts.inFlightPeak).toBe(11);
  });

  it('are broken by one request for what is disallowed, one that comes too early, and one URL that is missing', () => {
    const counts = new HostCounts(shop!);
    counts.notBefore('/item/1', 1_000);
    counts.begin('/item/1');
    // Its answer was lost with a proxy, so nobody knew.
    expect(() => checkPromises(3, ends, [counts])).not.toThrow();
    counts.begin('/basket/5');
    const told = { ...ends, toldToWait: new Counter() };
    told.toldToWait.add('http://books.test/item/1');
    const broken =
      /^4 URLs came to 3 ends .*; books.test was asked 1 times for .*; books.test was asked 1 times before/;
    expect(() => checkPromises(4, told, [counts])).toThrow(broken);
    expect(() => checkPromises(4, told, [counts])).toThrow(expect.objectContaining({ code: 'PromiseBroken' }));
    // The first of two answers was lost.
    counts.notBefore('/item/1', 1_000);
    expect(() => checkPromises(3, told, [counts])).not.toThrow(/before/);
  });
});

describe('its proxies', () => {
  afterEach(() => void vi.useRealTimers());

  it('are taken in turn; one that fails three times in a row is set aside for 0.5 s, then for 1 s', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const proxies = new Proxies([
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ]);
    const names = (count: number): string => Array.from({ length: count }, () => proxies.next().name).join('');
    expect(names(4)).toBe('abab');
    const a = proxies.next();
    for (let failure = 0; failure < 2; failure += 1) proxies.failed(a);
    proxies.worked(a);
    for (let failure = 0; failure < 2; failure += 1) proxies.failed(a);
    expect(names(4)).toBe('baba');
    proxies.failed(a);
    // What was under way already does not prolong it.
    proxies.failed(a);
    expect(names(3)).toBe('bbb');
    vi.advanceTimersByTime(500);
    expect(names(2).split('').sort().join('')).toBe('ab');
    proxies.failed(a);
    vi.advanceTimersByTime(999);
    expect(names(3)).toBe('bbb');
    vi.advanceTimersByTime(1);
    expect(names(2).split('').sort().join('')).toBe('ab');
  });

  it('pass on a request in absolute form with a Via, and refuse other forms and hosts that nobody knows', async () => {
    await using web = await Web.start(1);
    await using proxy = await ForwardProxy.start('p', web.portOf);
    const ask = async (path: string) => {
      const agent = new Agent();
      const [answer] = (await once(
        request({ host: '127.0.0.1', port: proxy.port, agent, path }).end(),
        'response',
      )) as [IncomingMessage];
      return { status: answer.statusCode, via: answer.headers.via, body: await text(answer) };
    };
    expect(await ask('http://books.test/robots.txt')).toEqual({ status: 200, via: '1.1 p', body: hosts[2]!.robots });
    expect(await ask('http://open.test/robots.txt')).toMatchObject({ status: 404 });
    expect(await ask('/robots.txt')).toMatchObject({ status: 400 });
    expect(await ask('https://books.test/')).toMatchObject({ status: 400 });
    expect(await ask('http://nobody.test/')).toMatchObject({ status: 502 });
    expect(proxy).toMatchObject({ forwarded: 2, failed: 0 });
  });
});

describe('its web', () => {
  it('has pages that are parsed to their title, price and links, the same for the same seed', () => {
    const url = 'http://books.test/item/1';
    const body = htmlOf(1, url);
    expect(htmlOf(1, url)).toBe(body);
    expect(htmlOf(2, url)).not.toBe(body);
    const page = parse({ url, host: 'books.test', status: 200, proxy: 'p', attempts: 1, latencyMs: 1, body });
    expect(page.title).toMatch(/^\S+ \S+ \S+ — books\.test$/);
    expect(page.price).toBe(Number(/&euro; ([\d.]+)/.exec(body)![1]));
    expect(page.links).toHaveLength(body.split('<a href').length - 1);
    for (const link of page.links) expect(link).toMatch(/^http:\/\/books\.test\/item\/\d+$/);
  });

  it('fails at some URLs once, at some always, and at most never', () => {
    const urls = [...urlsOf(5_000)];
    const failing = (asked: number): string[] =>
      urls.filter((url) => !['page', 'gone'].includes(fateOf(1, url, asked)));
    const [once, always] = [failing(1), failing(2)];
    expect(always).toEqual(failing(3));
    expect(always.every((url) => once.includes(url))).toBe(true);
    expect(always.length).toBeGreaterThan(10);
    expect(once.length).toBeGreaterThan(5 * always.length);
    expect(once.length).toBeLessThan(urls.length / 10);
  });
});
