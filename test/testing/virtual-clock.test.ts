/** The clock of virtual time against a reference: a list that is searched for the earliest. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

interface Reference {
  readonly dueMs: number;
  readonly number: number;
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), delayMs: fc.nat(20) }),
    fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(30) }),
    fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(15) }),
  ),
  { maxLength: 60 },
);

describe('the virtual clock', () => {
  it('fires the earliest first, of two at one time the one set first, and none that was cancelled: 300 programs', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (program) => {
        const clock = new VirtualClock();
        const fired: number[] = [];
        const expected: number[] = [];
        const cancels: (() => void)[] = [];
        let pending: Reference[] = [];
        let nowMs = 0;
        for (const step of program) {
          if (step.kind === 'set') {
            const number = cancels.length;
            cancels.push(clock.timer(step.delayMs, () => void fired.push(number)));
            pending.push({ dueMs: nowMs + step.delayMs, number });
          } else if (step.kind === 'cancel') {
            cancels[step.which]?.();
            pending = pending.filter(({ number }) => number !== step.which);
          } else {
            nowMs += step.ms;
            await clock.advance(step.ms, async () => undefined);
            const due = pending.filter(({ dueMs }) => dueMs <= nowMs);
            due.sort((a, b) => a.dueMs - b.dueMs || a.number - b.number);
            expected.push(...due.map(({ number }) => number));
            pending = pending.filter(({ dueMs }) => dueMs > nowMs);
          }
          expect(clock.pending).toBe(pending.length);
          expect(clock.monotonicMs()).toBe(nowMs);
          const next = pending.length === 0 ? undefined : Math.min(...pending.map(({ dueMs }) => dueMs)) - nowMs;
          expect(clock.nextInMs).toBe(next);
        }
        expect(fired).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('shows each timer its own time, also to one that a timer sets for at once', async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    clock.timer(10, () => {
      seen.push(clock.monotonicMs());
      clock.timer(0, () => void seen.push(clock.monotonicMs()));
      clock.timer(5, () => void seen.push(clock.monotonicMs()));
    });
    clock.timer(12, () => void seen.push(clock.monotonicMs()));
    await clock.advance(20);
    expect(seen).toEqual([10, 10, 12, 15]);
    expect(clock.monotonicMs()).toBe(20);
  });
});
