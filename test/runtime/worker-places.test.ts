import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlaceExit, PlaceHandle } from '../../src/base/environment/place.ts';
import { flagsForWorkers, portFrom, workerPlaces, workerSide } from '../../src/runtime/worker-places.ts';
import { builtRuntime } from './fixtures/built-runtime.ts';

const entry = new URL('./fixtures/place-worker.js', import.meta.url);
const places = workerPlaces();
let built: string;
let modules: string;
beforeAll(async () => {
  built = await builtRuntime();
  modules = pathToFileURL(`${built}/runtime/worker-places.js`).href;
});
afterAll(() => rm(built, { recursive: true }));

const start = (
  init: object = {},
  more: { name?: string; memoryMbMax?: number; entry?: URL } = {},
): Promise<PlaceHandle> => places.start({ entry, name: 'w1', init: { places: modules, ...init }, ...more });

const exitOf = (place: PlaceHandle): Promise<PlaceExit> => new Promise((resolve) => (place.onExit = resolve));

const nextFrom = (port: { onMessage: (message: unknown) => void }): Promise<unknown> =>
  new Promise((resolve) => (port.onMessage = resolve));

describe('a place', () => {
  test('gets its name and what it was handed, and receives bytes that it then owns', async () => {
    const place = await start({ answer: 42 }, { name: 'w7' });
    const bytes = new Uint8Array([1, 2, 3]);
    place.port.post({ order: 'tell', bytes }, [bytes.buffer]);
    expect(bytes.byteLength).toBe(0);
    expect(await nextFrom(place.port)).toMatchObject({
      name: 'w7',
      init: { answer: 42 },
      bytes: new Uint8Array([1, 2, 3]),
    });
    await place.kill();
  });

  test('loses none of 1,000 messages that it posts before anybody listens', async () => {
    const place = await start({ early: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const got: unknown[] = [];
    await new Promise<void>((resolve) => {
      place.port.onMessage = (message) => got.push(message) === 1_000 && resolve();
    });
    expect(got).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    await place.kill();
  });

  test('is heard to the last of 5,000 messages when it exits, and then ends with its exit code, once', async () => {
    const place = await start();
    const heard: string[] = [];
    let last: unknown;
    const ended = new Promise<void>((resolve) => {
      place.onExit = (exit) => {
        heard.push(JSON.stringify(exit));
        resolve();
      };
    });
    place.port.onMessage = (message) => {
      last = message;
    };
    place.port.post({ order: 'count', upTo: 5_000, code: 3 });
    await ended;
    expect(last).toBe(4_999);
    await place.kill();
    expect(heard).toEqual(['{"kind":"exit","code":3}']);
  });

  test('tells its end to an owner who asks only afterwards', async () => {
    const place = await start();
    await place.kill();
    expect(await exitOf(place)).toMatchObject({ kind: 'exit' });
  });

  test('ends with the error that it did not catch, its code kept', async () => {
    const place = await start();
    place.port.post({ order: 'throw' });
    expect(await exitOf(place)).toMatchObject({
      kind: 'error',
      error: { message: 'broken on purpose', code: 'E_PURPOSE' },
    });
  });

  test('ends with ERR_WORKER_OUT_OF_MEMORY beyond 32 MiB when it may have no more, and this thread lives on', async () => {
    const place = await start({}, { memoryMbMax: 32 });
    place.port.post({ order: 'fill' });
    expect(await exitOf(place)).toMatchObject({ kind: 'error', error: { code: 'ERR_WORKER_OUT_OF_MEMORY' } });
  });

  test('ends with an error when its entry does not exist', async () => {
    const place = await start({}, { entry: new URL('./fixtures/nowhere.js', import.meta.url) });
    expect(await exitOf(place)).toMatchObject({
      kind: 'error',
      error: { code: expect.stringMatching(/MODULE_NOT_FOUND$/) },
    });
  });

  test('is killed in the middle of an endless loop, twice without harm', async () => {
    const place = await start();
    place.port.post({ order: 'spin' });
    await nextFrom(place.port);
    const exit = exitOf(place);
    await Promise.all([place.kill(), place.kill()]);
    expect(await exit).toEqual({ kind: 'exit', code: 1 });
    await place.kill();
    place.port.post('to nobody');
  });

  test('ends by itself when its port is closed from here', async () => {
    const place = await start();
    place.port.post({ order: 'tell' });
    await nextFrom(place.port);
    place.port.close();
    expect(await exitOf(place)).toEqual({ kind: 'exit', code: 0 });
  });

  test('is not started with what cannot be copied', async () => {
    await expect(start({ code: () => 1 })).rejects.toMatchObject({ code: 'PlaceStartFailed', message: /plain data/ });
  });
});

test('two places speak over a channel that was made here', async () => {
  const [left, right] = places.channel();
  const [one, two] = await Promise.all([start({}, { name: 'one' }), start({}, { name: 'two' })]);
  const answers: unknown[] = [];
  const three = new Promise<void>((resolve) => {
    one.port.onMessage = (answer) => answers.push(answer) === 3 && resolve();
  });
  one.port.post({ order: 'ask', port: left }, [left]);
  two.port.post({ order: 'answer', port: right }, [right]);
  await three;
  expect(answers).toEqual([1, 2, 3].map((message) => ({ name: 'two', message })));
  await Promise.all([one.kill(), two.kill()]);
});

test('a channel keeps what is posted until the other end listens', async () => {
  const [left, right] = places.channel().map(portFrom);
  left!.post('first');
  left!.post('second');
  await new Promise(setImmediate);
  const got: unknown[] = [];
  await new Promise<void>((resolve) => {
    right!.onMessage = (message) => got.push(message) === 2 && resolve();
    // A channel does not keep its thread alive; here this does.
    const alive = setInterval(() => got.length === 2 && clearInterval(alive), 5);
  });
  expect(got).toEqual(['first', 'second']);
  left!.close();
});

test('what is not a worker of Troupe is told so', () => {
  expect(() => workerSide()).toThrow(/createSystem\(\{ threads \}\)/);
});

describe('a process', () => {
  const script = fileURLToPath(new URL('./fixtures/place-process.js', import.meta.url));
  const run = async (flags: readonly string[], args: readonly string[], nodeOptions?: string): Promise<string[]> => {
    const { NODE_OPTIONS: _, ...rest } = process.env;
    const env = nodeOptions === undefined ? rest : { ...rest, NODE_OPTIONS: nodeOptions };
    const child = await promisify(execFile)(process.execPath, [...flags, ...args], {
      env,
      cwd: built,
      timeout: 20_000,
    });
    return child.stdout.trim().split('\n');
  };

  test.each([
    { flags: [] },
    { flags: ['--inspect=0'] },
    { flags: ['--cpu-prof', '--max-old-space-size=500', '--expose-gc', '--title=actors'] },
    { flags: ['--enable-source-maps', '--trace-warnings', '--unhandled-rejections=strict'] },
  ])('started with $flags starts places, which end when their port closes', async ({ flags }) => {
    const [told, exit] = await run(flags, [script, built, 'keep', 'tell']);
    expect(JSON.parse(told!)).toMatchObject({ name: 'child' });
    expect(exit).toBe('{"kind":"exit","code":0}');
  });

  test('started with NODE_OPTIONS starts places', async () => {
    const [told] = await run([], [script, built, 'keep', 'tell'], '--max-old-space-size=500 --enable-source-maps');
    expect(JSON.parse(told!)).toMatchObject({ name: 'child' });
  });

  test('started from a text of --input-type=module starts places', async () => {
    const text = (await readFile(script, 'utf8'))
      .replace('./place-worker.js', entry.href)
      .replace('argv.slice(2)', 'argv.slice(1)');
    const [told] = await run(['--expose-gc', '--input-type=module'], ['-e', text, built, 'keep', 'tell']);
    expect(JSON.parse(told!)).toMatchObject({ name: 'child' });
  });

  test('prints what its places print', async () => {
    expect(await run([], [script, built, 'keep', 'print'])).toContain('printed by a worker');
  });

  test.each(['exit', 'throw', 'kill', 'main-exits'])(
    'prints all 122 lines of a place that wrote them at once, in order, whose end is: %s',
    async (end) => {
      const output = fileURLToPath(new URL('./fixtures/output-process.js', import.meta.url));
      const child = await promisify(execFile)(process.execPath, [output, built, end], { timeout: 20_000 });
      const lines = Array.from({ length: 120 }, (_, n) => `line ${n + 1} é\n`);
      expect(child.stdout).toBe(`${lines.join('')}bytes\n`);
      expect(child.stderr).toBe('last\n');
    },
  );

  test('names its places to the inspector, and has their stacks mapped to sources where its own are', async () => {
    const inspected = fileURLToPath(new URL('./fixtures/inspected-process.js', import.meta.url));
    for (const mapped of [true, false]) {
      const child = await promisify(execFile)(process.execPath, [inspected, built, String(mapped)], {
        timeout: 20_000,
      });
      expect(JSON.parse(child.stdout)).toEqual({
        title: '[worker 1] troupe node~1/t1',
        stack: expect.stringMatching(mapped ? /^Error: mapped\n\s+at .*original\.ts:1:1\)/ : /built\.mjs:1:\d+/),
      });
    }
  });

  test('is not kept alive by a place that may not keep it', async () => {
    expect(await run([], [script, built, 'leave'])).toEqual(['']);
  });
});

test('flags are inherited, but for those of a text, of which only preloads stay', () => {
  expect(flagsForWorkers(['--inspect', '--import', 'tsx'])).toBeUndefined();
  expect(
    flagsForWorkers(['--input-type=module', '--expose-gc', '--import', 'tsx', '-r=a.cjs', '-e', '--import']),
  ).toEqual(['--import', 'tsx', '-r=a.cjs', '--import']);
});
