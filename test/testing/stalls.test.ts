/** Under virtual time nothing is held: no real time counts. */
import { expect, test } from 'vitest';
import type { Stall } from '../../src/runtime/stall.ts';
import { testSystem } from '../../src/testing/test-system.ts';
import { stalling } from '../system/fixtures/stalling.ts';

test('a handler that takes 150 ms of real time is no stall under virtual time', async () => {
  await using system = await testSystem();
  const told: Stall[] = [];
  system.system.stalls.subscribe({ next: (stall) => void told.push(stall) });
  const ref = await system.spawn(stalling as never);
  await (ref as { spinAsked(message: { ms: number }): Promise<number> }).spinAsked({ ms: 150 });
  await system.settle();
  expect(told).toEqual([]);
  expect(system.log.lines).toEqual([]);
});
