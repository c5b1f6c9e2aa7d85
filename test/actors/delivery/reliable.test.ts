/** Reliable delivery on one place and over links that are lost: what is handled, in which order, and what is told of it. */

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  actor,
  ask,
  closureActor,
  type Deliveries,
  DeliveryFailed,
  deliveryOf,
  kill,
  protocol,
  type Ref,
  refOf,
  reliable,
  roundRobin,
  router,
  stop,
  stream,
  tell,
  UsageError,
} from '../../../src/index.ts';
import { SeveralPlaces } from '../../runtime/several-places.ts';

const Ledger = protocol('ledger', {
  add: tell(z.int()),
  total: ask({ output: z.int() }),
  spend: ask({
    input: z.object({ by: z.int() }),
    output: z.int(),
    errors: { tooLittle: z.object({ missing: z.int() }) },
  }),
  slow: tell(z.int()),
  wrong: tell(z.int()),
  same: ask({ input: refOf(protocol('ledger', {})), output: z.string() }),
  all: stream({ output: z.int() }),
});

const seen: (readonly [number, string])[] = [];
const ledger = actor(
  Ledger,
  { args: z.object({}), state: () => ({ total: 0 }) },
  {
    add: (state, n) => {
      seen.push([n, 'add']);
      state.total += n;
    },
    total: (state) => state.total,
    spend: (state, { by }, ctx) => {
      seen.push([by, 'spend']);
      if (state.total < by) return ctx.fail('tooLittle', { missing: by - state.total });
      state.total -= by;
      return state.total;
    },
    slow: async (state, n, ctx) => {
      seen.push([n, 'slow']);
      await ctx.delay(1_000);
      state.total += n;
    },
    wrong: (_state, n) => {
      seen.push([n, 'wrong']);
      throw new Error('as it was told to');
    },
    same: (_state, ref) => String(ref),
    async *all(state) {
      yield state.total;
    },
  },
);

async function twoNodes() {
  seen.length = 0;
  const several = new SeveralPlaces([ledger], { places: ['a~1/main', 'b~1/main'] });
  const [a, b] = several.places as [(typeof several.places)[0], (typeof several.places)[0]];
  const there = await b.spawn(ledger);
  return { several, a, b, there, ref: a.own(there), consumer: b.cellOf(there)! };
}

describe('reliable(ref) on one place', () => {
  it('resolves when the handler has ended, with what it replied', async () => {
    const { several, there } = await twoNodes();
    const out = reliable(there);
    expect(await out.add(3)).toBe(undefined);
    expect(await out.total()).toBe(3);
    expect(await out.spend({ by: 1 })).toBe(2);
    expect(await out.spend.outcome({ by: 5 })).toMatchObject({
      ok: false,
      error: { code: 'tooLittle', data: { missing: 3 } },
    });
    let ended = false;
    const slow = out.slow(1).then(() => (ended = true));
    await several.advance(999);
    expect(ended).toBe(false);
    await several.advance(1);
    await slow;
    expect(deliveryOf(out).unconfirmed).toBe(0);
  });

  it('tells of a handler that failed, and does not call it again', async () => {
    const { there } = await twoNodes();
    const out = reliable(there);
    const [first, second] = await Promise.allSettled([out.wrong(1), out.add(2)]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'ActorFailed' } });
    expect(second.status).toBe('fulfilled');
    expect(seen).toEqual([
      [1, 'wrong'],
      [2, 'add'],
    ]);
  });

  it('refuses what does not fit, and a message beyond window and waiting', async () => {
    const { there, several } = await twoNodes();
    const out = reliable(there, { window: 1, waiting: 1 });
    await expect(out.add('x' as never)).rejects.toMatchObject({ code: 'InvalidMessage' });
    const first = out.slow(1);
    const second = out.add(2);
    await expect(out.add(3)).rejects.toMatchObject({ code: 'DeliveryFailed', reason: 'full', mayHaveRun: false });
    let hasRoom = false;
    void deliveryOf(out)
      .room()
      .then(() => (hasRoom = true));
    await several.settle();
    expect([deliveryOf(out).unconfirmed, hasRoom]).toEqual([2, false]);
    await several.advance(1_000);
    await Promise.all([first, second]);
    await deliveryOf(out).settled();
    expect(hasRoom).toBe(true);
  });

  it('refuses routers, what is no ref, options that make no sense, and offers no streams', async () => {
    const { a, there } = await twoNodes();
    expect(() => reliable({} as never)).toThrow(UsageError);
    expect(() => reliable(there, { window: 0 })).toThrow(/window must be a whole number from 1 to 1024/);
    expect(() => reliable(there, { windows: 1 } as never)).toThrow(/has no "windows"/);
    expect(() => deliveryOf({} as never)).toThrow(UsageError);
    const spread = await a.spawn(router(Ledger, { strategy: roundRobin() }));
    expect(() => reliable(spread)).toThrow(/router or a pool/);
    expect(Object.keys(reliable(there))).toEqual(['add', 'total', 'spend', 'slow', 'wrong', 'same']);
  });

  it('gives the same outcome to a copy of a message, and calls no handler for it', async () => {
    const { there, consumer } = await twoNodes();
    const out = reliable(there);
    await out.add(3);
    const own = consumer.extension.consumer!.own;
    const [record] = Object.values(own);
    expect(record).toMatchObject({ next: 2, from: 1, outcomes: [['value', null]] });
    deliveryOf(out).close();
    await Promise.resolve();
    await expect.poll(() => Object.keys(own)).toEqual([]);
  });

  it('ends with the actor that its ref belongs to, and at its restart', async () => {
    const { a, there, several } = await twoNodes();
    const Buyer = protocol('buyer', { buy: ask({ input: z.int(), output: z.string() }), fall: tell() });
    const outcomes: unknown[] = [];
    const buyer = actor(
      Buyer,
      { args: z.object({ from: refOf(Ledger) }), state: ({ from }) => ({ from, out: undefined as never }) },
      {
        buy: (state, n) => {
          reliable(state.from)
            .slow(n)
            .then(
              () => outcomes.push('done'),
              (error: unknown) => outcomes.push(error),
            );
          return 'bought';
        },
        fall: () => {
          throw new Error('falls');
        },
      },
    );
    const place = several.places[1]!;
    const b = await place.spawn(buyer, { args: { from: there } });
    await b.buy(1);
    b.fall();
    await several.settle();
    expect(outcomes).toMatchObject([{ code: 'DeliveryFailed', reason: 'closed', mayHaveRun: true }]);
    void a;
  });

  it('sends nothing for an actor that has ended already', async () => {
    const { there, several } = await twoNodes();
    const Holder = protocol('holder', { hold: tell() });
    let kept: Ref<typeof Ledger> | undefined;
    const holder = actor(
      Holder,
      { args: z.object({ ref: refOf(Ledger) }), state: ({ ref }) => ({ ref }) },
      {
        hold: ({ ref }) => {
          kept = ref;
        },
      },
    );
    const ref = await several.places[1]!.spawn(holder, { args: { ref: there } });
    ref.hold();
    await several.settle();
    await stop(ref);
    await expect(reliable(kept!).add(1)).rejects.toMatchObject({ code: 'DeliveryFailed', reason: 'closed' });
    expect(seen).toEqual([]);
  });

  it('rejects what has no outcome when its place stops', async () => {
    const { there, b } = await twoNodes();
    const out = reliable(there);
    const outcome = out.slow(1).catch((error: unknown) => error);
    await b.host.stop(0);
    expect(await outcome).toMatchObject({ code: expect.stringMatching(/ActorFailed|DeliveryFailed/) });
    await expect(out.add(1)).rejects.toBeInstanceOf(DeliveryFailed);
  });
});

describe('reliable(ref) over a link', () => {
  it('handles each message once, in order, when the session is lost before, amid and after the handlers', async () => {
    const { several, a, b, ref } = await twoNodes();
    const out = reliable(ref);
    const sent = Array.from({ length: 10 }, (_, n) => (n === 4 ? out.slow(n) : out.add(n)));
    // Nothing has left.
    several.cut(a, b);
    several.join(a, b);
    await several.advance(100);
    // The slow one is in its handler, and the confirmations of those before it are lost.
    several.cut(a, b);
    several.join(a, b);
    await several.advance(100);
    several.hold(b, a);
    await several.advance(2_000);
    several.cut(a, b);
    several.letGo();
    several.join(a, b);
    await several.advance(2_000);
    await Promise.all(sent);
    expect(seen.map(([n]) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('answers with the reply, and with the declared error, that was lost', async () => {
    const { several, a, b, ref } = await twoNodes();
    const out = reliable(ref);
    const adding = out.add(5);
    const spent = out.spend({ by: 2 });
    const failed = out.spend.outcome({ by: 9 });
    const wrong = out.wrong(1).catch((error: unknown) => error);
    several.hold(b, a);
    await several.settle();
    several.cut(a, b);
    several.letGo();
    several.join(a, b);
    await several.advance(200);
    await adding;
    expect(await spent).toBe(3);
    expect(await failed).toMatchObject({ ok: false, error: { code: 'tooLittle', data: { missing: 6 } } });
    expect(await wrong).toMatchObject({ code: 'ActorFailed' });
    expect(seen).toHaveLength(4);
  });

  it('reaches an actor whose ref came while there was no way to its place', async () => {
    seen.length = 0;
    const several = new SeveralPlaces([ledger], { places: ['a~1/main', 'b~1/main'] });
    const [a, b] = several.places as [(typeof several.places)[0], (typeof several.places)[0]];
    const there = await b.spawn(ledger);
    several.cut(a, b);
    const ref = a.own(there);
    const sent = reliable(ref).add(1);
    await several.advance(1_000);
    several.join(a, b);
    await several.advance(1_000);
    await sent;
    expect(await there.total()).toBe(1);
  });

  it('goes on at once when the node is back, however long it was away', async () => {
    const { several, a, b, ref } = await twoNodes();
    const out = reliable(ref);
    several.cut(a, b);
    const sent = [out.add(1), out.add(2)];
    await several.advance(30_000);
    several.join(a, b, true);
    await several.settle();
    expect(seen.map(([n]) => n)).toEqual([1, 2]);
    await Promise.all(sent);
  });

  it('gives up after giveUpMs, and says which may have run', async () => {
    const { several, a, b, ref } = await twoNodes();
    const out = reliable(ref, { giveUpMs: 5_000 });
    const slow = out.slow(1).catch((error: unknown) => error);
    await several.settle();
    several.cut(a, b);
    const never = out.add(2).catch((error: unknown) => error);
    await several.advance(4_000);
    expect(deliveryOf(out).unconfirmed).toBe(2);
    await several.advance(3_000);
    expect(await slow).toMatchObject({ code: 'DeliveryFailed', reason: 'unreachable', mayHaveRun: true });
    expect(await never).toMatchObject({ code: 'DeliveryFailed', reason: 'unreachable', mayHaveRun: false });
    await expect(out.add(3)).rejects.toMatchObject({ reason: 'unreachable', mayHaveRun: false });
    await expect(deliveryOf(out).room()).rejects.toMatchObject({ reason: 'unreachable' });
  });

  it('ends with a consumer that has ended, unless there is a successor', async () => {
    const { several, b, there, ref } = await twoNodes();
    const out = reliable(ref);
    let next: Ref<typeof Ledger> | undefined;
    const lasting = reliable(ref, { successor: () => next });
    await Promise.all([out.add(1), lasting.add(2), several.advance(20)]);
    await stop(there);
    const ended = out.add(3).catch((error: unknown) => error);
    const kept = lasting.add(4);
    await several.advance(3_000);
    expect(await ended).toMatchObject({ code: 'DeliveryFailed', reason: 'ended' });
    const successor = await b.spawn(ledger);
    next = several.places[0]!.own(successor);
    await several.advance(2_000);
    await kept;
    await several.settle();
    expect(await successor.total()).toBe(4);
  });

  it('keeps what was delivered in the state where the definition says so', async () => {
    const Own = protocol('own', { add: tell(z.int()), fall: tell(), deliveries: ask({ output: z.unknown() }) });
    const handled: number[] = [];
    const own = actor(
      Own,
      {
        args: z.object({}),
        state: () => ({ total: 0, deliveries: {} as Deliveries }),
        deliveries: (state) => state.deliveries,
      },
      {
        add: (state, n) => {
          handled.push(n);
          state.total += n;
        },
        fall: () => {
          throw new Error('falls');
        },
        deliveries: (state) => state.deliveries,
      },
    );
    const several = new SeveralPlaces([own], { places: ['a~1/main', 'b~1/main'] });
    const [a, b] = several.places as [(typeof several.places)[0], (typeof several.places)[0]];
    const there = await b.spawn(own);
    const out = reliable(a.own(there));
    const first = out.add(1);
    several.hold(b, a);
    await several.settle();
    expect(Object.values((await there.deliveries()) as Deliveries)).toMatchObject([{ next: 2 }]);
    // Its state is lost before the confirmation has left: so is the memory of what was delivered into it.
    there.fall();
    await several.settle();
    several.cut(a, b);
    several.letGo();
    several.join(a, b);
    await several.advance(200);
    await first;
    expect(handled).toEqual([1, 1]);
  });

  it('handles what was set aside when it is put back, and a copy of it not again', async () => {
    const Door = protocol('door', { enter: tell(z.int()), open: tell() });
    const entered: number[] = [];
    const door = closureActor(Door, z.object({}), (_args, ctx) => {
      let isOpen = false;
      return {
        enter: (n, run) => {
          if (!isOpen) return run.stash();
          entered.push(n);
        },
        open: () => {
          isOpen = true;
          ctx.unstash();
        },
      };
    });
    const several = new SeveralPlaces([door], { places: ['a~1/main', 'b~1/main'] });
    const [a, b] = several.places as [(typeof several.places)[0], (typeof several.places)[0]];
    const there = await b.spawn(door);
    const out = reliable(a.own(there));
    const sent = [out.enter(1), out.enter(2)];
    await several.settle();
    several.cut(a, b);
    several.join(a, b);
    await several.advance(200);
    there.open();
    await several.advance(200);
    await Promise.all(sent);
    expect(entered).toEqual([1, 2]);
  });

  it('tells of a consumer that was killed amid a handler', async () => {
    const { several, there, ref } = await twoNodes();
    const out = reliable(ref);
    const [slow, behind] = [out.slow(1), out.add(2)].map((one) => one.catch((error: unknown) => error));
    await several.settle();
    void kill(there);
    await several.advance(2_000);
    expect(await slow).toMatchObject({ code: 'ActorFailed' });
    expect(await behind).toMatchObject({ code: 'DeliveryFailed', reason: 'ended', mayHaveRun: false });
  });
});
