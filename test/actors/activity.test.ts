/** What the turns of a place write for eyes: which actor, which operation, and whose code ended outside of turns. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import type { Mailbox } from '../../src/actors/mailbox.ts';
import { OperationNumbers } from '../../src/actors/operation-numbers.ts';
import { OutsideTurns } from '../../src/actors/outside-turns.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { ActivityAt } from '../../src/base/activity.ts';
import { testHost } from '../support/test-host.ts';

const definitionOf = (name: string): ActorBehavior => {
  const Protocol = protocol(name, { one: tell(), two: ask({ output: z.int() }) });
  return actor(
    Protocol,
    {
      args: z.object({}),
      state: () => ({}),
      internal: { own: tell() },
      signals: { terminated: () => undefined },
    },
    { one: () => undefined, two: () => 2, own: () => undefined },
  ) as unknown as ActorBehavior;
};

const labelsOf = (name: string): string[] => [
  `${name}.one`,
  `${name}.two`,
  `${name}, delivered reliably`,
  `${name}.own`,
  `${name}.terminated`,
  `the start of ${name}`,
  `the end of ${name}`,
];

describe('numbers of operations', () => {
  test('are named once for each definition, its private operations, signals, start and end among them', () => {
    const named: [number, readonly string[]][] = [];
    const numbers = new OperationNumbers((first, labels) => void named.push([first, labels]), 100);
    const [left, right] = [definitionOf('left'), definitionOf('right')];
    expect([numbers.firstOf(left), numbers.firstOf(right), numbers.firstOf(left)]).toEqual([1, 8, 1]);
    expect(named).toEqual([
      [1, labelsOf('left')],
      [8, labelsOf('right')],
    ]);
  });

  test('are shared by 200 definitions that are the same', () => {
    let named = 0;
    const numbers = new OperationNumbers(() => {
      named += 1;
    }, 100);
    for (let n = 0; n < 200; n += 1) expect(numbers.firstOf(definitionOf('again'))).toBe(1);
    expect(named).toBe(1);
  });

  test('end at a bound: what is beyond it is named to nobody', () => {
    const named: number[] = [];
    const numbers = new OperationNumbers((first) => void named.push(first), 10);
    expect([numbers.firstOf(definitionOf('left')), numbers.firstOf(definitionOf('right'))]).toEqual([1, 10]);
    expect(named).toEqual([1]);
  });
});

test('a turn says whose it is, and the state of an actor that starts within it says its own', async () => {
  const { spawn, host, settle } = testHost();
  const seen: number[] = [];
  const look = (): void => void seen.push(host.activity[ActivityAt.cell]!);
  const Parent = protocol('parent', { go: tell() });
  const child = actor(protocol('child', {}), { args: z.object({}), state: () => ({ seen: look() }) }, {});
  const parent = actor(
    Parent,
    { args: z.object({}), state: () => ({}) },
    {
      go: (_state, _message, ctx) => {
        look();
        ctx.spawn(child);
        look();
      },
    },
  );
  const ref = await spawn(parent);
  ref.go();
  await settle();
  expect(seen).toEqual([1, 2, 1]);
});

test('those whose code ended outside of turns are kept newest first, each once, 3 at most, until they are cleared', () => {
  const outside = new OutsideTurns(3);
  const one = (name: string): Mailbox => ({ path: () => name }) as unknown as Mailbox;
  const [a, b] = [one('a'), one('b')];
  for (const [who, what] of [
    [a, 'x.old'],
    [a, 'x.one'],
    [b, 'x.two'],
    [a, 'x.one'],
  ] as const)
    outside.note(who, what);
  expect(outside.suspects()).toEqual([
    { path: 'a', operation: 'x.one' },
    { path: 'b', operation: 'x.two' },
  ]);
  outside.clear();
  expect(outside.suspects()).toEqual([]);
});
