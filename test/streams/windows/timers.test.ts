import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Timers } from '../../../src/streams/windows/timers.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';

const runs = 300;

it('timers that are set, moved and cleared in any order fire by time, and those of one time by their order', {
  timeout: proofTimeoutMs(runs),
}, () => {
  const owner = fc.nat(20);
  const timeMs = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -5, max: 10 }) }, fc.constant(Infinity));
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ set: owner, timeMs }) },
    { weight: 1, arbitrary: fc.record({ clear: owner }) },
    { weight: 2, arbitrary: fc.record({ takeUntil: timeMs }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const timers = new Timers();
      const plain = new Map<number, { timeMs: number; order: number }>();
      const earliest = (): number | undefined =>
        [...plain].sort(([, a], [, b]) =>
          a.timeMs === b.timeMs ? a.order - b.order : a.timeMs < b.timeMs ? -1 : 1,
        )[0]?.[0];
      actions.forEach((one, at) => {
        // No two have one order, so that the first is always known; a timer that is moved may get a lower one.
        const order = (at * 7_919) % 1_009;
        if ('set' in one) {
          timers.set(one.set, one.timeMs, order);
          plain.set(one.set, { timeMs: one.timeMs, order });
        } else if ('clear' in one) {
          timers.clear(one.clear);
          plain.delete(one.clear);
        } else {
          const next = earliest();
          const due = next !== undefined && plain.get(next)!.timeMs <= one.takeUntil ? next : undefined;
          expect(timers.takeDue(one.takeUntil)).toBe(due);
          if (due !== undefined) plain.delete(due);
        }
        const next = earliest();
        expect(timers.size).toBe(plain.size);
        expect(timers.nextMs).toBe(next === undefined ? Infinity : plain.get(next)!.timeMs);
        for (let each = 0; each <= 20; each += 1) {
          const dueMs = plain.get(each)?.timeMs ?? Infinity;
          expect([timers.isDueBy(each, Math.min(dueMs, 1e9) - 1), timers.isDueBy(each, dueMs)]).toEqual([
            false,
            plain.has(each),
          ]);
        }
      });
    }),
    { numRuns: proofRuns(runs) },
  );
});
