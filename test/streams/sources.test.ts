import { setImmediate as pass, setTimeout as sleep } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Overflow } from '../../src/streams/index.ts';
import { flow, forEach, fromIterable } from '../../src/streams/index.ts';
import { contextOf } from './connect/context.ts';
import { runLocally } from './local-run.ts';

const none = z.object({});

describe('fromIterable', () => {
  it('pulls a synchronous generator by batches of 1,024, and closes it', async () => {
    let pulled = 0;
    let closed = false;
    function* endless(): Generator<number> {
      try {
        for (;;) yield pulled++;
      } finally {
        closed = true;
      }
    }
    const batches = fromIterable(endless()).open(contextOf())[Symbol.asyncIterator]();
    expect((await batches.next()).value).toHaveLength(1_024);
    expect(pulled).toBe(1_024);
    await batches.return?.();
    expect(closed).toBe(true);
  });

  it('takes at most 256 elements ahead from an asynchronous generator', async () => {
    let pulled = 0;
    let closed = false;
    async function* endless(): AsyncGenerator<number> {
      try {
        for (;;) yield pulled++;
      } finally {
        closed = true;
      }
    }
    const stop = new AbortController();
    const batches = fromIterable(endless()).open(contextOf(stop.signal))[Symbol.asyncIterator]();
    const seen: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      seen.push(...(await batches.next()).value!);
      await pass();
      await pass();
      expect(pulled).toBeLessThanOrEqual(seen.length + 257);
    }
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => n));
    stop.abort();
    await pass();
    expect(closed).toBe(true);
  });

  it('gives what an asynchronous generator gave before it threw, then fails the run', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new Error('no more');
    }
    const out: number[] = [];
    const failing = flow('failing', { args: none }, (f) =>
      f.from(fromIterable(broken())).to(forEach((n) => void out.push(n))),
    );
    const run = await runLocally(failing, {});
    await expect(run.done).rejects.toMatchObject({ code: 'SourceFailed', cause: new Error('no more') });
    expect(out).toEqual([1, 2]);
  });

  it('refuses what cannot be iterated', () => {
    expect(() => fromIterable(7 as never)).toThrow('fromIterable takes an Iterable');
  });
});

describe('a hot source', () => {
  /** 100 elements at once for a sink that is stuck at first, with room for 10. */
  async function burst(overflow: Overflow, capacity = 10) {
    const hot$ = new Subject<number>();
    let release!: () => void;
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const out: number[] = [];
    const hot = flow('hot', { args: none }, (f) =>
      f.fromHot(hot$, { overflow, capacity }).to(
        forEach(async (n) => {
          out.push(n);
          await stuck;
        }),
      ),
    );
    const run = await runLocally(hot, {});
    hot$.next(0);
    await sleep(5);
    for (let n = 1; n < 100; n += 1) hot$.next(n);
    hot$.complete();
    release();
    return { run, out };
  }

  it.each([
    ['drop-oldest', 90, [0, ...Array.from({ length: 10 }, (_, n) => 90 + n)]],
    ['drop-newest', 1, [0, ...Array.from({ length: 10 }, (_, n) => 1 + n)]],
    ['latest', 99, [0, 99]],
  ] as const)('with %s keeps the right elements, and in = out + dropped', async (overflow, _first, kept) => {
    const { run, out } = await burst(overflow);
    await run.done;
    expect(out).toEqual(kept);
    expect(run.stage('source')).toEqual({ in: 100, out: kept.length, dropped: 100 - kept.length, late: 0 });
  });

  it('with error fails the run at element 12 of a capacity of 10, and says what to choose instead', async () => {
    const { run } = await burst('error');
    await expect(run.done).rejects.toMatchObject({ code: 'SourceOverflow' });
    await expect(run.done).rejects.toThrow("'drop-oldest' | 'drop-newest' | 'latest'");
  });

  it('passes the error of its Observable on as SourceFailed and unsubscribes when the run ends', async () => {
    const hot$ = new Subject<number>();
    const hot = flow('hot', { args: none }, (f) =>
      f.fromHot(hot$, { overflow: 'latest', capacity: 1 }).to(forEach(() => undefined)),
    );
    const failed = await runLocally(hot, {});
    await pass();
    expect(hot$.observed).toBe(true);
    hot$.error(new Error('gone'));
    await expect(failed.done).rejects.toMatchObject({ code: 'SourceFailed', cause: new Error('gone') });
    const again$ = new Subject<number>();
    const cancelled = await runLocally(
      flow('again', { args: none }, (f) =>
        f.fromHot(again$, { overflow: 'latest', capacity: 1 }).to(forEach(() => undefined)),
      ),
      {},
    );
    await pass();
    cancelled.cancel();
    await pass();
    expect(again$.observed).toBe(false);
  });

  it('refuses an unknown strategy and a capacity of 0', () => {
    const plan = (options: object) => async () =>
      runLocally(
        flow('hot', { args: none }, (f) =>
          f.fromHot(new Subject<number>(), options as never).to(forEach(() => undefined)),
        ),
        {},
      );
    return Promise.all([
      expect(plan({ overflow: 'some', capacity: 1 })()).rejects.toThrow('drop-oldest | drop-newest | latest | error'),
      expect(plan({ overflow: 'latest', capacity: 0 })()).rejects.toThrow('whole elements from 1 on'),
    ]);
  });
});
