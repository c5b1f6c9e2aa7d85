import { type ActorSystem, createSystem, here, pathOf, type Ref, type ThreadOptions, thread } from 'troupe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { botherer, Doomed, doomed, mortal, proud, takeAsked } from './fixtures/doomed.ts';

let system: ActorSystem | undefined;
beforeEach(() => void takeAsked());
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
const threadOf = (ref: Ref<never> | Ref<typeof Doomed>): string => pathOf(ref).split('/')[3]!;
const found = (name: string): Promise<Ref<typeof Doomed> | undefined> => system!.find(Doomed, name);
/** Once the actor of that name has a new incarnation. */
async function foundAnew(name: string, before: Ref<typeof Doomed>): Promise<Ref<typeof Doomed>> {
  await expect
    .poll(async () => {
      const now = await found(name);
      return now !== undefined && pathOf(now) !== pathOf(before);
    }, patience)
    .toBe(true);
  return (await found(name))!;
}

describe('a thread', () => {
  it.each([
    ['exit', 'exits', {}, 'exit code 3'],
    ['exception', 'throwsLater', {}, 'RangeError: thrown by a timer'],
    ['exception', 'rejects', {}, 'RangeError: rejected by nobody'],
    ['memory', 'hoards', { memoryMbMax: 40 }, 'JS heap out of memory'],
    ['blocked', 'spins', { blockedMs: 1_500 }, 'no heartbeat for 1500 ms'],
  ] as const)(
    'that ends by %s (%s) loses its actors, which start again elsewhere; the others notice nothing',
    async (reason, how, options, what) => {
      await start({ max: 2, ...options });
      const ref = await system!.spawn(doomed, { on: thread(), args: { start: 7 }, name: 'victim' });
      const other = await system!.spawn(doomed, { on: thread(), args: { start: 8 } });
      expect([threadOf(ref), threadOf(other)]).toEqual(['t1', 't2']);
      ref[how]();
      const left = ref.held({ timeoutMs: 20_000 }).catch((error) => error);
      expect(await other.start()).toBe(8);
      const error = (await left) as Error & { code: string };
      expect(error.code).toMatch(/^(OutcomeUnknown|NotDelivered)$/);
      expect(error.message).toContain(`(${reason}: `);
      expect(error.message).toContain(what);
      const again = await foundAnew('victim', ref);
      expect(await again.start()).toBe(7);
      expect(takeAsked()).toEqual([expect.stringMatching(`^${reason} undefined \\S+/t1 was lost \\(${reason}: `)]);
      expect(await other.start()).toBe(8);
    },
    60_000,
  );

  it('is heard to the last by another thread, which was held while it died', async () => {
    await start(2);
    const ref = await system!.spawn(doomed, { on: thread(), args: { start: 9 } });
    const other = await system!.spawn(botherer, { on: thread() });
    expect(threadOf(ref)).not.toBe(pathOf(other).split('/')[3]);
    expect(await other.isHeld({ other: ref })).toBe('ok');
  }, 60_000);

  it('that dies while it starts, for want of memory, ends in SpawnFailed with the cause, and not in a loop', async () => {
    await start({ max: 1, memoryMbMax: 8, restarts: { restartsMax: 2, backoff: { minMs: 10, maxMs: 20 } } });
    for (let n = 0; n < 2; n += 1) {
      await expect(system!.spawn(doomed, { on: thread() })).rejects.toMatchObject({
        code: 'SpawnFailed',
        reason: 'no-place',
        cause: { code: 'PlaceLost', reason: 'memory' },
      });
    }
  }, 60_000);
});

describe('a top-level actor whose thread is lost', () => {
  it('is restarted twice where its budget is 2, and ends then; the name is free', async () => {
    await start(1);
    let ref = await system!.spawn(doomed, { on: thread(), args: { start: 1 }, name: 'victim' });
    for (let n = 0; n < 2; n += 1) {
      ref.exits();
      ref = await foundAnew('victim', ref);
      expect(await ref.start()).toBe(1);
    }
    ref.exits();
    await expect.poll(() => found('victim'), patience).toBe(undefined);
    expect(takeAsked().length).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await found('victim')).toBe(undefined);
    expect(await (await system!.spawn(doomed, { on: thread(), name: 'victim' })).start()).toBe(0);
  }, 60_000);

  it('ends where its directive says stop, and those beside it go on elsewhere', async () => {
    await start(1);
    const victim = await system!.spawn(doomed, { on: thread(), args: { start: 2 }, name: 'victim' });
    const ref = await system!.spawn(mortal, { on: thread(), name: 'mortal' });
    expect(await ref.start()).toBe(0);
    ref.exits();
    expect(await (await foundAnew('victim', victim)).start()).toBe(2);
    expect(await system!.find(mortal.protocol, 'mortal')).toBe(undefined);
  }, 60_000);

  it('escalates to the guardian, which shuts the system down where it is to', async () => {
    const code = process.exitCode;
    system = await createSystem({ registry, threads: 1, logLevel: 'silent', guardian: { escalated: 'shutdown' } });
    const ref = await system.spawn(proud, { on: thread() });
    const left = new Promise((resolve) => void system!.onShutdown('leave', ({ reason }) => resolve(reason)));
    ref.exits();
    expect(await left).toBe('escalated');
    expect(process.exitCode).toBe(1);
    process.exitCode = code;
  }, 60_000);

  it('is not started again by a system that shuts down', async () => {
    await start(1);
    const ref = await system!.spawn(doomed, { on: thread() });
    ref.exits();
    expect(await system!.shutdown({ deadlineMs: 500 })).toMatchObject({ threads: [] });
    expect(process.getActiveResourcesInfo().filter((one) => one === 'MessagePort')).toEqual([]);
  });
});

describe('placing', () => {
  it('by a name puts 2 actors on one thread, and others elsewhere; the name survives the thread', async () => {
    await start(1);
    const [a, b] = [
      await system!.spawn(doomed, { on: thread({ name: 'db' }), name: 'a' }),
      await system!.spawn(doomed, { on: thread({ name: 'db' }), name: 'b' }),
    ];
    const c = await system!.spawn(doomed, { on: thread() });
    expect([threadOf(a), threadOf(b), threadOf(c)]).toEqual(['t1', 't1', 't2']);
    a.exits();
    const [again, beside] = [await foundAnew('a', a), await foundAnew('b', b)];
    expect(threadOf(again)).toBe(threadOf(beside));
    expect(threadOf(again)).not.toBe('t2');
  }, 60_000);

  it('with an actor puts it beside that one: on a thread, and on this one', async () => {
    await start(2);
    const first = await system!.spawn(doomed, { on: thread() });
    const second = await system!.spawn(doomed, { on: thread() });
    expect(threadOf(second)).not.toBe(threadOf(first));
    for (const one of [first, second, first]) {
      const beside = await system!.spawn(doomed, { on: thread({ with: one }), args: { start: 3 } });
      expect(threadOf(beside)).toBe(threadOf(one));
      expect(await beside.start()).toBe(3);
    }
    const local = await system!.spawn(doomed);
    expect(threadOf(await system!.spawn(doomed, { on: thread({ with: local }) }))).toBe('main');
    // Wherever it lives.
    await system!.move(first, here());
    expect(threadOf(await system!.spawn(doomed, { on: thread({ with: first }) }))).toBe('main');
    await system!.move(first, thread());
    expect(threadOf(await system!.spawn(doomed, { on: thread({ with: first }) }))).toMatch(/^t/);
  });

  it('with an actor whose place is gone is refused, but what was placed so is started again anywhere', async () => {
    await start(1);
    const first = await system!.spawn(doomed, { on: thread() });
    const beside = await system!.spawn(doomed, { on: thread({ with: first }), name: 'beside' });
    first.exits();
    expect(threadOf(await foundAnew('beside', beside))).not.toBe('t1');
    await expect(system!.spawn(doomed, { on: thread({ with: first }) })).rejects.toMatchObject({
      code: 'SpawnFailed',
      reason: 'place-lost',
    });
  }, 60_000);

  it.each([[{ kind: 'thread', name: 'no name' }], [{ kind: 'thread', with: 'me' }]])('refuses %j', async (on) => {
    await start(1);
    await expect(system!.spawn(doomed, { on: on as never })).rejects.toMatchObject({ code: 'UsageError' });
  });
});
