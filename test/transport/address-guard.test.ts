import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { AddressGuard, isOwnMachine, networkOf } from '../../src/transport/address-guard.ts';
import { proofRuns } from '../support/proof-runs.ts';

const limits = { failuresMax: 3, failuresWithinMs: 60_000, banMs: 30_000, provedMs: 600_000, addressesMax: 4 };
const stranger = '203.0.113.9';
let clock: VirtualClock;
let bans: string[];
let guard: AddressGuard;
const pass = (ms: number): void => clock.goTo(clock.monotonicMs() + ms);
const fail = (address: string, times = limits.failuresMax): void => {
  for (let n = 0; n < times; n += 1) guard.failed(address);
};

beforeEach(() => {
  clock = new VirtualClock();
  bans = [];
  guard = new AddressGuard({ clock, limits, onBan: (network) => bans.push(network) });
});

describe('the guard of addresses', () => {
  it('shuts an address out at its third failure within 60 s, for 30 s, and tells once', () => {
    fail(stranger, 2);
    expect(guard.isBanned(stranger)).toBe(false);
    fail(stranger);
    expect([guard.isBanned(stranger), guard.isBanned('203.0.113.10'), bans]).toEqual([true, false, [stranger]]);
    pass(29_999);
    expect(guard.isBanned(stranger)).toBe(true);
    pass(1);
    expect(guard.isBanned(stranger)).toBe(false);
    fail(stranger, 2);
    expect(guard.isBanned(stranger)).toBe(false);
  });

  it('counts anew after 60 s', () => {
    fail(stranger, 2);
    pass(60_000);
    fail(stranger, 2);
    expect(guard.isBanned(stranger)).toBe(false);
  });

  it('never shuts out an address with a link of a node, nor until 10 minutes after it, whatever comes from there', () => {
    const first = guard.proved(stranger);
    const second = guard.proved(stranger);
    first();
    first();
    fail(stranger, 100);
    expect(guard.isBanned(stranger)).toBe(false);
    second();
    pass(599_999);
    fail(stranger, 100);
    expect(guard.isBanned(stranger)).toBe(false);
    pass(1);
    fail(stranger);
    expect(guard.isBanned(stranger)).toBe(true);
  });

  it('lets an address in again from which a node proves itself over a connection that was open already', () => {
    fail(stranger);
    guard.proved(stranger);
    expect(guard.isBanned(stranger)).toBe(false);
  });

  it('never shuts out this machine, where a proxy stands for everybody', () => {
    for (const own of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
      fail(own, 100);
      expect(guard.isBanned(own)).toBe(false);
    }
    expect(['128.0.0.1', '::2', '10.127.0.0', '::ffff:10.0.0.1'].filter(isOwnMachine)).toEqual([]);
  });

  it('remembers no more than 4 addresses of each kind, those that came last', () => {
    for (let n = 0; n < 1_000; n += 1) fail(`10.0.${n >> 8}.${n & 255}`, 2);
    for (let n = 996; n < 1_000; n += 1) fail(`10.0.3.${n & 255}`, 1);
    expect(bans).toEqual(['10.0.3.228', '10.0.3.229', '10.0.3.230', '10.0.3.231']);
    fail('10.0.0.1', 1);
    expect(guard.isBanned('10.0.0.1')).toBe(false);
  });

  it('takes the first 64 bits of an IPv6 address for the address, however they are written', () => {
    const network = '2001:db8:1:2::/64';
    for (const one of ['2001:db8:1:2::1', '2001:DB8:0001:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:2::1:2%eth0']) {
      expect(networkOf(one)).toBe(network);
    }
    expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(networkOf('::1')).toBe('0:0:0:0::/64');
    expect(networkOf('fe80::')).toBe('fe80:0:0:0::/64');
    expect(networkOf('::ffff:198.51.100.7')).toBe('198.51.100.7');
    expect(networkOf('unknown')).toBe('unknown');
    fail('2001:db8:1:2::1', 2);
    fail('2001:db8:1:2:ffff::7', 1);
    expect(guard.isBanned('2001:db8:1:2::99')).toBe(true);
    expect(guard.isBanned('2001:db8:1:3::1')).toBe(false);
  });

  it('bans exactly where a simple model does, over random failures, links and times', () => {
    const addresses = ['198.51.100.1', '198.51.100.2', '2001:db8::1'];
    const steps = fc.array(
      fc.record({
        at: fc.nat(2),
        act: fc.constantFrom<'fail' | 'link' | 'unlink'>('fail', 'fail', 'fail', 'link', 'unlink'),
        ms: fc.constantFrom(0, 1, 1_000, 30_000, 60_000, 600_000),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        clock = new VirtualClock();
        guard = new AddressGuard({ clock, limits, onBan: () => undefined });
        const model = addresses.map(() => ({
          failedAt: [] as number[],
          until: 0,
          open: [] as (() => void)[],
          goodUntil: 0,
        }));
        for (const { at, act, ms } of list) {
          pass(ms);
          const now = clock.monotonicMs();
          const one = model[at]!;
          const isGood = (): boolean => one.open.length > 0 || now < one.goodUntil;
          if (act === 'link') {
            one.open.push(guard.proved(addresses[at]!));
            one.failedAt = [];
            one.until = 0;
          } else if (act === 'unlink') {
            const end = one.open.pop();
            end?.();
            if (end !== undefined) one.goodUntil = now + limits.provedMs;
          } else {
            guard.failed(addresses[at]!);
            if (!isGood() && now >= one.until) {
              if (one.until > 0 || now - (one.failedAt[0] ?? now) >= limits.failuresWithinMs) one.failedAt = [];
              one.until = 0;
              one.failedAt.push(now);
              if (one.failedAt.length === limits.failuresMax) one.until = now + limits.banMs;
            }
          }
          expect(guard.isBanned(addresses[at]!)).toBe(!isGood() && now < one.until);
        }
      }),
      { numRuns: proofRuns(300) },
    );
  });
});
