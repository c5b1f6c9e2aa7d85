import { type ActorSystem, createSystem, type DeadLetter, kill, pathOf, type Ref, stop, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { type Counter, counter } from './fixtures/actors.ts';

let system: ActorSystem | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
});

const registry = new URL('./fixtures/actors.ts', import.meta.url);
async function start(threads = 2): Promise<ActorSystem> {
  system = await createSystem({ registry, threads, logLevel: 'silent' });
  return system;
}
const waitFor = async (holds: () => boolean): Promise<void> => {
  for (let waited = 0; !holds() && waited < 3_000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
};
const add = async (ref: Ref<typeof Counter>, times: number): Promise<void> => {
  for (let n = 0; n < times; n += 1) if (!ref.add()) await ref.add.offer({ by: 0 });
};

describe('actors on worker threads', () => {
  it('run on a thread each, from a TypeScript registry, and answer from there', async () => {
    const { nodeId } = await start();
    const [a, b] = await Promise.all([
      system!.spawn(counter, { on: thread() }),
      system!.spawn(counter, { on: thread(), args: { start: 5 } }),
    ]);
    expect(await a.path()).toBe(pathOf(a));
    expect(new Set([pathOf(a), pathOf(b)])).toEqual(
      new Set([`troupe://${nodeId}/t1/counter#1`, `troupe://${nodeId}/t2/counter#1`]),
    );
    expect(await b.total()).toBe(5);
  });

  it('handle 100,000 tells in full', async () => {
    await start(1);
    const ref = await system!.spawn(counter, { on: thread() });
    await add(ref, 100_000);
    expect(await ref.total()).toBe(100_000);
    expect(system!.statistics().deadLetters).toBe(0);
  });

  it('talk to each other by refs in messages, and to an actor of the main thread', async () => {
    await start();
    const [a, b, here] = await Promise.all([
      system!.spawn(counter, { on: thread() }),
      system!.spawn(counter, { on: thread() }),
      system!.spawn(counter),
    ]);
    expect(await a.pathOf({ other: b })).toBe(pathOf(b));
    expect(await a.pathOf({ other: here })).toBe(pathOf(here));
    a.keep({ other: b });
    const kept = await a.kept();
    kept.add({ by: 3 });
    expect(await b.total()).toBe(3);
    expect(pathOf(kept)).toBe(pathOf(b));
  });

  it('stream their changes to the main thread', async () => {
    await start(1);
    const ref = await system!.spawn(counter, { on: thread() });
    const seen: number[] = [];
    for await (const total of ref.changes()) {
      seen.push(total);
      if (total === 3) break;
      ref.add();
      await ref.total();
    }
    expect(seen.at(0)).toBe(0);
    expect(seen.at(-1)).toBe(3);
  });

  it('open a resource once per place', async () => {
    await start(1);
    const first = await system!.spawn(counter, { on: thread() });
    const second = await system!.spawn(counter, { on: thread() });
    expect([await first.opened(), await second.opened()]).toEqual([1, 1]);
  });

  it('are lost with a worker that dies at once, and start again on a new one, from their arguments', async () => {
    await start();
    const [doomed, other] = await Promise.all([
      system!.spawn(counter, { on: thread(), args: { start: 7 }, name: 'doomed' }),
      system!.spawn(counter, { on: thread() }),
    ]);
    doomed.add();
    const letters: string[] = [];
    const lost: number[] = [];
    const reading = system!.deadLetters.subscribe({ next: (letter) => letters.push(letter.reason) });
    const losing = system!.losses.subscribe({ next: ({ count }) => lost.push(count) });
    doomed.exits();
    await expect(doomed.total()).rejects.toMatchObject({ code: 'OutcomeUnknown', reason: 'link-lost' });
    await expect(doomed.total()).rejects.toMatchObject({ code: 'NotDelivered', reason: 'unreachable' });
    expect(doomed.add()).toBe(false);
    expect(await other.total()).toBe(0);
    await expect(other.pathOf({ other: doomed })).rejects.toMatchObject({ code: 'ActorFailed' });
    const found = (): Promise<Ref<typeof Counter> | undefined> => system!.find(counter.protocol, 'doomed');
    await expect.poll(async () => pathOf((await found()) ?? doomed), { timeout: 10_000 }).toContain('/t3/');
    expect(await (await found())!.total()).toBe(7);
    expect(letters).toContain('unreachable');
    expect(letters.length + lost.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2);
    reading.unsubscribe();
    losing.unsubscribe();
  });

  it('die with an unhandled rejection of their code, which names no other actor', async () => {
    await start(1);
    const doomed = await system!.spawn(counter, { on: thread() });
    doomed.rejects();
    await expect(doomed.slowly({ ms: 5_000 })).rejects.toMatchObject({
      code: expect.stringMatching(/OutcomeUnknown|NotDelivered/),
    });
  });

  it('can be killed while their handler waits', async () => {
    await start(1);
    const ref = await system!.spawn(counter, { on: thread() });
    const asked = expect(ref.slowly({ ms: 10_000 })).rejects.toMatchObject({ code: 'ActorFailed' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await kill(ref);
    await asked;
    await expect(ref.total()).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
  });

  it('show the main thread their dead letters, which can be replayed from there', async () => {
    const { nodeId } = await start(1);
    const [ref, second] = [
      await system!.spawn(counter, { on: thread() }),
      await system!.spawn(counter, { on: thread(), args: { start: 5 } }),
    ];
    const letters: DeadLetter[] = [];
    const reading = system!.deadLetters.subscribe({ next: (letter) => void letters.push(letter) });
    const failed = await ref.throws().catch(({ code }) => code);
    expect(failed).toBe('ActorFailed');
    await stop(ref);
    ref.add({ by: 3 });
    await waitFor(() => letters.length === 2);
    reading.unsubscribe();
    expect(letters).toMatchObject([
      { path: `troupe://${nodeId}/t1/counter#1`, operation: 'counter.throws', reason: 'poison' },
      { operation: 'counter.add', message: { by: 3 } },
    ]);
    await letters[1]!.replay(second);
    expect(await second.total()).toBe(8);
    await expect(letters[1]!.replay()).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it('are refused where the registry does not name them, or there are no threads', async () => {
    await start(0);
    await expect(system!.spawn(counter, { on: thread() })).rejects.toMatchObject({
      code: 'SpawnFailed',
      reason: 'no-place',
    });
  });

  it('are spread over 2 workers, at least 30 of 100 on each, also after one of them was started anew', async () => {
    await start(2);
    const smallerShare = async (): Promise<number> => {
      const counts = new Map<string, number>();
      for (let n = 0; n < 100; n += 1) {
        const worker = pathOf(await system!.spawn(counter, { on: thread() })).split('/')[3]!;
        counts.set(worker, (counts.get(worker) ?? 0) + 1);
      }
      return counts.size === 2 ? Math.min(...counts.values()) : 0;
    };
    const topLevel = async (): Promise<number> => {
      const [, ...workers] = await system!.tree();
      return workers.reduce((sum, { actors }) => sum + actors.length, 0);
    };
    expect(await smallerShare()).toBeGreaterThanOrEqual(30);
    const doomed = await system!.spawn(counter, { on: thread() });
    doomed.exits();
    await doomed.total().catch(() => undefined);
    // Those that were lost are started again, and take turns as well.
    await expect.poll(topLevel, { timeout: 10_000 }).toBe(101);
    expect(await smallerShare()).toBeGreaterThanOrEqual(30);
  });

  it('are refused after the shutdown, and while it is under way; no worker is left', async () => {
    await start(1);
    const spawning = system!.spawn(counter, { on: thread() }).catch((error) => error.reason);
    const stopping = system!.shutdown({ deadlineMs: 300 });
    expect(await spawning).toBe('shutdown');
    await stopping;
    await expect(system!.spawn(counter, { on: thread() })).rejects.toMatchObject({ reason: 'shutdown' });
  });

  it('shut down within the deadline even when one of them never yields', async () => {
    await start(1);
    const ref = await system!.spawn(counter, { on: thread() });
    const asked = ref.spin({ ms: 3_000 }).catch((error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = Date.now();
    await system!.shutdown({ deadlineMs: 100 });
    expect(Date.now() - before).toBeLessThan(2_500);
    expect(await asked).toBe('OutcomeUnknown');
  });
});
