/** Under virtual time nothing is held: no real time counts. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol } from '../../src/actors/protocol.ts';
import type { Stall } from '../../src/runtime/stall.ts';
import { testSystem } from '../../src/testing/test-system.ts';

const Spinner = protocol('spinner', { spin: ask({ input: z.int(), output: z.int() }) });
const spinner = actor(
  Spinner,
  { args: z.object({}), state: () => ({}) },
  {
    spin: (_state, ms) => {
      const endMs = performance.now() + ms;
      while (performance.now() < endMs);
      return ms;
    },
  },
);

test('a handler that takes 150 ms of real time is no stall under virtual time', async () => {
  await using system = await testSystem();
  const told: Stall[] = [];
  system.system.stalls.subscribe({ next: (stall) => void told.push(stall) });
  const ref = await system.spawn(spinner);
  expect(await ref.spin(150)).toBe(150);
  await system.settle();
  expect(told).toEqual([]);
  expect(system.log.lines).toEqual([]);
});
