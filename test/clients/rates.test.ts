/** How often clients may ask to be let in, and how much they may say: more is refused, or waits, and nobody else notices. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientsOptions } from '../../src/index.ts';
import { UpgradePace } from '../../src/runtime/clients/upgrade-pace.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { encodeBeat } from '../../src/transport/client-envelope.ts';
import { clientLimits } from '../../src/transport/client-limits.ts';
import { closeCodes } from '../../src/transport/close-codes.ts';
import { Counter, clientsOptions, counter, Echo, echo } from './fixtures.ts';
import { RawSpeaker } from './raw-speaker.ts';
import { type VirtualClients, virtualClients } from './virtual-clients.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function world(more: Partial<ClientsOptions> = {}): Promise<VirtualClients> {
  const made = await virtualClients(1, { clients: clientsOptions(more) });
  await made.system.spawn(counter, { name: 'hits' });
  await made.system.spawn(echo, { name: 'echo' });
  ends.push(() => made.until(made.system.shutdown({ deadlineMs: 50 })));
  return made;
}

const { upgradesBurst, upgradesPerSecond } = clientLimits;
const wrong = ['troupe.client.v1', 'troupe.token.d3Jvbmc'];

/** How many of so many upgrades from there were looked at, and that the others got 429. */
async function looked(made: VirtualClients, address: string, count: number): Promise<number> {
  let others = 0;
  for (let n = 0; n < count; n += 1) {
    await made.dial(wrong, { address }).catch(({ status }: { status: number }) => {
      expect(status).toBe(429);
      others += 1;
    });
  }
  return count - others;
}

describe('clients that ask to be let in', () => {
  it('are looked at 256 at once from one address, then 50 a second; others get 429, and the program is not asked', async () => {
    let asked = 0;
    const made = await world({
      authenticate: () => {
        asked += 1;
        return undefined;
      },
    });
    expect(await looked(made, '192.0.2.1', 300)).toBe(upgradesBurst);
    expect(asked).toBe(upgradesBurst);
    expect(made.system.clients!.statistics().refused).toBe(300);
    // Of another address nothing is held against it, and an IPv6 network is one address.
    expect(await looked(made, '192.0.2.2', 10)).toBe(10);
    expect(await looked(made, '2001:db8::1', 200)).toBe(200);
    expect(await looked(made, '2001:db8::2', 200)).toBe(upgradesBurst - 200);
    await made.advance(1_000);
    expect(await looked(made, '192.0.2.1', 100)).toBe(upgradesPerSecond);
    const [line] = made.log.matching({ text: /too many from its address have asked/ });
    expect(line).toMatchObject({ level: 'warn', fields: { event: 'client-refused' } });
  });

  it('are looked at more often where a proxy stands for all of them, or this machine', async () => {
    const made = await world({ proxies: ['192.0.2.9'] });
    for (const address of ['192.0.2.9', '::ffff:192.0.2.9', '127.0.0.1', '::1']) {
      expect(await looked(made, address, 1_000)).toBe(1_000);
    }
  });

  it('are remembered by 4,096 addresses at most: one that is forgotten begins anew', () => {
    const pace = new UpgradePace(new VirtualClock(), []);
    const spend = (address: string): number =>
      Array.from({ length: 300 }, () => pace.mayAsk(address)).filter(Boolean).length;
    const others = (count: number): void => {
      for (let n = 0; n < count; n += 1) pace.mayAsk(`10.1.${n >> 8}.${n & 255}`);
    };
    expect([spend('192.0.2.1'), spend('192.0.2.1')]).toEqual([upgradesBurst, 0]);
    others(clientLimits.upgradeAddressesMax - 1);
    expect(spend('192.0.2.1')).toBe(0);
    others(clientLimits.upgradeAddressesMax);
    expect(spend('192.0.2.1')).toBe(upgradesBurst);
  });

  it('dial again later, and get in once there is room', async () => {
    const made = await world();
    await looked(made, '192.0.2.1', upgradesBurst);
    const late = made.connect({ token: 'token-of-ada' }, { address: '192.0.2.1' });
    await made.until(late.opened());
    expect(made.clock.monotonicMs()).toBeGreaterThanOrEqual(1_000 / upgradesPerSecond);
    await made.until(late.close());
  });
});

describe('a client that says more messages a second than it may', () => {
  it('is slowed down and loses nothing, is in the log, and holds nobody else back', async () => {
    const made = await world({ messagesPerSecond: 100 });
    const lost: unknown[] = [];
    const eve = made.connect({ token: 'token-of-eve', onLost: (one) => void lost.push(one) });
    const hits = eve.ref(Counter, 'hits');
    await made.until(eve.opened());
    const fromMs = made.clock.monotonicMs();
    const signals = Array.from({ length: 2_000 }, () => hits.inc());
    // It is told to slow down.
    expect(signals.at(-1)).toBe(false);
    let handled = 0;
    const done = hits.get({ timeoutMs: 60_000 }).then((n) => {
      handled = n;
    });
    await made.advance(1_000);
    // Its burst, a second, and its window, of which it has said all.
    const ada = made.connect({ token: 'token-of-ada' });
    const meanwhile = await made.until(ada.ref(Counter, 'hits').get());
    expect(meanwhile).toBeGreaterThan(300);
    expect(meanwhile).toBeLessThanOrEqual(100 + 110 + 256);
    await made.until(done);
    expect(handled).toBe(2_000);
    expect(made.clock.monotonicMs() - fromMs).toBeGreaterThanOrEqual(((2_001 - 100 - 256) * 1_000) / 100 - 200);
    expect(lost).toEqual([]);
    const { slowed, broken } = made.system.clients!.statistics();
    expect(slowed).toBeGreaterThan(0);
    expect(broken).toBe(0);
    const [line] = made.log.matching({ text: /is held back/ });
    expect(line).toMatchObject({ level: 'warn', fields: { event: 'client-slowed', client: 'eve' } });
    await made.until(eve.close());
    await made.until(ada.close());
  });

  it('keeps its calls open and its order over a cut of its link', async () => {
    const made = await world({ messagesPerSecond: 50 });
    const eve = made.connect({ token: 'token-of-eve' });
    const hits = eve.ref(Counter, 'hits');
    await made.until(eve.opened());
    for (let n = 0; n < 600; n += 1) hits.inc();
    const after = hits.get({ timeoutMs: 60_000 });
    await made.advance(500);
    made.cut();
    expect(await made.until(after)).toBe(600);
    expect(made.system.clients!.statistics()).toMatchObject({ resumed: 1, broken: 0 });
    await made.until(eve.close());
  });

  it('reads streams as fast as they come: what it grants costs nothing', async () => {
    const made = await world({ messagesPerSecond: 1 });
    const eve = made.connect({ token: 'token-of-eve' });
    await made.until(eve.opened());
    const fromMs = made.clock.monotonicMs();
    let read = 0;
    const reading = (async () => {
      for await (const _ of eve.ref(Echo, 'echo').many({ count: 5_000, bytes: 1 })) read += 1;
    })();
    await made.until(reading);
    expect(read).toBe(5_000);
    expect(made.clock.monotonicMs() - fromMs).toBeLessThan(5_000);
    await made.until(eve.close());
  });

  it('and goes beyond its window is ended with 4005, however little of it was settled', async () => {
    const made = await world({ messagesPerSecond: 1 });
    const eve = new RawSpeaker(await made.dial(['troupe.client.v1', 'troupe.token.dG9rZW4tb2YtZXZl']));
    eve.hello();
    await made.advance(5);
    eve.resume();
    await made.advance(5);
    for (let n = 0; n < 256; n += 1) eve.say([1, 'hits', 'counter.inc', {}]);
    await made.advance(100);
    expect(eve.closed).toBeUndefined();
    eve.say([1, 'hits', 'counter.inc', {}], [1, 'hits', 'counter.inc', {}]);
    await made.advance(100);
    expect(eve.closed).toEqual({ code: closeCodes.limit, text: 'more messages than were granted' });
  });
});

describe('a link of a client', () => {
  it('that floods with more than 20,000 beats at once is ended with 4005, and is in the log', async () => {
    const made = await world();
    const eve = new RawSpeaker(await made.dial(['troupe.client.v1', 'troupe.token.dG9rZW4tb2YtZXZl']));
    eve.hello();
    await made.advance(5);
    eve.resume();
    for (let number = 1; number <= clientLimits.linkMessagesBurst + 100; number += 1)
      eve.link.send(encodeBeat('ping', number));
    await made.advance(1_000);
    expect(eve.closed).toEqual({ code: closeCodes.limit, text: 'more messages a second than a link takes' });
    expect(made.system.clients!.statistics()).toMatchObject({ broken: 1, open: 0, away: 0 });
    const [line] = made.log.matching({ text: /more messages a second than a link takes/ });
    expect(line).toMatchObject({ fields: { event: 'client-ended', client: 'eve' } });
  });
});
