/** The poison policy `quarantine`: what failed is kept, looked at, and sent again or given up. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import type { Quarantined } from '../../src/actors/quarantine.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { pathOf, stop } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Till = protocol('till', {
  put: tell(z.int()),
  total: ask({ input: z.int(), output: z.int() }),
  sum: ask({ output: z.int() }),
  failing: stream({ output: z.int() }),
});

/** Fails on negative numbers, after it has added them, until it is mended. */
function till(supervise: Supervise, mended: () => boolean = () => false, uncloneable = false) {
  return actor(
    Till,
    {
      args: z.object({}),
      state: () => ({ sum: 0, log: [] as number[], ...(uncloneable && { print: () => undefined }) }),
      supervise: { poison: 'quarantine', ...supervise },
    },
    {
      put: (state, n) => {
        state.log.push(n);
        if (n < 0 && !mended()) throw new RangeError(`negative: ${n}`);
        state.sum += Math.abs(n);
      },
      total: (state, n) => {
        if (!mended()) throw new Error('not mended');
        return state.sum + n;
      },
      sum: ({ sum }) => sum,
      failing: () => {
        throw new Error('no stream');
      },
    },
  );
}

describe('quarantine', () => {
  test('keeps the message, its error and the state as the failure left it, and the queue goes on after a restart', async () => {
    const { spawn, host, settle, clock, deadLetters } = testHost();
    const seen: Quarantined[] = [];
    const reading = host.quarantine.stream().subscribe({ next: (one) => void seen.push(one) });
    const ref = await spawn(till({}));
    for (const n of [1, 2, -3, 4]) ref.put(n);
    await settle();
    expect(host.quarantine.list()).toMatchObject([
      {
        path: pathOf(ref),
        operation: 'till.put',
        message: -3,
        error: { name: 'RangeError', message: 'negative: -3' },
        state: { sum: 3, log: [1, 2, -3] },
        stateIsShared: false,
        atMs: clock.now(),
      },
    ]);
    expect(seen).toEqual(host.quarantine.list());
    expect(await ref.sum()).toBe(4);
    expect(deadLetters).toEqual([]);
    expect(host.counters).toMatchObject({ accepted: 5, handled: 4, quarantined: 1 });
    reading.unsubscribe();
  });

  test('keeps a copy of a state that the actor goes on with, and says where it cannot', async () => {
    const { spawn, host, settle } = testHost();
    const [copied, shared] = [
      await spawn(till({ directive: () => 'resume' })),
      await spawn(till({ directive: () => 'resume' }, () => false, true)),
    ];
    for (const ref of [copied, shared]) {
      ref.put(-1);
      ref.put(5);
    }
    await settle();
    expect(host.quarantine.list()).toMatchObject([
      { state: { sum: 0, log: [-1] }, stateIsShared: false },
      { state: { sum: 5, log: [-1, 5] }, stateIsShared: true },
    ]);
  });

  test('replays at the head of the queue, once; what fails again is kept again', async () => {
    const { spawn, host, settle } = testHost();
    let mended = false;
    const ref = await spawn(till({ directive: () => 'resume' }, () => mended));
    ref.put(-1);
    await settle();
    const [first] = host.quarantine.list();
    await first!.replay();
    await settle();
    expect(host.quarantine.list()).toHaveLength(1);
    expect(host.quarantine.list()[0]).not.toBe(first);
    expect(await ended(first!.replay())).toMatchObject({ error: { code: 'UsageError' } });
    expect(() => first!.discard()).toThrow('in quarantine no more');
    mended = true;
    ref.put(10);
    ref.put(20);
    await host.quarantine.list()[0]!.replay();
    const kept = ref.sum();
    expect(await kept).toBe(31);
    expect(host.quarantine.size).toBe(0);
    expect(host.counters).toMatchObject({ accepted: 4, handled: 4, quarantined: 0 });
  });

  test('tells the caller of an ask of the failure, and gives the new reply to who replays', async () => {
    const { spawn, host } = testHost();
    let mended = false;
    const ref = await spawn(till({}, () => mended));
    expect(await ended(ref.total(5))).toMatchObject({ error: { code: 'ActorFailed' } });
    const [kept] = host.quarantine.list();
    mended = true;
    expect(await kept!.replay()).toBe(5);
  });

  test('comes after 2 retries where it is named for them', async () => {
    const { spawn, host, settle, deadLetterCounts } = testHost();
    const ref = await spawn(till({ directive: () => 'resume', poison: { retry: 2, afterwards: 'quarantine' } }));
    ref.put(-1);
    await settle();
    expect(host.quarantine.list()).toMatchObject([{ state: { log: [-1, -1, -1] } }]);
    expect(deadLetterCounts()).toEqual({});
  });

  test('of an actor that has ended stays, is not replayed, and becomes a dead letter that can be', async () => {
    const { spawn, host, settle, deadLetters } = testHost();
    let mended = false;
    const [ref, other] = [await spawn(till({}, () => mended)), await spawn(till({}, () => true))];
    ref.put(-2);
    await settle();
    await stop(ref);
    mended = true;
    const [kept] = host.quarantine.list();
    expect(await ended(kept!.replay())).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    expect(host.quarantine.size).toBe(1);
    kept!.discard();
    await settle();
    expect(deadLetters).toMatchObject([{ operation: 'till.put', reason: 'poison', message: -2 }]);
    await deadLetters[0]!.replay(other);
    expect(await other.sum()).toBe(2);
    expect(host.counters.quarantined).toBe(0);
  });

  test(`holds ${limits.quarantinedMax}; the 2 oldest beyond fall out as dead letters`, async () => {
    const { spawn, host, settle, deadLetters } = testHost();
    const ref = await spawn(till({ directive: () => 'resume' }));
    for (let n = 1; n <= limits.quarantinedMax + 2; n += 1) ref.put(-n);
    await settle();
    expect(host.quarantine.size).toBe(limits.quarantinedMax);
    expect(host.quarantine.list()[0]).toMatchObject({ message: -3 });
    expect(deadLetters).toMatchObject([
      { reason: 'poison', message: -1 },
      { reason: 'poison', message: -2 },
    ]);
    expect(host.counters.quarantined).toBe(limits.quarantinedMax);
  });

  test('does not replay a stream, whose reader is gone', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(till({}));
    expect(await ended(ref.failing()[Symbol.asyncIterator]().next())).toMatchObject({ error: { code: 'ActorFailed' } });
    const [kept] = host.quarantine.list();
    expect(await ended(kept!.replay())).toMatchObject({ error: { code: 'UsageError' } });
    expect(host.quarantine.size).toBe(1);
  });
});
