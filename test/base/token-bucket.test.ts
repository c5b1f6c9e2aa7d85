/** A bucket of tokens, against its one rule: over any time no more than its burst and what the time brought. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/base/token-bucket.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { proofRuns } from '../support/proof-runs.ts';

describe('a token bucket', () => {
  it('gives its burst at once, then as many as time brings, and never keeps more than its burst', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, { perSecond: 10, burst: 3 });
    const taken = (): number => Array.from({ length: 10 }, () => bucket.take()).filter(Boolean).length;
    expect([taken(), bucket.waitMs(1), bucket.waitMs(2)]).toEqual([3, 100, 200]);
    await clock.advance(99);
    expect([taken(), bucket.waitMs(1)]).toEqual([0, 1]);
    await clock.advance(1);
    expect(taken()).toBe(1);
    await clock.advance(60_000);
    expect([bucket.waitMs(3), taken()]).toEqual([0, 3]);
  });

  it('is empty for as long as it has debts', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, { perSecond: 10, burst: 3 });
    bucket.charge(13);
    expect([bucket.take(), bucket.waitMs(1)]).toEqual([false, 1_100]);
    await clock.advance(1_100);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
  });

  it('never gives more than its burst and what the time brought, nor less where there is demand', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 80 })), { maxLength: 40 }),
        async (perSecond, burst, steps) => {
          const clock = new VirtualClock();
          const bucket = new TokenBucket(clock, { perSecond, burst });
          const given: { atMs: number; count: number }[] = [];
          for (const [ms, wanted] of steps) {
            await clock.advance(ms);
            const wait = bucket.waitMs(1);
            let count = 0;
            while (count < wanted && bucket.take()) count += 1;
            if (wanted > 0) expect(count > 0).toBe(wait === 0);
            given.push({ atMs: clock.monotonicMs(), count });
          }
          for (let from = 0; from < given.length; from += 1) {
            let total = 0;
            for (let to = from; to < given.length; to += 1) {
              total += given[to]!.count;
              const elapsedMs = given[to]!.atMs - given[from]!.atMs;
              expect(total).toBeLessThanOrEqual(burst + (elapsedMs * perSecond) / 1_000 + 1e-6);
            }
          }
        },
      ),
      { numRuns: proofRuns(100) },
    );
  });
});
