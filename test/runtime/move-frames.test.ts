/** The programs of `move-order.test.ts` with frames so small that what an actor brings takes several to arrive. */
import { it, vi } from 'vitest';
import { proofTimeoutMs } from '../support/proof-runs.ts';
import { runPrograms } from './move-programs.ts';

vi.mock('../../src/base/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../src/base/limits.ts')>();
  return { limits: { ...limits, frameMessagesMax: 4, frameMessagesEarly: 2 } };
});

it(
  'each sender keeps its order, and each reader gets every value once, in 50 random programs with frames of 4 messages',
  () => runPrograms(50),
  proofTimeoutMs(50) * 6,
);
