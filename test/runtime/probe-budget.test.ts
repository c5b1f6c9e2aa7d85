/** What one node may have looked for, in steps: what it sends beyond that is dropped, and heard again later. */
import { describe, expect, it } from 'vitest';
import type { CallHere, Probe } from '../../src/actors/wait-elsewhere.ts';
import type { OneOf } from '../../src/actors/wait-for.ts';
import { limits } from '../../src/base/limits.ts';
import { ProbeBudget } from '../../src/runtime/probe-budget.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

const probe: Probe = { along: { madeAt: 1, depth: 1, name: 'x' }, of: null, nonce: 1, path: [] };

/** A call that waits for so many runs, and how often it was looked at. */
function waitsFor(runs: number): CallHere & { looks: number } {
  const groups = Array.from({ length: runs }, (_, n) => [
    { isOver: false, waits: [], path: () => `run ${n}` },
  ]) as unknown as OneOf[];
  const call = {
    looks: 0,
    hasBegun: false,
    blockers: () => {
      call.looks += 1;
      return groups;
    },
  };
  return call;
}

describe('the probes of a node', () => {
  it('are followed 100,000 at once where each finds nothing, then 100,000 a second; the others are dropped', async () => {
    const clock = new VirtualClock();
    let dropped = 0;
    const budget = new ProbeBudget(clock, () => {
      dropped += 1;
    });
    const call = waitsFor(0);
    for (let n = 0; n < limits.probeStepsBurst + 500; n += 1) budget.follow(call, probe);
    expect([call.looks, dropped]).toEqual([limits.probeStepsBurst, 500]);
    await clock.advance(10);
    for (let n = 0; n < 2_000; n += 1) budget.follow(call, probe);
    expect([call.looks, dropped]).toEqual([limits.probeStepsBurst + 1_000, 1_500]);
  });

  it('cost what they come to: of those that each come to 1,000 runs a hundredth is followed', async () => {
    const clock = new VirtualClock();
    const budget = new ProbeBudget(clock, () => undefined);
    const call = waitsFor(1_000);
    for (let n = 0; n < 1_000; n += 1) budget.follow(call, probe);
    expect(call.looks).toBe(100);
    await clock.advance(1_000);
    for (let n = 0; n < 1_000; n += 1) budget.follow(call, probe);
    expect(call.looks).toBe(200);
  });
});
