/** Whatever the code of a user does to its thread, the main thread and the other threads go on, and say what it was. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ActorSystem, createSystem, pathOf, type Ref, stop, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { type ActName, type Hostile, hostile } from './fixtures/hostile.ts';

let system: ActorSystem | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 300 });
  system = undefined;
});

interface Scene {
  /** On the thread to which it is done. */
  readonly victim: Ref<typeof Hostile>;
  /** Beside it. */
  readonly neighbour: Ref<typeof Hostile>;
  /** On another thread. */
  readonly other: Ref<typeof Hostile>;
}

async function scene(): Promise<Scene> {
  system = await createSystem({
    registry: new URL('./fixtures/hostile.ts', import.meta.url),
    threads: 2,
    logLevel: 'silent',
  });
  const placed = new Map<string, Ref<typeof Hostile>[]>();
  // `thread()` chooses by load, so it is asked until there are two on one thread and one on the other.
  for (let tries = 0; tries < 100; tries += 1) {
    const ref = await system.spawn(hostile, { on: thread() });
    const place = pathOf(ref).split('/')[3]!;
    placed.set(place, [...(placed.get(place) ?? []), ref]);
    const [first, second] = [...placed.values()].sort((a, b) => b.length - a.length);
    if (first!.length >= 2 && second !== undefined) {
      return { victim: first![0]!, neighbour: first![1]!, other: second[0]! };
    }
  }
  throw new Error('all actors came to one thread');
}

const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'answered',
    ({ code, reason }: { code: string; reason?: string }) => (reason === undefined ? code : `${code} ${reason}`),
  );

/** The other thread answers, and there is a thread for new actors. */
async function goesOn({ other }: Scene): Promise<void> {
  expect(await other.thread()).toBeGreaterThan(0);
  const fresh = await system!.spawn(hostile, { on: thread() });
  expect(await fresh.thread()).toBeGreaterThan(0);
  await stop(fresh);
}

describe('a thread', () => {
  it.each<ActName>(['changes the folder'])('whose actor %s only fails that call', async (act) => {
    const all = await scene();
    const failed = await all.victim.act(act).catch((error) => error);
    expect(failed).toMatchObject({ code: 'ActorFailed', message: expect.stringContaining('process.chdir()') });
    expect(await all.neighbour.thread()).toBeGreaterThan(0);
    expect(await all.victim.thread()).toBe(await all.neighbour.thread());
    await goesOn(all);
  });

  it.each<ActName>(['posts to every port it finds', 'closes every port it finds'])(
    'whose actor %s is none the worse for it',
    async (act) => {
      const all = await scene();
      expect(await all.victim.act(act)).toBe('done');
      expect(await all.victim.thread()).toBe(await all.neighbour.thread());
      await goesOn(all);
    },
  );

  it.each<ActName>([
    'ends the process',
    'throws in a timer',
    'rejects in a timer',
    'throws no error',
    'breaks its maps',
  ])('whose actor %s is lost alone, and calls to it settle at once', async (act) => {
    const all = await scene();
    const startedMs = performance.now();
    void all.victim.act(act).catch(() => undefined);
    const next = [all.victim.thread(), all.neighbour.thread()].map(codeOf);
    // What had come to an end before the thread did was answered.
    for (const code of await Promise.all(next)) expect(code).toMatch(/^(answered|OutcomeUnknown|NotDelivered)/);
    await expect.poll(() => codeOf(all.neighbour.thread({ timeoutMs: 1_000 }))).toMatch(/^(NotDelivered|Outcome)/);
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    await goesOn(all);
  });

  it.each<ActName>(['waits for ever', 'loops for ever', 'queues microtasks for ever'])(
    'whose actor %s holds nobody else: calls to it settle by their deadline of 500 ms',
    async (act) => {
      const all = await scene();
      const startedMs = performance.now();
      const held = codeOf(all.victim.act(act, { timeoutMs: 500 }));
      const behind = codeOf(all.neighbour.thread({ timeoutMs: 500 }));
      expect(await all.other.thread()).toBeGreaterThan(0);
      expect(await held).toMatch(/^(answered|OutcomeUnknown)/);
      expect(await behind).toMatch(/^(answered|OutcomeUnknown|NotDelivered)/);
      expect(performance.now() - startedMs).toBeLessThan(2_500);
      const report = await system!.shutdown({ deadlineMs: 300 });
      expect(report).toMatchObject({ clean: false, threads: [pathOf(all.victim).split('/').slice(2, 4).join('/')] });
    },
  );

  it('whose actor takes all memory is lost alone, with its reason in the log', async () => {
    const program = fileURLToPath(new URL('./fixtures/memory-bomb.ts', import.meta.url));
    // A small heap for every thread, so that this is over soon.
    const flags = ['--max-old-space-size=96', '--import', 'tsx'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, program], { timeout: 55_000 });
    expect(stdout.trim().split('\n')).toEqual(['OutcomeUnknown', 'the other thread answers', 'a new actor answers']);
    expect(stderr).toMatch(/memory/i);
  }, 60_000);
});
