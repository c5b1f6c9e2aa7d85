/**
 * What holds a thread, in real systems: what is found is asserted, and times only from below, since the machine that runs
 * this may hold a thread by itself at any time.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ActorSystem, createSystem, here, pathOf, type Ref, type Stall, stop, thread, type Where } from 'troupe';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Stalling, spin, stalling } from './fixtures/stalling.ts';

const registry = new URL('./fixtures/stalling.ts', import.meta.url);
let system: ActorSystem;
const stalls: Stall[] = [];
async function start(options: { stallMs?: number | false } = {}): Promise<void> {
  system = await createSystem({ registry, threads: 1, logLevel: 'silent', ...options });
  system.stalls.subscribe({
    next: (stall) => {
      stalls.push(stall);
    },
  });
}
async function end(): Promise<void> {
  await system.shutdown({ deadlineMs: 500 });
  stalls.length = 0;
}
/** The first stall that is meant, once it was told. */
async function told(is: (stall: Stall) => boolean): Promise<Stall | undefined> {
  for (let waited = 0; waited < 20_000 && !stalls.some(is); waited += 10) await pass(10);
  return stalls.find(is);
}
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** On a machine with too much to do it may be told of while it holds the thread, too. */
const isOver = ({ kind }: Stall): boolean => kind !== 'held';
const namedBy = (ref: Ref<typeof Stalling>, operation: string) => (stall: Stall) =>
  stall.path === pathOf(ref) && stall.operation === operation;

const places: [string, Where, string][] = [
  ['the main thread', here(), 'main'],
  ['a worker thread', thread(), 't1'],
];
describe.each(places)('on %s', (_name, on, threadName) => {
  beforeAll(() => start());
  afterEach(() => {
    stalls.length = 0;
  });
  afterAll(end);

  it('a tell whose handler takes 150 ms is told with its actor, its operation and at least 150 ms', async () => {
    const { nodeId } = system;
    const ref = await system.spawn(stalling, { on });
    ref.spin({ ms: 150 });
    const stall = await told((one) => isOver(one) && namedBy(ref, 'stalling.spin')(one));
    expect(stall).toMatchObject({ kind: 'handler', place: `${nodeId}/${threadName}`, messages: 1, suspects: [] });
    expect(stall!.durationMs).toBeGreaterThanOrEqual(150);
    expect(stall!.advice).toContain(threadName === 'main' ? 'on: thread() }' : 'thread({ name })');
  });

  it('an ask is told the same way, and one that interleaves too', async () => {
    const ref = await system.spawn(stalling, { on });
    await ref.spinAsked({ ms: 130 });
    await ref.spinBeside({ ms: 130 });
    expect(await told(namedBy(ref, 'stalling.spinAsked'))).toMatchObject({ kind: 'handler' });
    expect(await told(namedBy(ref, 'stalling.spinBeside'))).toMatchObject({ kind: 'handler' });
  });

  it('a generator that takes 300 ms for each of 3 values is told for each of them', async () => {
    const ref = await system.spawn(stalling, { on });
    for await (const ms of ref.spinBetween({ ms: 300, times: 3 })) expect(ms).toBe(300);
    const each = (): Stall[] => stalls.filter(namedBy(ref, 'stalling.spinBetween')).filter(isOver);
    await told(() => each().length === 3);
    expect(each().map(({ kind }) => kind)).toEqual(['handler', 'handler', 'handler']);
  });

  it('a handler that goes on after an await names its actor as a suspect', async () => {
    const ref = await system.spawn(stalling, { on });
    await ref.spinAfterAwait({ ms: 250 });
    const suspect = { path: pathOf(ref), operation: 'stalling.spinAfterAwait' };
    const stall = await told(({ suspects }) => suspects.some(({ operation }) => operation === suspect.operation));
    expect(stall).toMatchObject({ kind: 'outside', path: undefined, operation: undefined });
    expect(stall!.suspects).toContainEqual(suspect);
    expect(stall!.durationMs).toBeGreaterThanOrEqual(150);
  });

  it('work of ctx.run names the actor, by the operation that gets its outcome', async () => {
    const ref = await system.spawn(stalling, { on });
    ref.spinInWork({ ms: 250 });
    const stall = await told(({ suspects }) => suspects.some(({ operation }) => operation === 'stalling.done'));
    expect(stall!.suspects).toContainEqual({ path: pathOf(ref), operation: 'stalling.done' });
    expect(await ref.worked()).toBe(250);
  });

  it.each(['stateMs', 'startedMs'])('a start that takes 250 ms (%s) names the actor that starts', async (part) => {
    const ref = await system.spawn(stalling, { on, args: { [part]: 250 } });
    const stall = await told(({ suspects }) => suspects.some(({ operation }) => operation === 'its start'));
    expect(stall!.suspects).toContainEqual({ path: pathOf(ref), operation: 'its start' });
  });

  it('a stopping hook that takes 150 ms is told as the end of its actor', async () => {
    const ref = await system.spawn(stalling, { on, args: { stoppingMs: 150 } });
    await stop(ref);
    expect(await told(namedBy(ref, 'the end of stalling'))).toMatchObject({ kind: 'handler' });
  });
});

describe('what is told', () => {
  beforeEach(() => start());
  afterEach(end);

  it('accuses no actor of what code outside of actors did right after its reply', async () => {
    const ref = await system.spawn(stalling);
    await ref.spinAsked({ ms: 1 });
    spin(300);
    const stall = await told(({ durationMs }) => durationMs >= 200);
    expect(stall).toMatchObject({ kind: 'outside', path: undefined, suspects: [] });
  });

  it('names one of a thousand messages the second time at the latest', async () => {
    const [busy, culprit] = [await system.spawn(stalling), await system.spawn(stalling)];
    const flood = async (ms: number): Promise<void> => {
      for (let n = 0; n < 500; n += 1) busy.quick();
      for (let n = 0; n < 500; n += 1) culprit.quick();
      if (ms > 0) culprit.spin({ ms });
      for (let n = 0; n < 500; n += 1) culprit.quick();
      await culprit.worked();
    };
    // By now the clock is read for every 64th message.
    for (let round = 0; round < 20; round += 1) await flood(0);
    await flood(150);
    expect(await told(({ messages, durationMs }) => messages > 0 && durationMs >= 150)).toBeDefined();
    await flood(150);
    expect(await told(namedBy(culprit, 'stalling.spin'))).toMatchObject({ kind: 'handler', messages: 1 });
  });

  it('is published on the channel troupe:stall of node:diagnostics_channel', async () => {
    const published: unknown[] = [];
    const keep = (stall: unknown): void => void published.push(stall);
    subscribe('troupe:stall', keep);
    try {
      const ref = await system.spawn(stalling);
      ref.spin({ ms: 150 });
      const stall = await told(namedBy(ref, 'stalling.spin'));
      expect(published).toContainEqual(stall);
    } finally {
      unsubscribe('troupe:stall', keep);
    }
  });

  it('says of a worker that holds its thread for 2 s what it is at, while it still does', async () => {
    const ref = await system.spawn(stalling, { on: thread(), name: 'stuck' });
    ref.spin({ ms: 2_000 });
    const held = await told(({ kind }) => kind === 'held');
    expect(stalls.some(({ kind }) => kind === 'handler')).toBe(false);
    expect(held).toMatchObject({ path: pathOf(ref), operation: 'stalling.spin' });
    expect(held!.durationMs).toBeGreaterThanOrEqual(1_000);
    const handled = await told((stall) => stall.kind === 'handler' && namedBy(ref, 'stalling.spin')(stall));
    expect(handled!.durationMs).toBeGreaterThanOrEqual(2_000);
  });
});

describe('the option stallMs', () => {
  it('leaves a handler of 150 ms in peace at 2,000', async () => {
    await start({ stallMs: 2_000 });
    const ref = await system.spawn(stalling);
    await ref.spinAsked({ ms: 150 });
    await pass(50);
    expect(stalls.filter(({ kind }) => kind === 'handler')).toEqual([]);
    await end();
  });

  it.each(places)('has nothing told of %s where it is false', async (_name, on) => {
    await start({ stallMs: false });
    const ref = await system.spawn(stalling, { on });
    await ref.spinAsked({ ms: 250 });
    await ref.spinAfterAwait({ ms: 250 });
    await pass(100);
    expect(stalls).toEqual([]);
    await end();
  });

  it.each([9, 60_001, 1.5, true])('refuses stallMs: %s', async (stallMs) => {
    await expect(createSystem({ stallMs: stallMs as number })).rejects.toMatchObject({ code: 'UsageError' });
  });
});
