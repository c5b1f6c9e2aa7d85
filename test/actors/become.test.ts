/** `ctx.become`: other handlers from the next message on, stacked over those of the definition. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { limits } from '../../src/base/limits.ts';
import { deferred } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Door = protocol('door', {
  become: tell(z.enum(['open', 'locked'])),
  unbecome: tell(),
  name: ask({ output: z.string() }),
  count: ask({ output: z.int() }),
  names: stream({ output: z.string() }),
  fail: tell(),
});

const door = actor(
  Door,
  { args: z.object({}), state: () => ({ n: 0 }), behaviors: ['open', 'locked'] },
  {
    become: (_state, behavior, context) => context.become(behavior),
    unbecome: (_state, _message, context) => context.unbecome(),
    name: () => 'base',
    count: (state) => {
      state.n += 1;
      return state.n;
    },
    async *names() {
      yield 'base';
    },
    fail: () => {
      throw new Error('broken');
    },
  },
  {
    open: {
      name: () => 'open',
      async *names() {
        yield 'open';
      },
    },
    locked: {
      name: async () => 'locked',
      unbecome: (_state, _message, context) => {
        context.unbecome();
        context.unbecome();
      },
    },
  },
);

describe('become', () => {
  test('takes effect from the next message on, for asks and streams', async () => {
    const ref = await testHost().spawn(door);
    const before = ref.name();
    ref.become('open');
    expect([await before, await ref.name()]).toEqual(['base', 'open']);
    const names: string[] = [];
    for await (const name of ref.names()) names.push(name);
    expect(names).toEqual(['open']);
  });

  test('takes effect within one turn of 5 queued messages', async () => {
    const host = testHost({ scheduler: { manual: true } });
    const ref = await host.spawn(door);
    const first = ref.name();
    ref.become('open');
    const second = ref.name();
    ref.unbecome();
    const third = ref.name();
    host.scheduler.step();
    expect(await Promise.all([first, second, third])).toEqual(['base', 'open', 'base']);
  });

  test('falls back to the base for what the behavior leaves out, with one state', async () => {
    const ref = await testHost().spawn(door);
    expect(await ref.count()).toBe(1);
    ref.become('open');
    expect(await ref.count()).toBe(2);
  });

  test('stacks: two unbecomes lead back over the first behavior to the base, and a third does nothing', async () => {
    const ref = await testHost().spawn(door);
    ref.become('locked');
    ref.become('open');
    const names: string[] = [];
    names.push(await ref.name());
    ref.unbecome();
    names.push(await ref.name());
    ref.unbecome();
    names.push(await ref.name());
    ref.unbecome();
    names.push(await ref.name());
    expect(names).toEqual(['open', 'locked', 'base', 'base']);
  });

  test('is called from an asynchronous handler, and holds for the message after it', async () => {
    const host = testHost();
    const Late = protocol('late', { go: tell(), name: ask({ output: z.string() }) });
    const gate = deferred();
    const ref = await host.spawn(
      actor(
        Late,
        { args: z.object({}), state: () => ({}), behaviors: ['gone'] },
        {
          go: async (_state, _message, context) => {
            context.become('gone');
            await gate.promise;
          },
          name: () => 'base',
        },
        { gone: { name: () => 'gone' } },
      ),
    );
    ref.go();
    const name = ref.name();
    await host.settle();
    gate.resolve();
    expect(await name).toBe('gone');
  });

  test('ends with a restart, which goes back to the base', async () => {
    const ref = await testHost().spawn(door);
    ref.become('open');
    ref.become('locked');
    ref.fail();
    expect(await ref.name()).toBe('base');
  });

  test('survives a failure after which the actor resumes', async () => {
    const host = testHost();
    const ref = await host.spawn(
      actor(
        Door,
        { args: z.object({}), state: () => ({}), behaviors: ['open'], supervise: { directive: () => 'resume' } },
        {
          become: (_state, _message, context) => context.become('open'),
          unbecome: () => undefined,
          name: () => 'base',
          count: () => 0,
          async *names() {
            yield 'base';
          },
          fail: () => {
            throw new Error('broken');
          },
        },
        { open: { name: () => 'open' } },
      ),
    );
    ref.become('open');
    ref.fail();
    expect(await ref.name()).toBe('open');
  });

  test(`is a UsageError at the ${limits.behaviorsStackedMax + 1}th without an unbecome`, async () => {
    const host = testHost();
    const ref = await host.spawn(door);
    for (let n = 0; n < limits.behaviorsStackedMax; n += 1) ref.become('open');
    await host.settle();
    expect(host.log.of('error')).toEqual([]);
    ref.become('open');
    await host.settle();
    expect(host.log.of('error')[0]?.fields.error).toMatch(/^UsageError.*64 behaviors without an unbecome/);
  });

  test('does not speak for others of its definition', async () => {
    const host = testHost();
    const [one, other] = [await host.spawn(door), await host.spawn(door)];
    one.become('open');
    expect([await one.name(), await other.name()]).toEqual(['open', 'base']);
  });
});

describe('a definition', () => {
  const Plain = protocol('plain', { go: tell() });
  const define = (behaviors: readonly string[], tables: unknown) =>
    actor(
      Plain,
      { args: z.object({}), state: () => ({}), behaviors: behaviors as readonly 'a'[] },
      { go: () => undefined },
      tables as { a: object },
    );

  test.each([
    [['a'], {}, /behavior "a" has no handlers/],
    [['a'], { a: {}, b: {} }, /"b" is not among its `behaviors`/],
    [['a'], { a: { stop: () => undefined } }, /handles "stop", which is no operation/],
    [['a'], { a: { go: 1 } }, /the handler of plain\.go is no function/],
    [['toString'], {}, /behavior "toString" has no handlers/],
  ])('with behaviors %j and handlers %j is a mistake', (behaviors, tables, finding) => {
    expect(() => define(behaviors, tables)).toThrow(finding);
  });

  test('with become of an unknown behavior fails the actor with a UsageError', async () => {
    const host = testHost();
    const ref = await host.spawn(
      actor(
        Plain,
        { args: z.object({}), state: () => ({}) },
        { go: (_state, _message, context) => (context.become as unknown as (name: string) => void)('a') },
      ),
    );
    ref.go();
    await host.settle();
    expect(host.log.of('error')[0]?.fields.error).toMatch(/^UsageError.*cannot become "a"/);
  });
});
