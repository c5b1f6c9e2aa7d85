import { it } from 'vitest';
import { proofTimeoutMs } from '../support/proof-runs.ts';
import { runPrograms } from './move-programs.ts';

it(
  'each sender keeps its order, and each reader gets every value once, in 50 random programs of moves, sends and deliveries',
  () => runPrograms(50),
  proofTimeoutMs(50) * 6,
);
