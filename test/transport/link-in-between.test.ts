/** Who sits between two nodes on a link without TLS, and what it cannot change of how they come together. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { HandshakeFailed } from '../../src/transport/errors.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { decodeEnvelope, encodeProfileEnvelope } from '../../src/transport/node-envelope.ts';
import { type NodeLink, type NodeLinkOptions, openNodeLink, type ProvenPeer } from '../../src/transport/node-link.ts';
import { type NodeProfile, profileDigest } from '../../src/transport/node-profile.ts';
import { Secret } from '../../src/transport/secret.ts';
import { linkPair } from './support.ts';

const secretOf = (letter: string, next?: string): Secret =>
  new Secret(Buffer.from(letter.repeat(32)), next === undefined ? undefined : Buffer.from(next.repeat(32)));
const profileOf = (nodeId: string, roles: readonly string[]): NodeProfile => ({
  nodeId,
  roles,
  fingerprints: { counter: 'f1', 7: 'f2' },
  threads: 4,
});
const offer = () => ({ token: '0f'.repeat(16), resume: undefined });
const codec = strictCodec();

/** Changes a message on its way from the dialer; the number counts from 0. */
type Change = (message: Uint8Array, number: number) => Uint8Array | undefined;

async function open(
  change: Change,
  dialer: Partial<NodeLinkOptions> = {},
  listener: Partial<NodeLinkOptions> = {},
): Promise<readonly (NodeLink | HandshakeFailed)[]> {
  const clock = new VirtualClock();
  const links = linkPair();
  const honest = links[0].send.bind(links[0]);
  let number = 0;
  links[0].send = (frame) => {
    const changed = change(frame.slice(), number++);
    return changed === undefined ? true : honest(changed);
  };
  const common = { clusterId: 'c1', secret: secretOf('s'), clock, random: seededRandom(7), offer };
  const opening = [
    openNodeLink({ ...common, link: links[0], side: 'dialer', profile: profileOf('n1~1', ['edge']), ...dialer }),
    openNodeLink({ ...common, link: links[1], side: 'listener', profile: profileOf('n2~1', []), ...listener }),
  ].map((one) => one.catch((error: unknown) => error as HandshakeFailed));
  const over = Promise.all(opening);
  // Where a message was lost, time ends it.
  for (let n = 0; n < 12; n += 1) await clock.advance(500);
  return over;
}

const unchanged: Change = (message) => message;
const profileAt = 2;

/** Another value in the place of one item of the dialer's profile. */
function profileWith(index: number, value: unknown): Change {
  return (message, number) => {
    if (number !== profileAt) return message;
    const envelope = decodeEnvelope(message);
    if (envelope.kind !== 'profile') throw new Error(envelope.kind);
    const items = [...codec.unpack(envelope.bytes)];
    if (value === undefined) items.length = index;
    else items[index] = value;
    return encodeProfileEnvelope(codec.pack(items));
  };
}

const failed = (result: unknown): HandshakeFailed => {
  expect(result).toBeInstanceOf(HandshakeFailed);
  return result as HandshakeFailed;
};

describe('who sits between two nodes', () => {
  it('changes nothing, and they come together, each with what it has proved', async () => {
    const both = secretOf('s', 'n');
    const [a, b] = (await open(unchanged, { secret: both })) as NodeLink[];
    expect(b!.peer).toMatchObject({ nodeId: 'n1~1', roles: ['edge'], fingerprints: { counter: 'f1', 7: 'f2' } });
    expect([a!.provedBy.length, b!.provedBy.length]).toEqual([1, 1]);
    expect(secretOf('s').holds(a!.provedBy[0]!)).toBe(true);
  });

  it.each<[string, number, unknown]>([
    ['other roles', 2, ['worker']],
    ['one more role', 2, ['edge', 'worker']],
    ['no roles', 2, []],
    ['more threads', 1, 5],
    ['another fingerprint', 3, ['7', 'f2', 'counter', 'f9']],
    ['another token', 4, '0e'.repeat(16)],
    ['a seal of its own', 6, new Uint8Array(64)],
  ])('cannot give a node %s: 4001, the same text as for a wrong secret', async (_what, index, value) => {
    const [a, b] = await open(profileWith(index, value));
    expect(failed(b)).toMatchObject({ reason: 'proof', closeCode: 4001 });
    // The dialer was done before, and its link is closed with what everybody gets.
    expect(a).not.toBeInstanceOf(HandshakeFailed);
  });

  it('cannot take the seal away where rules look at roles; without rules a node of an earlier version has none', async () => {
    const stripped = profileWith(6, undefined);
    const refuses = ({ roles }: ProvenPeer): string | undefined =>
      roles?.includes('worker') ? 'no workers' : undefined;
    expect(failed((await open(stripped, {}, { refuses }))[1])).toMatchObject({ reason: 'proof', closeCode: 4001 });
    expect((await open(stripped))[1]).not.toBeInstanceOf(HandshakeFailed);
    expect((await open(unchanged, {}, { refuses }))[1]).not.toBeInstanceOf(HandshakeFailed);
  });

  it('cannot use a profile of an earlier link: its seal is for the nonces of that one', async () => {
    let recorded: Uint8Array | undefined;
    await open(
      (message, number) => {
        if (number === profileAt) recorded = message;
        return message;
      },
      { random: seededRandom(1) },
    );
    const [, b] = await open((message, number) => (number === profileAt ? recorded! : message), {
      random: seededRandom(2),
    });
    expect(failed(b)).toMatchObject({ reason: 'proof' });
  });

  it('cannot make the mode of both hellos "no secret"', async () => {
    const [, b] = await open((message, number) => {
      if (number === 0) message[7] = 0;
      return message;
    });
    expect(failed(b)).toMatchObject({ reason: 'mode', closeCode: 4001 });
  });

  it('cannot make of the hello of another cluster one of ours, nor the other way', async () => {
    const rename: Change = (message, number) => {
      if (number !== 0) return message;
      message.set(Buffer.from('c1'), message.length - 2);
      return message;
    };
    expect(failed((await open(rename, { clusterId: 'c2' }))[1])).toMatchObject({ closeCode: 4001 });
    const [, other] = await open((message, number) => {
      if (number === 0) message.set(Buffer.from('c2'), message.length - 2);
      return message;
    });
    expect(failed(other)).toMatchObject({ reason: 'cluster', closeCode: 4001 });
  });

  it('cannot make one node of two: a changed node id in the hello is no proof', async () => {
    const [, b] = await open((message, number) => {
      if (number === 0) message[message.indexOf('1'.charCodeAt(0), 42)] = '3'.charCodeAt(0);
      return message;
    });
    expect(failed(b)).toMatchObject({ reason: 'proof', closeCode: 4001 });
  });

  it('keeps a message back, and both give up within 5 s', async () => {
    for (const lost of [0, 1]) {
      const [a, b] = await open((message, number) => (number === lost ? undefined : message));
      expect([failed(a).code, failed(b).code]).toEqual(['HandshakeFailed', 'HandshakeFailed']);
    }
  });
});

describe('who may join', () => {
  const refuses = (peer: ProvenPeer): string | undefined =>
    peer.roles === undefined || peer.roles.includes('edge') ? undefined : 'edges only';

  it('is told 4006 and no reason, after its proof; the reason is for the log', async () => {
    const seen: ProvenPeer[] = [];
    const [a, b] = await open(
      unchanged,
      { profile: profileOf('n1~1', ['worker']) },
      {
        refuses: (peer) => {
          seen.push(peer);
          return refuses(peer);
        },
      },
    );
    expect(failed(b)).toMatchObject({
      reason: 'not-allowed',
      closeCode: 4006,
      message: expect.stringMatching(/edges only/),
    });
    expect(failed(a)).toMatchObject({ reason: 'refused-by-peer', closeCode: 4006 });
    expect(failed(a).message).not.toContain('edges');
    expect(seen.map(({ roles }) => roles)).toEqual([undefined, ['worker']]);
  });

  it('is refused before it is told anything of this node, where its name is enough', async () => {
    const [a, b] = await open(unchanged, {}, { refuses: () => 'nobody' });
    expect(failed(b)).toMatchObject({ reason: 'not-allowed', closeCode: 4006 });
    expect(failed(a)).toMatchObject({ reason: 'refused-by-peer', closeCode: 4006 });
  });

  it('is not asked about whoever has not proved the secret', async () => {
    let asked = 0;
    const listener = {
      refuses: () => {
        asked += 1;
        return 'nobody';
      },
    };
    const [a, b] = await open(unchanged, { secret: secretOf('x') }, listener);
    expect(failed(b)).toMatchObject({ reason: 'proof', closeCode: 4001 });
    expect([failed(a).closeCode, asked]).toEqual([4001, 0]);
  });
});

describe('the digest of a profile', () => {
  it('changes with everything in it, and not with the order of names', () => {
    const base = { ...profileOf('n~1', ['a', 'b']), association: { token: '00'.repeat(16), resume: undefined } };
    const hex = (profile: NodeProfile): string => Buffer.from(profileDigest(profile)).toString('hex');
    const others: NodeProfile[] = [
      { ...base, roles: ['ab'] },
      { ...base, roles: ['b', 'a'] },
      { ...base, roles: ['a'] },
      { ...base, threads: 5 },
      { ...base, fingerprints: { counter: 'f1' } },
      { ...base, fingerprints: { counter: 'f2', 7: 'f1' } },
      { ...base, association: { token: '11'.repeat(16), resume: undefined } },
      { ...base, association: { token: '00'.repeat(16), resume: ['22'.repeat(16), '33'.repeat(16)] } },
    ];
    expect(new Set([base, ...others].map(hex)).size).toBe(others.length + 1);
    expect(hex({ ...base, fingerprints: { 7: 'f2', counter: 'f1' } })).toBe(hex(base));
  });
});
