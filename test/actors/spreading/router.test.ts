/** Routers on one place: who gets what, what callers are told, and who is a routee. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { Receptionist } from '../../../src/actors/finding/receptionist.ts';
import { serviceKey } from '../../../src/actors/finding/service-key.ts';
import { protocol, type Ref, stream, tell } from '../../../src/actors/protocol.ts';
import { router } from '../../../src/actors/spreading/router.ts';
import { addRoutee, removeRoutee, resize, routees } from '../../../src/actors/spreading/router-control.ts';
import {
  broadcast,
  consistentHash,
  leastMailbox,
  random,
  roundRobin,
  type Strategy,
  scatterGatherFirst,
} from '../../../src/actors/spreading/strategy.ts';
import { kill, pathOf, sameRef, stop } from '../../../src/actors/verbs.ts';
import { ended } from '../../support/deferred.ts';
import { type TestHost, testHost } from '../../support/test-host.ts';
import { Store, type StoreRef, stores } from './store.ts';

type Stored = ReturnType<typeof stores>;

async function start(
  strategy: Strategy<typeof Store.ops>,
  count: number,
  parts: { host?: TestHost; stored?: Stored } = {},
): Promise<{ host: TestHost; stored: Stored; all: Ref<typeof Store>[]; spread: Ref<typeof Store> }> {
  const host = parts.host ?? testHost();
  const stored = parts.stored ?? stores();
  const all: Ref<typeof Store>[] = [];
  for (let n = 0; n < count; n += 1) all.push(await host.spawn(stored.store, { args: { name: `s${n}` } }));
  const spread = await host.spawn(router(Store, { strategy }), { args: { routees: all } });
  return { host, stored, all, spread };
}

describe('a router', () => {
  it('sends 9 tells to 3 routees in turn, 3 to each, in the order of their sender', async () => {
    const { host, stored, spread } = await start(roundRobin(), 3);
    for (let n = 0; n < 9; n += 1) expect(spread.put({ key: `k${n}` })).toBe(true);
    await host.settle();
    expect(stored.log.map(({ by, what }) => `${by} ${what}`).sort()).toEqual(
      Array.from({ length: 9 }, (_, n) => `s${n % 3} k${n}=0`).sort(),
    );
    expect(host.host.counters).toMatchObject({ accepted: 9, handled: 9, refused: 0 });
  });

  it('spreads 6,000 messages at random over 6 routees, each between 900 and 1,100, the same for the same seed', async () => {
    const run = async (seed: number): Promise<Record<string, number>> => {
      const host = testHost({ seed });
      const { stored, spread } = await start(random(), 6, { host });
      for (let n = 0; n < 6_000; n += 1) {
        spread.put({ key: 'a' });
        if (n % 500 === 0) await host.settle();
      }
      await host.settle();
      return stored.shares();
    };
    const shares = await run(7);
    expect(Object.keys(shares)).toHaveLength(6);
    for (const share of Object.values(shares)) {
      expect(share).toBeGreaterThan(900);
      expect(share).toBeLessThan(1_100);
    }
    expect(await run(7)).toEqual(shares);
    expect(await run(8)).not.toEqual(shares);
  });

  it('sends to the routee with the fewest messages: none to one that is 10 behind, until the others are too', async () => {
    const { host, stored, all, spread } = await start(leastMailbox(), 3);
    for (let n = 0; n < 10; n += 1) all[0]!.put({ key: 'own' });
    for (let n = 0; n < 20; n += 1) spread.put({ key: 'spread' });
    await host.settle();
    const spreadTo = stored.log.filter(({ what }) => what.startsWith('spread')).map(({ by }) => by);
    expect(spreadTo.filter((by) => by === 's0')).toHaveLength(0);
    expect(spreadTo.filter((by) => by === 's1')).toHaveLength(10);
    for (let n = 0; n < 30; n += 1) spread.put({ key: 'even' });
    await host.settle();
    expect(stored.log.filter(({ what, by }) => what === 'even=0' && by === 's0')).toHaveLength(10);
  });

  it('sends every message of a key to one routee, whatever the operation', async () => {
    const { host, stored, spread } = await start(
      consistentHash((_operation, message) => (message as { key: string }).key),
      4,
    );
    for (let n = 0; n < 400; n += 1) spread.put({ key: `user-${n % 40}` });
    for (let n = 0; n < 40; n += 1) await spread.get({ key: `user-${n}` });
    await host.settle();
    const owners = new Map<string, Set<string>>();
    for (const { by, what } of stored.log) {
      const key = what.split('=')[0]!;
      owners.set(key, (owners.get(key) ?? new Set()).add(by));
    }
    expect([...owners.values()].every((by) => by.size === 1)).toBe(true);
    expect(Object.keys(stored.shares())).toHaveLength(4);
  });

  it('answers a message that has no key as a failure, says so, and loses none silently', async () => {
    const { host, spread } = await start(
      consistentHash((_operation, message) => (message as { key: string }).key),
      2,
    );
    expect(spread.wait()).toBe(false);
    await expect(spread.slow()).rejects.toMatchObject({ code: 'ActorFailed' });
    expect(host.deadLetterCounts()).toEqual({ failed: 1 });
    // At most one in 10 s, since it may happen with every message.
    expect(host.log.of('error').map(({ text }) => text)).toEqual([
      expect.stringMatching(/failed in choosing a routee for store\.wait and goes on/),
    ]);
  });

  it('finds what does not fit at the sender, as for any actor', async () => {
    for (const strategy of [roundRobin(), consistentHash<typeof Store.ops>(() => 'a')]) {
      const { spread } = await start(strategy, 2);
      expect(() => spread.put({ key: 3 } as never)).toThrow(expect.objectContaining({ code: 'InvalidMessage' }));
      await expect(spread.get({ key: 3 } as never)).rejects.toMatchObject({ code: 'InvalidMessage', path: ['key'] });
    }
  });

  it('keeps replies, declared errors, failures and streams as they are', async () => {
    const { spread } = await start(roundRobin(), 2);
    expect(await spread.get({ key: 'a' })).toBe('s0:a');
    await expect(spread.get({ key: 'none' })).rejects.toMatchObject({ code: 'missing', data: 's1' });
    await expect(spread.fail()).rejects.toMatchObject({ code: 'ActorFailed' });
    const items: string[] = [];
    for await (const item of spread.count(3)) items.push(item);
    expect(items).toEqual(['s1:0', 's1:1', 's1:2']);
  });

  it('keeps deadline and cancellation: the handler is told, and the ask settles at its time', async () => {
    const { host, stored, spread } = await start(roundRobin(), 2);
    const late = ended(spread.slow({ timeoutMs: 50 }));
    const controller = new AbortController();
    const cancelled = ended(spread.slow({ signal: controller.signal }));
    await host.settle();
    controller.abort();
    await host.advance(80);
    expect(await late).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    expect(await cancelled).toMatchObject({ error: { code: 'Cancelled', delivered: true } });
    expect(stored.aborted.sort()).toEqual(['s0', 's1']);
  });

  it('names a call cycle through it: a routee that asks itself by way of the router', async () => {
    const { all, spread } = await start(roundRobin(), 1);
    await expect(all[0]!.via(spread as StoreRef)).rejects.toMatchObject({ code: 'ActorFailed' });
    const direct = ended(all[0]!.via(spread as StoreRef));
    const { error } = (await direct) as { error: Error & { cause: { code: string; reason: string } } };
    expect(error.cause).toMatchObject({ code: 'Rejected', reason: 'cycle' });
  });

  it('has an offer wait for the room of the routee that it picked', async () => {
    const { host, stored, spread } = await start(roundRobin(), 1, { stored: stores({ highWater: 1, capacity: 5 }) });
    spread.wait();
    await host.settle();
    await spread.put.offer({ key: 'first' });
    let taken = false;
    const second = spread.put.offer({ key: 'second' }).then(() => {
      taken = true;
    });
    await host.settle();
    expect(taken).toBe(false);
    stored.gate.resolve();
    await second;
    await host.settle();
    expect(stored.log.map(({ what }) => what)).toEqual(['first=0', 'second=0']);
  });

  it('without a routee makes a tell a dead letter and settles calls at once, each with the reason', async () => {
    const host = testHost();
    for (const strategy of [roundRobin(), consistentHash<typeof Store.ops>(() => 'a')]) {
      const before = host.deadLetterCounts()['no-routee'] ?? 0;
      const spread = await host.spawn(router(Store, { strategy, name: `router-${before}` }));
      expect(spread.put({ key: 'a' })).toBe(false);
      await expect(spread.get({ key: 'a' })).rejects.toMatchObject({ code: 'NotDelivered', reason: 'no-routee' });
      await expect(spread.put.offer({ key: 'a' })).rejects.toMatchObject({ code: 'NotDelivered', reason: 'no-routee' });
      expect(host.deadLetterCounts()['no-routee']).toBe(before + 1);
      expect(host.deadLetters.at(-1)?.path).toBe(pathOf(spread));
    }
    const { error } = (await ended(
      (async () => {
        const spread = await host.spawn(router(Store, { strategy: roundRobin() }));
        for await (const _item of spread.count(1));
      })(),
    )) as { error: object };
    expect(error).toMatchObject({ code: 'NotDelivered', reason: 'no-routee' });
  });

  it('refuses at its definition an operation that its strategy has no way with', () => {
    expect(() => router(Store, { strategy: broadcast() as never })).toThrow(/cannot spread store\.get, .* kind ask/);
    const Streams = protocol('streams', { items: stream({ output: z.int() }) });
    expect(() => router(Streams, { strategy: scatterGatherFirst() as never })).toThrow(/of kind stream/);
    expect(() => router(Store, { strategy: 'random' as never })).toThrow(/strategy must be one of/);
    const Other = protocol('other', { put: tell() });
    expect(() => router(Other, { strategy: random(), key: serviceKey('stores', Store) as never })).toThrow(
      /service key/,
    );
  });

  it('loses a routee that ends, takes others as they are added, once each, and forgets what is taken out', async () => {
    const { host, stored, all, spread } = await start(roundRobin(), 2);
    await stop(all[0]!);
    await host.settle();
    expect((await routees(spread)).map(pathOf)).toEqual([pathOf(all[1]!)]);
    const third = await host.spawn(stored.store, { args: { name: 'third' } });
    await addRoutee(spread, third);
    await addRoutee(spread, third);
    for (let n = 0; n < 4; n += 1) spread.put({ key: 'a' });
    await host.settle();
    expect(stored.shares()).toEqual({ s1: 2, third: 2 });
    expect(await removeRoutee(spread, third)).toBe(true);
    expect(await removeRoutee(spread, third)).toBe(false);
    await kill(all[1]!);
    await host.settle();
    expect(await routees(spread)).toEqual([]);
    await addRoutee(spread, all[1]!);
    await host.settle();
    expect(await routees(spread)).toEqual([]);
  });

  it('is managed by its refs only as its kind allows', async () => {
    const { host, all, spread } = await start(roundRobin(), 1);
    await expect(routees(all[0]!)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'no-router' });
    await expect(resize(spread, 3)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'not-offered' });
    await expect(addRoutee(spread, spread)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'cycle' });
    const outer = await host.spawn(router(Store, { strategy: roundRobin(), name: 'outer' }), {
      args: { routees: [spread] },
    });
    await expect(addRoutee(spread, outer)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'cycle' });
    expect(await outer.get({ key: 'nested' })).toBe('s0:nested');
    const Other = protocol('other', { put: tell() });
    const other = await host.spawn(actor(Other, { args: z.object({}), state: () => ({}) }, { put: () => undefined }));
    await expect(addRoutee(spread, other as never)).rejects.toMatchObject({
      code: 'RoutingRefused',
      reason: 'protocol',
    });
    await stop(spread);
    await expect(routees(spread)).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
    expect(spread.put({ key: 'late' })).toBe(false);
    await host.settle();
    expect(host.deadLetters.at(-1)).toMatchObject({ reason: 'stopped', operation: 'store.put' });
    // Its number is above those of how a router is managed.
    await expect(spread.via(all[0] as StoreRef)).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
    await host.settle();
    expect(host.deadLetters.at(-1)).toMatchObject({ reason: 'stopped', operation: 'store.via' });
  });

  it('starts children, supervises them, and replaces after 1 s one that has ended for good', async () => {
    const host = testHost();
    const stored = stores();
    const spread = await host.spawn(
      router(Store, { strategy: roundRobin(), children: { of: stored.store, count: 3, args: { name: 'child' } } }),
    );
    const before = await routees(spread);
    expect(before.map((ref) => pathOf(ref).startsWith(pathOf(spread).replace(/#.*/, '/')))).toEqual([true, true, true]);
    await expect(spread.fail()).rejects.toMatchObject({ code: 'ActorFailed' });
    await host.settle();
    expect((await routees(spread)).map(pathOf)).toEqual(before.map(pathOf));
    before[1]!.quit();
    await host.settle();
    expect(await routees(spread)).toHaveLength(2);
    await host.advance(1_000);
    const after = await routees(spread);
    expect(after).toHaveLength(3);
    expect(after.some((ref) => sameRef(ref, before[1]!))).toBe(false);
    await stop(spread);
    await expect(after[0]!.get({ key: 'a' })).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it('has more children after a resize, and after one down those too many finish 5 messages each and stop', async () => {
    const host = testHost({ scheduler: { messagesPerSlice: 1 } });
    const stored = stores();
    const spread = await host.spawn(
      router(Store, { strategy: roundRobin(), children: { of: stored.store, count: 2 } }),
    );
    await resize(spread, 4);
    const four = await routees(spread);
    expect(four).toHaveLength(4);
    for (let n = 0; n < 20; n += 1) spread.put({ key: 'a' });
    await resize(spread, 1);
    expect(await routees(spread)).toHaveLength(1);
    await host.settle();
    await host.advance(50);
    expect(Object.values(stored.shares())).toEqual([5, 5, 5, 5]);
    expect(host.deadLetterCounts()).toEqual({});
    for (const ref of four.slice(1)) {
      await expect(ref.get({ key: 'a' })).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
    }
    await expect(resize(spread, -1)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'size' });
    await expect(resize(spread, 1.5)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'size' });
  });

  it('that follows a key under which it stands itself, with a second one, passes nothing round in a circle', async () => {
    const host = testHost();
    const stored = stores();
    const key = serviceKey('stores', Store);
    const receptionist = new Receptionist(host.host, host.host.outside);
    const first = await host.spawn(router(Store, { strategy: roundRobin(), key }));
    const second = await host.spawn(router(Store, { strategy: roundRobin(), key, name: 'second' }));
    for (const ref of [first, second, await host.spawn(stored.store)]) await receptionist.register(key, ref);
    await host.settle();
    for (let n = 0; n < 10; n += 1) {
      first.put({ key: 'a' });
      second.put({ key: 'a' });
    }
    await host.settle();
    expect(stored.log).toHaveLength(20);
    // One of them leads to the other, and not the other way round.
    expect([(await routees(first)).length, (await routees(second)).length].sort()).toEqual([1, 2]);
  });

  it('follows a service key: whoever registers becomes a routee, whoever ends or leaves is none', async () => {
    const host = testHost();
    const stored = stores();
    const key = serviceKey('stores', Store);
    const receptionist = new Receptionist(host.host, host.host.outside);
    const spread = await host.spawn(router(Store, { strategy: roundRobin(), key }));
    const first = await host.spawn(stored.store, { args: { name: 'first' } });
    const second = await host.spawn(stored.store, { args: { name: 'second' } });
    await receptionist.register(key, first);
    await receptionist.register(key, second);
    await host.settle();
    expect((await routees(spread)).map(pathOf)).toEqual([pathOf(first), pathOf(second)]);
    await kill(first);
    await host.settle();
    expect((await routees(spread)).map(pathOf)).toEqual([pathOf(second)]);
    await receptionist.unregister(key, second);
    await host.settle();
    expect(spread.put({ key: 'a' })).toBe(false);
    expect(host.deadLetterCounts()['no-routee']).toBe(1);
  });
});

describe('a broadcast', () => {
  const Listener = protocol('listener', { note: tell(z.object({ list: z.array(z.int()) })) });

  it('gives every routee a message of its own, and is full as soon as one is', async () => {
    const host = testHost();
    const got: { list: number[] }[] = [];
    const definition = (capacity: number) =>
      actor(
        Listener,
        { args: z.object({}), state: () => ({}), mailbox: { capacity } },
        {
          note: (_state, message) => {
            message.list.push(got.length);
            got.push(message);
          },
        },
      );
    const all = [await host.spawn(definition(2)), await host.spawn(definition(100))];
    const spread = await host.spawn(router(Listener, { strategy: broadcast() }), { args: { routees: all } });
    expect(spread.note({ list: [] })).toBe(true);
    expect(spread.note({ list: [] })).toBe(false);
    expect(spread.note({ list: [] })).toBe(false);
    await host.settle();
    expect(got).toHaveLength(5);
    expect(got.every(({ list }) => list.length === 1)).toBe(true);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
    expect(() => spread.note({ list: ['x'] } as never)).toThrow(expect.objectContaining({ code: 'InvalidMessage' }));
  });

  it('offers to every routee, and what one does not take in time is its dead letter', async () => {
    const host = testHost();
    const seen: string[] = [];
    const held = new Promise<void>(() => undefined);
    const definition = (name: string, waits: boolean) =>
      actor(
        Listener,
        { args: z.object({}), state: () => ({}), mailbox: { highWater: 1 } },
        {
          note: () => {
            seen.push(name);
            return waits ? held : undefined;
          },
        },
      );
    const all = [await host.spawn(definition('slow', true)), await host.spawn(definition('fast', false))];
    const spread = await host.spawn(router(Listener, { strategy: broadcast() }), { args: { routees: all } });
    for (let n = 0; n < 2; n += 1) {
      await spread.note.offer({ list: [] });
      await host.settle();
    }
    const third = ended(spread.note.offer({ list: [] }, { timeoutMs: 100 }));
    await host.advance(150);
    expect(await third).toEqual({ value: undefined });
    expect(seen.filter((name) => name === 'fast')).toHaveLength(3);
    expect(host.deadLetters).toEqual([expect.objectContaining({ reason: 'full', path: pathOf(all[0]!) })]);
    await Promise.all(all.map((ref) => kill(ref)));
  });
});
