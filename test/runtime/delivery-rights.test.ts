import { expect, test } from 'vitest';
import { rightsFrom } from '../../src/runtime/rights.ts';

test('a node may have delivered what it may call, and say farewell', () => {
  const rights = rightsFrom({ spawn: [], operations: ['counter.inc'] })!;
  const labels = ['counter.inc', 'counter.inc~once', 'counter.~over', 'counter.get', 'counter.get~once', '~once'];
  expect(labels.filter((label) => rights.mayCall(label))).toEqual(['counter.inc', 'counter.inc~once', 'counter.~over']);
});
