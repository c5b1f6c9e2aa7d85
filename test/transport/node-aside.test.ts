/** What nodes say to each other beside sessions: bytes there and back, and none that bring a reader down. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { newToken } from '../../src/transport/association.ts';
import { decodeAside, encodeAside, isAnnouncedAddress, type NodeAside } from '../../src/transport/node-aside.ts';
import { decodeProfile, encodeProfile, profileDigest } from '../../src/transport/node-profile.ts';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/);
const address = fc.stringMatching(/^wss?:\/\/[\x21-\x7e]{1,250}$/);
const aside: fc.Arbitrary<NodeAside> = fc.oneof(
  fc.record({ kind: fc.constant('where' as const), question: name, tellIt: fc.boolean() }),
  fc.record({
    kind: fc.constant('node-at' as const),
    question: name,
    nodeId: name,
    address: fc.oneof(fc.constant(''), address),
  }),
  fc.record({
    kind: fc.constant('load' as const),
    use: fc.integer({ min: 0, max: 1_000 }).map((parts) => parts / 1_000),
    queued: fc.integer({ min: 0, max: 0xffff_ffff }),
    isLeaving: fc.boolean(),
  }),
);

describe('an aside', () => {
  it('is read as it was written', () => {
    const readsBack = (one: NodeAside): void => void expect(decodeAside(encodeAside(one))).toEqual(one);
    fc.assert(fc.property(aside, readsBack), { numRuns: 1_000 });
  });

  it('is refused by its field when it is cut off anywhere, or is read as another that can be written', () => {
    fc.assert(
      fc.property(aside, fc.nat(), (one, at) => {
        const bytes = encodeAside(one);
        const read = decodeAside(bytes.subarray(0, 1 + (at % bytes.length)));
        if (read.kind !== 'malformed') expect(decodeAside(encodeAside(read))).toEqual(read);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says a load within its bounds whatever was measured', () => {
    const load = { kind: 'load', use: 7, queued: 2 ** 40, isLeaving: false } as const;
    expect(decodeAside(encodeAside(load))).toEqual({ ...load, use: 1, queued: 0xffff_ffff });
    expect(decodeAside(encodeAside({ ...load, use: -1, queued: 0 }))).toMatchObject({ use: 0, queued: 0 });
  });

  it.each(['', 'ws://', 'http://h:1', 'ws://h h', `ws://${'h'.repeat(300)}`, 'ws://h\u00e9', 7, null])(
    'does not take %j for an address',
    (given) => expect(isAnnouncedAddress(given)).toBe(false),
  );
});

describe('a profile', () => {
  const token = newToken(seededRandom(1));
  const profile = {
    nodeId: 'n~1',
    roles: ['gpu'],
    fingerprints: { counter: 'c0ffee' },
    threads: 2,
    association: { token, resume: undefined },
  };

  it.each([['ws://10.0.0.1:7000'], [null], [undefined]])('says the address %j', (said) => {
    const whole = said === undefined ? profile : { ...profile, address: said };
    expect(decodeProfile(encodeProfile(whole), 'n~1')).toEqual(whole);
  });

  it('is sealed with its address: one that is changed, or taken out, is another digest', () => {
    const said = ['ws://10.0.0.1:7000', 'ws://10.0.0.2:7000', null].map((address) => ({ ...profile, address }));
    const digests = [profile, ...said].map((one) => Buffer.from(profileDigest(one)).toString('hex'));
    expect(new Set(digests).size).toBe(4);
  });
});
