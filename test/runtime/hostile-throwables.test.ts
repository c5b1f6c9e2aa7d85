/**
 * Whatever a handler throws: the caller gets an `ActorFailed` of bounded size, the place lives on, and the actor restarts.
 * On one place, from another thread, from another node.
 */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { describeThrown } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { causesFromWire, causesToWire, RemoteError } from '../../src/runtime/cause-codec.ts';
import type { StackTravel } from '../../src/runtime/router.ts';
import { ended } from '../support/deferred.ts';
import { hostileThrowables } from '../support/hostile-throwables.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const names = Object.keys(hostileThrowables);
const Bomb = protocol('bomb', {
  tell: tell(z.string()),
  now: ask({ input: z.string(), output: z.int() }),
  later: ask({ input: z.string(), output: z.int() }),
  stream: stream({ input: z.string(), output: z.int() }),
  noStream: stream({ input: z.string(), output: z.int() }),
  run: tell(z.string()),
  runTold: ask({ input: z.string(), output: z.void() }),
  told: ask({ output: z.array(z.string()) }),
  alive: ask({ output: z.literal('yes') }),
  boom: ask({ output: z.int() }),
});
const told: string[] = [];
const make = (name: string): unknown => hostileThrowables[name]!();
const bomb = actor(
  Bomb,
  {
    args: z.object({ atStart: z.string().optional() }),
    state: ({ atStart }) => {
      if (atStart !== undefined) throw make(atStart);
      return {};
    },
    internal: { loaded: tell(), failed: tell(z.object({ code: z.string(), message: z.string() })) },
    supervise: { restartsMax: 10_000 },
  },
  {
    tell: (_state, name) => {
      throw make(name);
    },
    now: (_state, name) => {
      throw make(name);
    },
    later: async (_state, name) => {
      await Promise.resolve();
      throw make(name);
    },
    stream: async function* (_state, name) {
      yield 1;
      throw make(name);
    },
    // As plain JavaScript may have it: a promise where an iterable is due.
    noStream: (async (_state: unknown, name: string) => {
      throw make(name);
    }) as never,
    run: (_state, name, context) => context.run(Promise.reject(make(name)), context.self.loaded),
    runTold: (_state, name, context) =>
      context.run(Promise.reject(make(name)), context.self.loaded, context.self.failed),
    told: () => told.splice(0),
    alive: () => 'yes' as const,
    boom: () => {
      throw new RangeError('outer', { cause: Object.assign(new TypeError('inner'), { code: 'E_INNER' }) });
    },
    loaded: () => undefined,
    failed: (_state, { code, message }) => {
      told.push(`${code.length <= limits.nameCharactersMax + 1} ${message.length <= limits.thrownCharactersMax + 1}`);
    },
  },
);

let open: TwoPlaces | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function spawn(where: 'here' | 'thread' | 'node', stacks?: StackTravel): Promise<Ref<typeof Bomb>> {
  open = twoPlaces([bomb], where !== 'node', stacks);
  const { host, router } = open.here;
  if (where === 'here') {
    const cell = host.spawn(bomb, { args: {}, name: undefined, parent: undefined });
    return new cell.behavior.refClass(cell, host.outside) as unknown as Ref<typeof Bomb>;
  }
  const place = router.place(thereId(open))!;
  const behavior = bomb as unknown as ActorBehavior;
  const args = behavior.argsType.toWire(behavior.argsType.parse({}));
  const { cell, branch } = await place.spawn('bomb', args, undefined);
  return new (refClassOf(Bomb))(place.target(cell, branch, 'bomb'), host.outside) as unknown as Ref<typeof Bomb>;
}

describe.each(['here', 'thread', 'node'] as const)('what a handler throws: %s', (where) => {
  it(`settles the call, in every kind of handler, for each of ${names.length} hostile values, and the actor lives on`, async () => {
    const ref = await spawn(where);
    const calls: ((name: string) => Promise<unknown>)[] = [
      (name) => ref.now(name),
      (name) => ref.later(name),
      async (name) => {
        const reader = ref.stream(name)[Symbol.asyncIterator]();
        expect(await reader.next()).toEqual({ done: false, value: 1 });
        return reader.next();
      },
      (name) => ref.noStream(name)[Symbol.asyncIterator]().next(),
    ];
    for (const name of names) {
      for (const call of calls) {
        const outcome = await ended(call(name));
        expect(outcome, name).toMatchObject({ error: { code: 'ActorFailed' } });
        const { error } = outcome as { error: Error };
        expect(error.message.length, name).toBeLessThan(limits.thrownCharactersMax + 500);
        if (where !== 'here') expect(sizeOf(error.cause), name).toBeLessThan(3 * limits.errorTextCharactersMax);
      }
      ref.tell(name);
      ref.run(name);
      await ended(ref.runTold(name));
      expect(await ref.alive(), name).toBe('yes');
    }
    await expect.poll(() => ref.told()).toSatisfy((lines: string[]) => lines.every((line) => line === 'true true'));
  });

  it('names what failed to start, and the cause', async () => {
    await spawn(where);
    const { host, router } = open!.here;
    const place = router.place(thereId(open!))!;
    for (const name of names) {
      const started =
        where === 'here'
          ? host.spawn(bomb, { args: { atStart: name }, name: undefined, parent: undefined }).started!
          : place.spawn('bomb', { atStart: name }, undefined);
      const outcome = await ended(started as Promise<unknown>);
      expect(outcome, name).toMatchObject({ error: { code: 'SpawnFailed', reason: 'state' } });
      expect((outcome as { error: Error }).error.message.length).toBeLessThan(limits.thrownCharactersMax + 500);
    }
    expect(open![where === 'here' ? 'here' : 'there'].host.rootCount).toBe(where === 'here' ? 1 : 1);
  });
});

describe('a failure in another place', () => {
  it.each([
    ['thread', undefined, true],
    ['node', undefined, false],
    ['node', 'nodes', true],
    ['thread', 'never', false],
  ] as const)('carries its causes, and their stacks from a %s with stacks %s: %s', async (where, stacks, carried) => {
    const ref = await spawn(where, stacks);
    const { error } = (await ended(ref.boom())) as { error: Error };
    expect(error).toMatchObject({
      code: 'ActorFailed',
      cause: {
        code: 'RemoteError',
        message: 'RangeError: outer',
        remoteName: 'RangeError',
        remoteCode: undefined,
        cause: { message: 'TypeError: inner', remoteName: 'TypeError', remoteCode: 'E_INNER' },
      },
    });
    const stack = (error.cause as RemoteError).remoteStack;
    if (carried) expect(stack).toContain('hostile-throwables.test.ts');
    else expect(stack).toBeUndefined();
    expect(
      JSON.stringify(open!.frames.map(({ frame }) => Buffer.from(frame).toString('latin1'))).includes('.test.ts'),
    ).toBe(carried);
  });
});

describe('the texts of what was thrown', () => {
  it('never throw and are bounded, for whatever is thrown, in 1,000 cases', () => {
    const withProperties = fc
      .record({ name: fc.anything(), message: fc.anything(), stack: fc.anything(), cause: fc.anything() })
      .map((properties) => Object.assign(Object.create(Error.prototype), properties));
    // By name, since the checker looks at what it makes.
    const hostile = fc.constantFrom(...names).map((name) => ({ hostile: name }));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), hostile, withProperties), fc.boolean(), (given, stacks) => {
        const { hostile: name } = (given ?? {}) as { hostile?: unknown };
        const thrown: unknown = names.includes(name as string) ? make(name as string) : given;
        expect(describeThrown(thrown).length).toBeLessThanOrEqual(limits.thrownCharactersMax + 1);
        const wire = causesToWire(thrown, stacks);
        expect(sizeOf(wire)).toBeLessThan(2 * limits.errorTextCharactersMax);
        expect(wire.every((text) => text === null || typeof text === 'string')).toBe(true);
        const read = causesFromWire(wire);
        expect(read === undefined).toBe(thrown === undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are read from a wire that lies without throwing, in 1,000 cases', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.anything(), { maxLength: 60 })), (wire) => {
        const read = causesFromWire(wire);
        expect(read === undefined || read instanceof RemoteError).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

function sizeOf(value: unknown): number {
  let size = 0;
  for (let cause = value; cause instanceof Error; cause = cause.cause)
    size += cause.message.length + (cause.stack?.length ?? 0);
  return Array.isArray(value) ? value.reduce((sum: number, text) => sum + (text?.length ?? 0), 0) : size;
}
