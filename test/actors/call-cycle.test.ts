/** Call cycles are named when their last call is made, and not waited out. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { closureActor } from '../../src/actors/actor.ts';
import { pathOf } from '../../src/actors/verbs.ts';
import { ask, protocol, type Ref, refTo, tell } from '../../src/index.ts';
import { deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

interface NodeRef extends Ref<typeof Node> {}
const Node = protocol('node', {
  /** Asks the next of `route` with the rest of it, after an await; the last answers. */
  visit: ask({ input: z.object({ route: z.array(refTo<NodeRef>('node')) }), output: z.string() }),
  /** Starts the same without waiting for it. */
  start: tell(z.object({ route: z.array(refTo<NodeRef>('node')) })),
});

/** Nodes that visit one another; what a `start` came to is pushed to `ends`. */
function node(ends: unknown[] = [], wait: Promise<unknown> = Promise.resolve()) {
  const follow = async ([next, ...rest]: NodeRef[]): Promise<string> => {
    await wait;
    return next === undefined ? 'end' : next.visit({ route: rest });
  };
  return closureActor(Node, z.object({}), () => ({
    visit: async ({ route }) => follow(route),
    start: ({ route }) => {
      void ended(follow(route)).then((end) => ends.push(end));
    },
  }));
}

describe('a call that closes a cycle', () => {
  test('of 2 actors, made after an await, is Rejected(cycle) with the path, in no time', async () => {
    const { spawn, clock } = testHost();
    const a = await spawn(node());
    const b = await spawn(node());
    const outcome = await a.visit.outcome({ route: [b, a] });
    // The innermost call is refused; each handler above fails with it.
    expect(outcome).toMatchObject({ ok: false, error: { code: 'ActorFailed' } });
    expect(clock.monotonicMs()).toBe(0);
  });

  test.each([
    ['itself', 0],
    ['2 actors', 1],
    ['4 actors', 3],
  ])('of %s names every actor on the way', async (_what, others) => {
    const { spawn } = testHost();
    const refused: unknown[] = [];
    const catching = closureActor(Node, z.object({}), () => ({
      visit: async ({ route: [next, ...rest] }) => {
        await Promise.resolve();
        if (next === undefined) return 'end';
        try {
          return await next.visit({ route: rest });
        } catch (error) {
          if ((error as { code?: string }).code === 'Rejected') refused.push(error);
          return 'caught';
        }
      },
      start: () => undefined,
    }));
    const first = await spawn(catching);
    const between = await Promise.all(Array.from({ length: others }, () => spawn(catching)));
    expect(await first.visit({ route: [...between, first] })).toBe('caught');
    expect(refused).toMatchObject([
      { code: 'Rejected', reason: 'cycle', retryable: false, path: [first, ...between, first].map(pathOf) },
    ]);
  });
});

describe('a call that closes no cycle passes', () => {
  test('to another actor of the same type', async () => {
    const { spawn } = testHost();
    const [a, b, c] = await Promise.all([spawn(node()), spawn(node()), spawn(node())]);
    expect(await a.visit({ route: [b, c] })).toBe('end');
  });

  test('twice to the same actor, one after the other', async () => {
    const { spawn } = testHost();
    const b = await spawn(node());
    const twice = closureActor(Node, z.object({}), () => ({
      visit: async ({ route: [next] }) => `${await next!.visit({ route: [] })} ${await next!.visit({ route: [] })}`,
      start: () => undefined,
    }));
    const a = await spawn(twice);
    expect(await a.visit({ route: [b] })).toBe('end end');
  });

  test('to an actor whose run has ended meanwhile', async () => {
    const { spawn, settle } = testHost();
    const gate = deferred();
    const ends: unknown[] = [];
    const a = await spawn(node(ends, gate.promise));
    const b = await spawn(node());
    // The run of `start` is over when its promise goes on to b, which then asks a.
    a.start({ route: [b, a] });
    await settle();
    gate.resolve();
    await settle();
    expect(ends).toEqual([{ value: 'end' }]);
  });

  test('to an actor whose run began the chain and did not wait for it', async () => {
    const { spawn, settle } = testHost();
    const gate = deferred();
    const ends: unknown[] = [];
    const a = await spawn(
      closureActor(Node, z.object({}), () => ({
        visit: () => 'a again',
        start: ({ route: [next, ...rest] }) => {
          void ended(next!.visit({ route: rest })).then((end) => ends.push(end));
        },
      })),
    );
    const b = await spawn(node([], gate.promise));
    a.start({ route: [b, a] });
    await settle();
    gate.resolve();
    await settle();
    expect(ends).toEqual([{ value: 'a again' }]);
  });

  test('from outside, to an actor that is busy', async () => {
    const { spawn } = testHost();
    const gate = deferred();
    const a = await spawn(node([], gate.promise));
    const first = a.visit({ route: [] });
    const second = a.visit({ route: [] });
    gate.resolve();
    expect(await Promise.all([first, second])).toEqual(['end', 'end']);
  });

  test('by a tell back to the caller', async () => {
    const { spawn, settle } = testHost();
    const ends: unknown[] = [];
    const a = await spawn(node(ends));
    const back = closureActor(Node, z.object({}), () => ({
      visit: async ({ route: [caller] }) => {
        await Promise.resolve();
        caller!.start({ route: [] });
        return 'told';
      },
      start: () => undefined,
    }));
    const b = await spawn(back);
    expect(await a.visit({ route: [b, a] })).toBe('told');
    await settle();
    expect(ends).toEqual([{ value: 'end' }]);
  });
});
