/** Refs: operations as methods that detach, an owner for each, and nothing of the runtime in their looks. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { type AnyRef, ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { kill, pathOf, sameRef, stop } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { testHost } from '../support/test-host.ts';

const Counter = protocol('counter', {
  inc: tell(z.object({ by: z.int().default(1) })),
  reset: tell(),
  get: ask({ output: z.int() }),
});
const counter = actor(
  Counter,
  { args: z.object({ start: z.int().default(0) }), state: ({ start }) => ({ n: start }), internal: { secret: tell() } },
  {
    inc: (state, { by }) => {
      state.n += by;
    },
    reset: (state) => {
      state.n = 0;
    },
    get: (state) => state.n,
    secret: (state) => {
      state.n = -1;
    },
  },
);

describe('an operation', () => {
  test('works detached from its ref, with offer and outcome', async () => {
    const { spawn } = testHost();
    const { inc, get } = await spawn(counter);
    expect(inc({ by: 2 })).toBe(true);
    expect(inc()).toBe(true);
    const { offer } = { offer: inc.offer.bind(inc) };
    await offer({ by: 3 });
    expect(await get()).toBe(6);
    expect(await get.outcome({ timeoutMs: 50 })).toEqual({ ok: true, value: 6 });
  });

  test('is the same function at the second use, and belongs to its own ref', async () => {
    const { spawn } = testHost();
    const [a, b] = [await spawn(counter), await spawn(counter)];
    expect(a.inc).toBe(a.inc);
    expect(a.inc).not.toBe(b.inc);
    a.inc({ by: 5 });
    expect([await a.get(), await b.get()]).toEqual([5, 0]);
  });

  test('has what was declared as its op', async () => {
    const { spawn } = testHost();
    expect((await spawn(counter)).inc.op).toBe(Counter.ops.inc);
  });

  test('of a wrong message throws InvalidMessage with the path, and sends nothing', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(counter);
    expect(() => ref.inc({ by: 1.5 })).toThrow(expect.objectContaining({ code: 'InvalidMessage', path: ['by'] }));
    expect(host.counters.accepted).toBe(0);
  });

  test('that is private is on no ref but ctx.self', async () => {
    const { spawn } = testHost();
    const Mirror = protocol('mirror', { self: ask({ output: z.boolean() }) });
    const mirror = actor(
      Mirror,
      { args: z.object({}), state: () => ({}), internal: { secret: tell() } },
      { self: (_state, _message, context) => typeof context.self.secret === 'function', secret: () => undefined },
    );
    expect(await (await spawn(mirror)).self()).toBe(true);
    expect('secret' in (await spawn(counter))).toBe(false);
  });
});

describe('a ref', () => {
  test('is no thenable, so it can be awaited and returned from async functions', async () => {
    const { spawn } = testHost();
    const ref = await spawn(counter);
    expect('then' in ref).toBe(false);
    expect(await Promise.resolve(ref)).toBe(ref);
  });

  test('shows its path in text, JSON and inspect, and nothing else', async () => {
    const { spawn } = testHost();
    const ref = await spawn(counter, { name: 'one' });
    const path = 'troupe://test~1/main/one#1';
    expect(pathOf(ref)).toBe(path);
    expect(String(ref)).toBe(path);
    expect(JSON.stringify({ ref })).toBe(`{"ref":"${path}"}`);
    expect(inspect(ref)).toBe(`Ref<counter> ${path}`);
    ref.reset();
    expect(Object.keys(ref)).toEqual([]);
  });

  test('has a path of its own for each incarnation of a name', async () => {
    const { spawn } = testHost();
    const first = await spawn(counter, { name: 'one' });
    await stop(first);
    const second = await spawn(counter, { name: 'one' });
    expect(pathOf(second)).not.toBe(pathOf(first));
    expect(sameRef(first, second)).toBe(false);
    first.inc();
    expect(await second.get()).toBe(0);
  });

  test.each([stop, kill, pathOf, (value: AnyRef) => sameRef(value, value)])(
    'is asked for by %s, which refuse all else',
    async (verb) => {
      for (const value of [undefined, null, {}, 'troupe://x/y#1', () => undefined]) {
        await expect((async () => verb(value as never))()).rejects.toMatchObject({ code: 'UsageError' });
      }
    },
  );
});

describe('a ref in a message', () => {
  const Relay = protocol('relay', {
    hold: tell(z.object({ to: refOf(Counter) })),
    pass: tell(z.object({ by: z.int() })),
    give: ask({ output: refOf(Counter) }),
    same: ask({ input: z.object({ to: refOf(Counter) }), output: z.boolean() }),
    own: ask({ input: z.object({ to: refOf(Counter) }), output: z.boolean() }),
  });
  const relay = closureActor(Relay, z.object({}), () => {
    let held: Ref<typeof Counter> | undefined;
    return {
      hold: ({ to }) => {
        held = to;
      },
      pass: (message) => {
        held?.inc(message);
      },
      give: () => held!,
      same: ({ to }) => held === to,
      own: ({ to }) => 'secret' in to,
    };
  });

  test.each(['parse', 'codec', 'trusted'] as const)(
    'keeps working at its receiver and back again under isolation %s',
    async (isolation) => {
      const { spawn } = testHost({ isolation });
      const target = await spawn(counter);
      const via = await spawn(relay);
      via.hold({ to: target });
      via.pass({ by: 4 });
      expect(await target.get()).toBe(0);
      await via.give();
      expect(await target.get()).toBe(4);
      const back = await via.give();
      expect(sameRef(back, target)).toBe(true);
      expect(await back.get()).toBe(4);
      expect(await via.own({ to: target })).toBe(false);
    },
  );

  test('belongs to its receiver, which sees one object for each actor', async () => {
    const { spawn } = testHost();
    const target = await spawn(counter);
    const via = await spawn(relay);
    via.hold({ to: target });
    expect(await via.same({ to: target })).toBe(true);
    expect(await via.give()).not.toBe(target);
  });

  test(`is remembered for at most ${limits.reboundRefsMax} actors, and works beyond`, async () => {
    const { spawn } = testHost();
    const via = await spawn(relay);
    const first = await spawn(counter);
    via.hold({ to: first });
    for (let index = 0; index < limits.reboundRefsMax + 1; index += 1) {
      const other = await spawn(counter);
      await via.own({ to: other });
    }
    expect(await via.same({ to: first })).toBe(false);
    via.pass({ by: 2 });
    await via.give();
    expect(await first.get()).toBe(2);
  });

  test('of an actor that gives away its ctx.self has no private operations', async () => {
    for (const isolation of ['parse', 'codec', 'trusted'] as const) {
      const { spawn, settle } = testHost({ isolation });
      const via = await spawn(relay);
      const Giver = protocol('counter', { go: ask({ input: z.object({ via: refOf(Relay) }), output: z.boolean() }) });
      const giver = actor(
        Giver,
        { args: z.object({}), state: () => ({}), internal: { secret: tell() } },
        {
          go: async (_state, { via: to }, context) => to.own({ to: context.self as never }),
          secret: () => undefined,
        },
      );
      const ref = await spawn(giver);
      expect(await ref.go({ via })).toBe(false);
      await settle();
    }
  });

  test('of another protocol is refused', async () => {
    const { spawn } = testHost();
    const via = await spawn(relay);
    expect(() => via.hold({ to: via as never })).toThrow(
      expect.objectContaining({ code: 'InvalidMessage', path: ['to'] }),
    );
  });

  test('of an actor that has stopped says so when it is used', async () => {
    for (const isolation of ['parse', 'codec'] as const) {
      const { spawn, settle, deadLetterCounts } = testHost({ isolation });
      const target = await spawn(counter);
      const via = await spawn(relay);
      await stop(target);
      via.hold({ to: target });
      via.pass({ by: 1 });
      await settle();
      expect(deadLetterCounts()).toEqual({ stopped: 1 });
    }
  });
});
