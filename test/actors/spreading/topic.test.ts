/** Topics: everybody who subscribed gets everything, and nobody holds anybody. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor, type MailboxOptions } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { refOf } from '../../../src/actors/schema/ref-schema.ts';
import { topic } from '../../../src/actors/spreading/topic.ts';
import { kill, pathOf, stop } from '../../../src/actors/verbs.ts';
import { type Deferred, deferred } from '../../support/deferred.ts';
import { type TestHost, testHost } from '../../support/test-host.ts';

const PriceListener = protocol('price-listener', {
  price: tell(z.object({ of: z.string(), now: z.number() })),
  closed: tell(),
});
const prices = topic('prices', PriceListener);

async function listener(
  host: TestHost,
  options: { mailbox?: MailboxOptions; gate?: Deferred<void> } = {},
): Promise<{ ref: Ref<typeof PriceListener>; got: string[] }> {
  const got: string[] = [];
  const definition = actor(
    PriceListener,
    { args: z.object({}), state: () => ({}), mailbox: options.mailbox ?? {} },
    {
      price: (_state, { of, now }) => {
        got.push(`${of} ${now}`);
        return options.gate?.promise;
      },
      closed: () => {
        got.push('closed');
      },
    },
  );
  return { ref: await host.spawn(definition), got };
}

describe('a topic', () => {
  it('passes every message to each of 3 subscribers in order, once each, and not to one that left', async () => {
    const host = testHost();
    const ref = await host.spawn(prices);
    const all = [await listener(host), await listener(host), await listener(host)];
    ref.price({ of: 'a', now: 0 });
    for (const one of all) await ref.subscribe({ subscriber: one.ref });
    await ref.subscribe({ subscriber: all[0]!.ref });
    ref.price({ of: 'a', now: 1 });
    ref.price({ of: 'b', now: 2 });
    ref.closed();
    await host.settle();
    for (const { got } of all) expect(got).toEqual(['a 1', 'b 2', 'closed']);
    expect(await ref.unsubscribe({ subscriber: all[0]!.ref })).toBe(true);
    expect(await ref.unsubscribe({ subscriber: all[0]!.ref })).toBe(false);
    ref.closed();
    await host.settle();
    expect(all.map(({ got }) => got.length)).toEqual([3, 4, 4]);
  });

  it('holds nobody for a slow subscriber: its own bound decides, and 8 of 10 are its dead letters', async () => {
    const host = testHost();
    const ref = await host.spawn(prices);
    const gate = deferred();
    const slow = await listener(host, { mailbox: { capacity: 1 }, gate });
    const fast = await listener(host);
    await ref.subscribe({ subscriber: slow.ref });
    await ref.subscribe({ subscriber: fast.ref });
    for (let n = 0; n < 10; n += 1) {
      ref.price({ of: 'a', now: n });
      await host.settle();
    }
    expect(fast.got).toHaveLength(10);
    expect(slow.got).toEqual(['a 0']);
    expect(host.deadLetterCounts()).toEqual({ full: 8 });
    expect(host.deadLetters.every(({ path }) => path === pathOf(slow.ref))).toBe(true);
    gate.resolve();
    await host.settle();
    expect(slow.got).toEqual(['a 0', 'a 1']);
  });

  it('forgets a subscriber that stops or is killed, and makes no dead letters of it', async () => {
    const host = testHost();
    const ref = await host.spawn(prices);
    const [first, second] = [await listener(host), await listener(host)];
    await ref.subscribe({ subscriber: first.ref });
    await ref.subscribe({ subscriber: second.ref });
    await stop(first.ref);
    await kill(second.ref);
    await host.settle();
    ref.closed();
    await host.settle();
    expect(host.deadLetterCounts()).toEqual({});
    // What has ended already leaves as soon as it has come.
    await ref.subscribe({ subscriber: first.ref });
    await host.settle();
    ref.closed();
    await host.settle();
    expect(host.deadLetterCounts()).toEqual({});
  });

  it('can be held and used by an actor through refOf(topic.protocol)', async () => {
    const host = testHost();
    const Publisher = protocol('publisher', {
      go: ask({ input: z.object({ to: refOf(prices.protocol) }), output: z.void() }),
    });
    const publisher = await host.spawn(
      actor(Publisher, { args: z.object({}), state: () => ({}) }, { go: (_state, { to }) => void to.closed() }),
    );
    const ref = await host.spawn(prices);
    const one = await listener(host);
    await ref.subscribe({ subscriber: one.ref });
    await publisher.go({ to: ref });
    await host.settle();
    expect(one.got).toEqual(['closed']);
  });

  it('refuses at its definition whatever is no tell, and names of its own', () => {
    const Asks = protocol('asks', { get: ask({ output: z.int() }) });
    expect(() => topic('asks-topic', Asks as never)).toThrow(/passes on tells only, and asks\.get is of kind ask/);
    const Shadows = protocol('shadows', { subscribe: tell() });
    expect(() => topic('shadows-topic', Shadows as never)).toThrow(/name of an operation of the topic itself/);
  });
});
