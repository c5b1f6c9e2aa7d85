/** Work pulling: who gets what, and what becomes of the work of a worker that is lost. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  actor,
  addWorker,
  ask,
  deliveryOf,
  pathOf,
  protocol,
  type Ref,
  reliable,
  removeWorker,
  serviceKey,
  stop,
  UsageError,
  workersOf,
  workQueue,
} from '../../../src/index.ts';
import { type Place, SeveralPlaces } from '../../runtime/several-places.ts';

const Worker = protocol('worker', { work: ask({ input: z.object({ n: z.int(), ms: z.int() }), output: z.int() }) });

function setUp() {
  /** Which handlers were called, as the worker and the message. */
  const begun: [string, number][] = [];
  const worker = actor(
    Worker,
    { args: z.object({ name: z.string() }), state: ({ name }) => ({ name }) },
    {
      work: async ({ name }, { n, ms }, ctx) => {
        begun.push([name, n]);
        await ctx.delay(ms);
        return n * n;
      },
    },
  );
  const several = new SeveralPlaces([worker], { places: ['a~1/main', 'b~1/main', 'c~1/main'] });
  const [a, b, c] = several.places as [Place, Place, Place];
  const at = async (place: Place, name: string): Promise<Ref<typeof Worker>> =>
    a.own(await place.spawn(worker, { args: { name } }));
  return { several, a, b, c, at, begun };
}

const jobs = (count: number, ms: number) => Array.from({ length: count }, (_, n) => ({ n, ms }));

describe('workQueue', () => {
  it('gives a worker the next message when it is done with one, and those of all nodes together', async () => {
    const { several, b, c, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b'), await at(c, 'c')]);
    const results = jobs(6, 100).map((one) => work.work(one));
    await several.advance(10);
    expect(begun).toEqual([
      ['b', 0],
      ['c', 1],
    ]);
    expect(deliveryOf(work)).toMatchObject({ unconfirmed: 6, hasRoom: false });
    await several.advance(500);
    expect(await Promise.all(results)).toEqual([0, 1, 4, 9, 16, 25]);
    expect(begun.map(([, n]) => n)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('keeps none waiting behind a slow worker while another has nothing to do', async () => {
    const { several, b, c, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b'), await at(c, 'c')]);
    const slow = work.work({ n: 0, ms: 1_000 });
    const results = jobs(5, 10).map((one) => work.work(one));
    await several.advance(500);
    await Promise.all(results);
    expect(begun.filter(([name]) => name === 'c')).toHaveLength(5);
    await Promise.all([several.advance(600), slow]);
  });

  it('gives what a worker that is lost may have begun to another after lostAfterMs, and the rest at once', async () => {
    const { several, a, b, c, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b')], { perWorker: 2, lostAfterMs: 2_000 });
    const results = jobs(4, 100).map((one) => work.work(one));
    await several.advance(20);
    several.cut(a, b);
    addWorker(work, await at(c, 'c'));
    await several.advance(1_500);
    expect(begun).toEqual([
      ['b', 0],
      ['c', 2],
      ['c', 3],
    ]);
    await several.advance(3_000);
    expect(await Promise.all(results)).toEqual([0, 1, 4, 9]);
    expect(begun.slice(3).sort()).toEqual([
      ['c', 0],
      ['c', 1],
    ]);
  });

  it('handles each message once where the worker comes back in time', async () => {
    const { several, a, b, c, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b'), await at(c, 'c')], { perWorker: 3 });
    const results = jobs(30, 20).map((one) => work.work(one));
    for (let cuts = 0; cuts < 10; cuts += 1) {
      await several.advance(30);
      const other = cuts % 2 === 0 ? b : c;
      several.cut(a, other);
      several.join(a, other);
    }
    await several.advance(5_000);
    expect(await Promise.all(results)).toEqual(jobs(30, 0).map(({ n }) => n * n));
    expect(begun.map(([, n]) => n).sort((x, y) => x - y)).toEqual(jobs(30, 0).map(({ n }) => n));
  });

  it('uses a worker that was out of reach again', async () => {
    const { several, a, b, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b')], { lostAfterMs: 500 });
    several.cut(a, b);
    const result = work.work({ n: 3, ms: 1 });
    await several.advance(5_000);
    expect(deliveryOf(work).unconfirmed).toBe(1);
    several.join(a, b);
    await several.advance(2_000);
    expect(await result).toBe(9);
    expect(begun).toEqual([['b', 3]]);
  });

  it('gives up what as many workers as attempts says were lost with, and goes on with the others', async () => {
    const { several, a, b, c, at, begun } = setUp();
    const work = workQueue(Worker, [await at(b, 'b'), await at(c, 'c')], { attempts: 2, lostAfterMs: 1_000 });
    const poison = work.work({ n: 1, ms: 60_000 }).catch((error: unknown) => error);
    await several.advance(10);
    several.cut(a, b);
    await several.advance(3_000);
    several.join(a, b);
    expect(begun).toEqual([
      ['b', 1],
      ['c', 1],
    ]);
    several.cut(a, c);
    await several.advance(3_000);
    expect(await poison).toMatchObject({ code: 'DeliveryFailed', reason: 'lost', mayHaveRun: true });
    const result = work.work({ n: 3, ms: 1 });
    await several.advance(70_000);
    expect(await result).toBe(9);
  });

  it('drops a worker that has ended, and gives what it had to another', async () => {
    const { several, b, at, begun } = setUp();
    const refs = [await at(b, 'first'), await at(b, 'second')];
    const work = workQueue(Worker, refs);
    await stop(b.own(refs[0]!));
    const [result] = await Promise.all([work.work({ n: 2, ms: 1 }), several.advance(100)]);
    expect([result, begun, workersOf(work)]).toEqual([4, [['second', 2]], [pathOf(refs[1]!)]]);
  });

  it('has the workers that a key names, as they come and go', async () => {
    const { several, a, b, c, at, begun } = setUp();
    const key = serviceKey('workers', Worker);
    const { Receptionist } = await import('../../../src/actors/finding/receptionist.ts');
    const receptionist = new Receptionist(a.host, a.host.outside);
    const work = workQueue(Worker, receptionist.subscribe(key));
    const early = work.work({ n: 2, ms: 10 });
    await several.advance(100);
    expect(begun).toEqual([]);
    const first = await at(b, 'b');
    await Promise.all([receptionist.register(key, first), several.advance(100)]);
    expect(await early).toBe(4);
    const second = await at(c, 'c');
    await Promise.all([receptionist.register(key, second), several.advance(100)]);
    await Promise.all([receptionist.unregister(key, first), several.advance(100)]);
    expect(workersOf(work)).toEqual([pathOf(second)]);
    await Promise.all([work.work({ n: 3, ms: 10 }), several.advance(100)]);
    expect(begun.at(-1)).toEqual(['c', 3]);
    deliveryOf(work).close();
    await expect(work.work({ n: 1, ms: 1 })).rejects.toMatchObject({ reason: 'closed' });
  });

  it('lets a worker go when it has finished what it has', async () => {
    const { several, b, c, at, begun } = setUp();
    const [first, second] = [await at(b, 'b'), await at(c, 'c')];
    const work = workQueue(Worker, [first]);
    const result = work.work({ n: 2, ms: 100 });
    await several.advance(10);
    expect([removeWorker(work, first), removeWorker(work, first)]).toEqual([true, false]);
    const later = work.work({ n: 3, ms: 1 });
    await several.advance(500);
    expect(await result).toBe(4);
    expect(workersOf(work)).toEqual([]);
    addWorker(work, second);
    await several.advance(100);
    expect(await later).toBe(9);
    expect(begun).toEqual([
      ['b', 2],
      ['c', 3],
    ]);
  });

  it('refuses what are no workers', async () => {
    const { b, at } = setUp();
    const worker = await at(b, 'b');
    const Other = protocol('other', { work: ask({ output: z.int() }) });
    expect(() => workQueue(Other, [worker as never])).toThrow(/speaks "worker"/);
    expect(() => workQueue(Worker, {} as never)).toThrow(UsageError);
    expect(() => workQueue(Worker, [], { perWorker: 0 })).toThrow(/perWorker/);
    expect(() => addWorker(reliable(worker), worker)).toThrow(/not what reliable/);
  });
});
