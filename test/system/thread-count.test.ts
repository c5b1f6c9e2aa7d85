import { type ActorSystem, registry as actors, createSystem, pathOf, stop, type ThreadOptions, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { doomed, Witness, witness } from './fixtures/doomed.ts';

let system: ActorSystem | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
});

const registry = new URL('./fixtures/doomed.ts', import.meta.url);
async function start(threads: number | ThreadOptions): Promise<ActorSystem> {
  system = await createSystem({ registry, threads, logLevel: 'silent' });
  return system;
}
const patience = { timeout: 20_000 };
const threads = async (): Promise<string[]> =>
  (await system!.tree())
    .map(({ place }) => place.split('/')[1]!)
    .filter((one) => one !== 'main')
    .sort();
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('the threads of a system', () => {
  it('grow from 1 to 3 as they are needed, and shrink to 1 once they hold no actor, without a word', async () => {
    await start({ min: 1, max: 3, idleMs: 300 });
    await expect.poll(threads, patience).toEqual(['t1']);
    const spawning = Array.from({ length: 5 }, () =>
      system!.spawn(witness, { on: thread(), args: { file: '/dev/null' } }),
    );
    const refs = await Promise.all(spawning);
    expect(await threads()).toEqual(['t1', 't2', 't3']);
    await soon(900);
    expect(await threads()).toEqual(['t1', 't2', 't3']);
    // Those on the last thread stay, with what waits for them.
    const [first, ...others] = refs;
    for (const ref of others) await stop(ref);
    await expect.poll(threads, patience).toEqual([pathOf(first!).split('/')[3]]);
    expect(await first!.asked({ id: 'a' })).toBe('a');
    for (const ref of others) {
      await expect(ref.asked({ id: 'b' })).rejects.toMatchObject({ code: 'NotDelivered' });
    }
    const { lostWithPlace } = system!.statistics();
    expect(lostWithPlace).toBe(0);
    // The dead letters of those asks on the thread that stays are known by then.
    await soon(200);
    expect(await system!.shutdown()).toMatchObject({ clean: true, lostWithPlace: 0, deadLetters: {} });
  }, 60_000);

  it('are not ended under a spawn: 24 that come when a thread is about to be ended all succeed', async () => {
    await start({ max: 2, idleMs: 20 });
    const seen = new Set<string>();
    for (let n = 0; n < 24; n += 1) {
      const ref = await system!.spawn(doomed, { on: thread(), args: { start: n } });
      seen.add(pathOf(ref).split('/')[3]!);
      expect(await ref.start()).toBe(n);
      await stop(ref);
      await soon(12 + n);
    }
    // It did end some.
    expect(seen.size).toBeGreaterThan(2);
    expect(system!.statistics()).toMatchObject({ deadLetters: 0, lostWithPlace: 0 });
    expect(await system!.shutdown()).toMatchObject({ clean: true, lostWithPlace: 0, deadLetters: {} });
  }, 120_000);

  it('close what they had open before they end', async () => {
    await start({ max: 1, idleMs: 100 });
    const ref = await system!.spawn(witness, { on: thread(), args: { file: '/dev/null' }, name: 'w' });
    await ref.asked({ id: 'a' });
    await stop(ref);
    await expect.poll(threads, patience).toEqual([]);
    expect(await system!.find(Witness, 'w')).toBe(undefined);
    const ports = (): string[] => process.getActiveResourcesInfo().filter((one) => one === 'MessagePort');
    await expect.poll(ports, patience).toEqual([]);
  }, 60_000);

  it('cannot be kept without a module that they load', async () => {
    const starting = createSystem({ registry: actors(doomed), threads: { min: 1 }, logLevel: 'silent' });
    await expect(starting).rejects.toMatchObject({
      code: 'UsageError',
      message: expect.stringContaining('threads.min'),
    });
  });

  it.each([
    [{ max: 2, blokedMs: 1 }, 'blokedMs'],
    [{ min: 3, max: 2 }, 'min lies above max'],
    [{ blockedMs: -1 }, 'blockedMs'],
    [{ memoryMbMax: 0 }, 'memoryMbMax'],
    [{ memoryMbMax: 7 }, 'memoryMbMax'],
    [{ idleMs: Number.NaN }, 'idleMs'],
    [{ restarts: { backoff: { minMs: 2, maxMs: 1 } } }, 'minMs lies above maxMs'],
    [-1, 'threads'],
    ['4', 'threads'],
    [null, 'threads'],
  ])('are refused as %j', async (wrong, text) => {
    const starting = createSystem({ registry, threads: wrong as never, logLevel: 'silent' });
    await expect(starting).rejects.toMatchObject({ code: 'UsageError', message: expect.stringContaining(text) });
  });
});
