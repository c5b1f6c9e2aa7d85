import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { pass as settle } from '../../src/testing/event-loop.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { agree } from '../../src/transport/association.ts';
import type { CloseReason } from '../../src/transport/close-codes.ts';
import { HandshakeFailed } from '../../src/transport/errors.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { encodeProfileEnvelope } from '../../src/transport/node-envelope.ts';
import { type NodeLink, type NodeLinkOptions, openNodeLink } from '../../src/transport/node-link.ts';
import { decodeProfile, encodeProfile, type NodeProfile } from '../../src/transport/node-profile.ts';
import { Secret } from '../../src/transport/secret.ts';
import { bytesOf, linkPair, type MemoryLink, stall } from './support.ts';

const token = '0f'.repeat(16);
const secret = new Secret(Buffer.from('s'.repeat(32)));
const profileOf = (nodeId: string): NodeProfile => ({
  nodeId,
  roles: ['gpu'],
  fingerprints: { counter: 'f1', 'actor.x': 'f2' },
  threads: 4,
});

interface Opened {
  readonly clock: VirtualClock;
  readonly links: readonly [MemoryLink, MemoryLink];
  readonly results: readonly [NodeLink | HandshakeFailed, NodeLink | HandshakeFailed];
}

async function open(dialer: Partial<NodeLinkOptions> = {}, listener: Partial<NodeLinkOptions> = {}): Promise<Opened> {
  const clock = new VirtualClock();
  const links = linkPair();
  const common = { clusterId: 'c1', secret, clock, random: seededRandom(7) };
  const attempts = [
    openNodeLink({ ...common, link: links[0], side: 'dialer', profile: profileOf('n1'), ...dialer }),
    openNodeLink({ ...common, link: links[1], side: 'listener', profile: profileOf('n2'), ...listener }),
  ].map((attempt) => attempt.catch((error: unknown) => error as HandshakeFailed));
  const results = await Promise.all(attempts);
  return { clock, links, results: [results[0]!, results[1]!] };
}

interface Recorded {
  readonly link: NodeLink;
  readonly frames: string[];
  readonly down: string[];
  readonly closes: CloseReason[];
}

function record(result: NodeLink | HandshakeFailed): Recorded {
  if (result instanceof Error) throw result;
  const recorded: Recorded = { link: result, frames: [], down: [], closes: [] };
  result.onFrame = (source, target, frame) => recorded.frames.push(`${source}>${target}:${Buffer.from(frame)}`);
  result.onPlaceDown = (thread) => recorded.down.push(thread);
  result.onClose = (reason) => recorded.closes.push(reason);
  return recorded;
}

async function openPair(): Promise<{ clock: VirtualClock; links: Opened['links']; a: Recorded; b: Recorded }> {
  const { clock, links, results } = await open();
  const [a, b] = [record(results[0]), record(results[1])];
  await settle();
  return { clock, links, a, b };
}

const failed = (result: NodeLink | HandshakeFailed): HandshakeFailed => {
  expect(result).toBeInstanceOf(HandshakeFailed);
  return result as HandshakeFailed;
};

describe('node link', () => {
  it('opens with the profile of the other node, and admits each end once', async () => {
    const { links, a, b } = await openPair();
    expect(a.link.peer).toEqual(profileOf('n2'));
    expect(b.link.peer).toEqual(profileOf('n1'));
    expect(links.map(({ admitted }) => admitted)).toEqual([1, 1]);
  });

  it('carries frames in order between the threads that they name', async () => {
    const { a, b } = await openPair();
    expect(a.link.send('main', 'w2', bytesOf('one'))).toBe(true);
    a.link.send('w1', 'main', bytesOf('two'));
    b.link.send('w2', 'main', bytesOf('three'));
    await settle();
    expect(b.frames).toEqual(['main>w2:one', 'w1>main:two']);
    expect(a.frames).toEqual(['w2>main:three']);
  });

  it('tells the peer that a thread has ended', async () => {
    const { a, b } = await openPair();
    a.link.sendPlaceDown('w3');
    await settle();
    expect([a.down, b.down]).toEqual([[], ['w3']]);
  });

  it('holds what arrives until the owner has set its handlers, in whatever order it sets them', async () => {
    const { results } = await open();
    const a = record(results[0]);
    a.link.send('main', 'main', bytesOf('early'));
    a.link.sendPlaceDown('w1');
    await settle();
    const b = record(results[1]);
    expect(b.frames).toEqual([]);
    await settle();
    expect([b.frames, b.down]).toEqual([['main>main:early'], ['w1']]);
  });

  it('closes with 4005 when more than 1,024 frames wait for an owner', async () => {
    const { results } = await open();
    const a = record(results[0]);
    for (let count = 0; count < 1_025; count += 1) a.link.send('main', 'main', bytesOf('x'));
    await settle();
    expect(a.closes).toMatchObject([{ code: 4005 }]);
  });

  it('refuses thread names outside 1 to 16 of a-z 0-9, and frames above 4 MiB', async () => {
    const { a } = await openPair();
    for (const name of ['', 'W1', 'a-b', 'x'.repeat(17), 'é']) {
      expect(() => a.link.send(name, 'main', bytesOf('x'))).toThrow(/thread name/);
      expect(() => a.link.sendPlaceDown(name)).toThrow(/thread name/);
    }
    expect(() => a.link.send('main', 'main', new Uint8Array(4 * 2 ** 20))).toThrow(/limit/);
  });
});

describe('the end of a node link', () => {
  it('comes exactly once, on both sides, with the code of the one who closed it', async () => {
    const { a, b, clock } = await openPair();
    a.link.close(1001, 'shutting down');
    a.link.close(4003, 'again');
    await settle();
    expect(a.closes).toEqual([{ code: 1001, text: 'shutting down' }]);
    expect(b.closes).toEqual([{ code: 1001, text: 'shutting down' }]);
    expect(a.link.send('main', 'main', bytesOf('x'))).toBe(false);
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect([a.closes.length, b.closes.length]).toEqual([1, 1]);
  });

  it('comes at 15 s of silence when the cable is cut, not at 14.9', async () => {
    const { a, b, links, clock } = await openPair();
    await clock.advance(60_000);
    expect([a.closes, b.closes]).toEqual([[], []]);
    b.link.send('main', 'main', bytesOf('last'));
    await settle();
    for (const link of links) link.isCut = true;
    await clock.advance(14_900);
    expect([a.closes, b.closes]).toEqual([[], []]);
    await clock.advance(100);
    expect(a.closes).toMatchObject([{ code: 4009 }]);
    await clock.advance(60_000);
    expect([a.closes.length, b.closes.length, clock.pending]).toEqual([1, 1, 0]);
  });

  it('reports a close that came before the owner set onClose', async () => {
    const { results, links } = await open();
    links[0].close(1006, 'cut');
    await settle();
    const b = record(results[1]);
    expect(b.closes).toEqual([{ code: 1006, text: 'cut' }]);
  });

  it('does not come because this process was stopped for a minute itself', async () => {
    const { a, b, clock } = await openPair();
    await stall(clock, 60_000);
    await clock.advance(10_000);
    expect([a.closes, b.closes]).toEqual([[], []]);
  });

  it('comes with 4008 when a peer talks but answered no ping for 30 s', async () => {
    const { a, links, clock } = await openPair();
    for (const link of links) link.isCut = true; // our frames go nowhere, the peer's are delivered below
    for (let second = 0; second < 50 && a.closes.length === 0; second += 1) {
      links[0].deliver(bytesOf(0x10, 1, 'a', 1, 'b', 'x'));
      await clock.advance(1_000);
      if (second < 29) expect(a.closes).toEqual([]);
    }
    expect(a.closes).toMatchObject([{ code: 4008 }]);
  });

  it.each([
    ['an empty envelope', bytesOf(), 'kind'],
    ['an unknown kind', bytesOf(0x7f, 1), 'kind'],
    ['a second profile', bytesOf(0x14, 0x90), 'kind'],
    ['a handshake message', bytesOf('TRPE', 1, 1), 'kind'],
    ['a source of 17 letters', bytesOf(0x10, 17, 'x'.repeat(17), 1, 'b', 'x'), 'frame.source'],
    ['an empty source', bytesOf(0x10, 0, 1, 'b', 'x'), 'frame.source'],
    ['a target with a slash', bytesOf(0x10, 1, 'a', 3, 'a/b', 'x'), 'frame.target'],
    ['a target beyond the end', bytesOf(0x10, 1, 'a', 9, 'b'), 'frame.target'],
    ['no session frame', bytesOf(0x10, 1, 'a', 1, 'b'), 'frame.body'],
    ['a ping of 4 bytes', bytesOf(0x11, 0, 0, 1), 'ping.length'],
    ['a pong to no ping', bytesOf(0x12, 0, 0, 0, 9), 'pong.number'],
    ['a pong to ping 0', bytesOf(0x12, 0, 0, 0, 0), 'pong.number'],
    ['a place-down without a name', bytesOf(0x13), 'place-down.thread'],
    ['a place-down with a byte too much', bytesOf(0x13, 1, 'a', 0), 'place-down.thread'],
    ['a question without flags', bytesOf(0x20), 'where.question'],
    ['a question with flags of 2', bytesOf(0x20, 2, 1, 'a'), 'where.flags'],
    ['a question without a node', bytesOf(0x20, 0, 0), 'where.question'],
    ['a question with a byte too much', bytesOf(0x20, 0, 1, 'a', 0), 'where.question'],
    ['a question for a path', bytesOf(0x20, 0, 4, '../a'), 'where.question'],
    ['a question of 129 letters', bytesOf(0x20, 0, 129, 'a'.repeat(129)), 'where.question'],
    ['an answer to no question', bytesOf(0x21, 0, 0), 'node-at.question'],
    ['an answer whose id is beyond the end', bytesOf(0x21, 1, 'a', 9, 'a~1'), 'node-at.nodeId'],
    ['an answer without an id', bytesOf(0x21, 1, 'a'), 'node-at.nodeId'],
    ['an address of nobody', bytesOf(0x21, 1, 'a', 0, 'ws://h:1'), 'node-at.address'],
    ['an address that is none', bytesOf(0x21, 1, 'a', 3, 'a~1', 'file:///etc'), 'node-at.address'],
    ['an address with a control character', bytesOf(0x21, 1, 'a', 3, 'a~1', 'ws://h\n:1'), 'node-at.address'],
    ['an address of 257 letters', bytesOf(0x21, 1, 'a', 3, 'a~1', `ws://${'h'.repeat(252)}`), 'node-at.address'],
    ['a load of 7 bytes', bytesOf(0x22, 0, 0, 0, 0, 0, 0), 'load.length'],
    ['a load with flags of 2', bytesOf(0x22, 2, 0, 0, 0, 0, 0, 0), 'load.flags'],
    ['a use of more than all', bytesOf(0x22, 0, 3, 0xe9, 0, 0, 0, 0), 'load.use'],
  ])('comes with 4003 and the name of the field for %s', async (_what, envelope, field) => {
    const { a, b, links } = await openPair();
    links[1].deliver(envelope);
    await settle();
    expect(b.closes).toEqual([{ code: 4003, text: `malformed ${field}` }]);
    expect(a.closes).toEqual([{ code: 4003, text: `malformed ${field}` }]);
  });

  it('comes with 4003 or not at all for 2,000 random envelopes, and nothing is thrown', async () => {
    const { b, links } = await openPair();
    const start = fc.constantFrom(0x10, 0x11, 0x12, 0x13, 0x14, 0x20, 0x21, 0x22, 0x00);
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 40 }), async (kind, rest) => {
        links[1].deliver(bytesOf(kind, rest));
        if (b.closes.length > 0) expect(b.closes).toMatchObject([{ code: 4003 }]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not come for what is beside the sessions, which a peer that does not know it is not told', async () => {
    const { a, b, links } = await openPair();
    const before = links[0].sent.length;
    expect(a.link.sendAside({ kind: 'load', use: 1, queued: 0, isLeaving: true })).toBe(true);
    await settle();
    expect([links[0].sent.length - before, b.closes]).toEqual([0, []]);
  });

  it('holds 2 pongs at most for a peer that pings 1,000 times and reads nothing', async () => {
    const { links } = await openPair();
    links[1].isFull = true;
    const before = links[1].sent.length;
    for (let number = 1; number <= 1_000; number += 1) links[1].deliver(bytesOf(0x11, 0, 0, number >> 8, number & 255));
    expect(links[1].sent.length - before).toBe(1);
    links[1].drain();
    await settle();
    expect(links[1].sent.slice(before + 1).map((bytes) => [...bytes])).toEqual([[0x12, 0, 0, 3, 0xe8]]);
  });

  it('does not come because a single ping was answered while the buffer was full: its pong goes once', async () => {
    const { a, b, links, clock } = await openPair();
    links[1].isFull = true;
    await clock.advance(5_000);
    const pongs = () => links[1].sent.filter((bytes) => bytes[0] === 0x12).length;
    expect(pongs()).toBe(1);
    links[1].drain();
    await settle();
    expect([pongs(), a.closes, b.closes]).toEqual([1, [], []]);
  });
});

describe('the opening of a node link', () => {
  it('fails on both sides with 4001 for a wrong secret, and says why on our side alone', async () => {
    const { results, links, clock } = await open({ secret: new Secret(Buffer.from('x'.repeat(32))) });
    expect(failed(results[1])).toMatchObject({ reason: 'proof', closeCode: 4001 });
    expect(failed(results[0])).toMatchObject({ reason: 'refused-by-peer', closeCode: 4001 });
    expect(links[1].closes).toEqual([{ code: 4001, text: 'authentication refused' }]);
    expect([links[0].admitted, links[1].admitted, clock.pending]).toEqual([0, 0, 0]);
  });

  it('fails with 4004 for a node that is linked already and for the node itself', async () => {
    const linked = await open({}, { isLinked: () => true });
    expect(failed(linked.results[1])).toMatchObject({ reason: 'duplicate', closeCode: 4004 });
    const self = await open({ profile: profileOf('n2') });
    expect(failed(self.results[1])).toMatchObject({ reason: 'self', closeCode: 4004 });
  });

  it.each([
    ['says nothing', undefined],
    ['stops after its hello', 1],
  ])('fails after 5 s when the peer %s', async (_what, frames) => {
    const clock = new VirtualClock();
    const [ours, theirs] = linkPair();
    const options = { clusterId: 'c1', secret, clock, random: seededRandom(1) };
    let result: unknown;
    openNodeLink({ ...options, link: ours, side: 'listener', profile: profileOf('n2') }).catch((error: unknown) => {
      result = error;
    });
    const peer = openNodeLink({ ...options, link: theirs, side: 'dialer', profile: profileOf('n1') });
    peer.catch(() => undefined);
    if (frames === undefined) theirs.other = undefined;
    theirs.onFrame = () => undefined;
    await clock.advance(4_999);
    expect(result).toBeUndefined();
    await clock.advance(1);
    expect(result).toMatchObject({ code: 'HandshakeFailed', reason: 'timeout', closeCode: 4001 });
    expect(ours.closes).toEqual([{ code: 4001, text: 'authentication refused' }]);
  });

  it('fails with 4003 for data before the handshake, and decodes none of it', async () => {
    const [ours] = linkPair();
    const attempt = openNodeLink({
      link: ours,
      side: 'listener',
      profile: profileOf('n2'),
      clusterId: 'c1',
      secret,
      clock: new VirtualClock(),
      random: seededRandom(1),
    });
    ours.deliver(bytesOf(0x10, 4, 'main', 4, 'main', 0x91, 0x01));
    await expect(attempt).rejects.toMatchObject({ reason: 'malformed', closeCode: 4003 });
  });

  it('fails when the link ends in the middle', async () => {
    const [ours] = linkPair();
    const options = { clusterId: 'c1', secret, clock: new VirtualClock(), random: seededRandom(1) };
    const attempt = openNodeLink({ ...options, link: ours, side: 'dialer', profile: profileOf('n1') });
    ours.end({ code: 1006, text: '' });
    await expect(attempt).rejects.toMatchObject({ reason: 'closed', closeCode: 1006, retryable: true });
  });

  const codec = strictCodec();
  it.each<[string, Uint8Array, string]>([
    ['garbage', bytesOf(0xc1), 'profile (not-an-array)'],
    ['too few fields', codec.pack(['n1', 1]), 'profile.length'],
    ['the id of another node', codec.pack(['n9', 1, [], []]), 'profile.nodeId'],
    ['half a thread', codec.pack(['n1', 1.5, [], []]), 'profile.threads'],
    ['NaN threads', codec.pack(['n1', NaN, [], []]), 'profile.threads'],
    ['fewer threads than none', codec.pack(['n1', -1, [], []]), 'profile.threads'],
    ['65 roles', codec.pack(['n1', 1, new Array(65).fill('r'), []]), 'profile.roles'],
    ['a role with a line end', codec.pack(['n1', 1, ['a\nb'], []]), 'profile.roles'],
    ['a fingerprint without a name', codec.pack(['n1', 1, [], ['x']]), 'profile.fingerprints'],
    ['a name of 257 characters', codec.pack(['n1', 1, [], ['x'.repeat(257), 'f']]), 'profile.fingerprints'],
    ['the name __proto__', codec.pack(['n1', 1, [], ['__proto__', 'f']]), 'profile.fingerprints'],
    ['a name twice', codec.pack(['n1', 1, [], ['a', 'f', 'a', 'f']]), 'profile.fingerprints'],
    ['a short token', codec.pack(['n1', 1, [], [], 'abc', null]), 'profile.token'],
    ['a token that is a number', codec.pack(['n1', 1, [], [], 7, null]), 'profile.token'],
    ['a token and no more', codec.pack(['n1', 1, [], [], token]), 'profile.resume'],
    ['one token to resume', codec.pack(['n1', 1, [], [], token, [token]]), 'profile.resume'],
    ['half a wire version', codec.pack(['n1', 1, [], [], token, null, null, null, 1.5]), 'profile.wire'],
    ['wire version 0', codec.pack(['n1', 1, [], [], token, null, null, null, 0]), 'profile.wire'],
    ['an address that is a number', codec.pack(['n1', 1, [], [], token, null, null, 7]), 'profile.address'],
    ['a token to resume in capitals', codec.pack(['n1', 1, [], [], token, [token, 'A'.repeat(32)]]), 'profile.resume'],
  ])('fails with 4003 for a profile with %s', async (_what, bytes, field) => {
    expect(decodeProfile(bytes, 'n1')).toEqual({ field });
    const [ours, theirs] = linkPair();
    const options = { clusterId: 'c1', secret, clock: new VirtualClock(), random: seededRandom(1) };
    const attempt = openNodeLink({ ...options, link: ours, side: 'listener', profile: profileOf('n2') });
    const send = theirs.send.bind(theirs);
    theirs.send = (frame) => send(frame[0] === 0x14 ? encodeProfileEnvelope(bytes) : frame);
    openNodeLink({ ...options, link: theirs, side: 'dialer', profile: profileOf('n1') }).catch(() => undefined);
    await expect(attempt).rejects.toMatchObject({ reason: 'profile', closeCode: 4003 });
    await expect(attempt).rejects.toThrow(`malformed ${field}`);
  });

  it('says what it would resume to the peer that has proved itself, and hears the same of it', async () => {
    const [mine, yours, next] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
    const { results } = await open(
      { offer: (nodeId) => ({ token: next, resume: nodeId === 'n2' ? [mine, yours] : undefined }) },
      { offer: () => ({ token, resume: undefined }) },
    );
    const [a, b] = results.map((result) => record(result).link);
    expect([a!.offered, a!.peer.association]).toEqual([
      { token: next, resume: [mine, yours] },
      { token, resume: undefined },
    ]);
    expect([b!.offered, b!.peer.association]).toEqual([a!.peer.association, a!.offered]);
  });

  it('goes on with an association that both name crosswise, and begins one in every other case', () => {
    const [x, y, z] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
    const ask = (mine?: [string, string], theirs?: [string, string]) =>
      agree({ token: x, resume: mine }, { token: y, resume: theirs });
    expect(ask([x, z], [z, x])).toEqual({ tokens: [x, z], resumes: true });
    const anew = { tokens: [x, y], resumes: false };
    const others = [ask(), ask([x, z]), ask(undefined, [z, x]), ask([x, z], [x, z]), ask([x, z], [z, y])];
    for (const one of others) expect(one).toEqual(anew);
  });

  it.each([
    [1, 2, 1],
    [2, undefined, 1],
    [2, 2, 2],
    [3, 2, 2],
  ])('goes on with the lesser wire version: %i and %s speak %i', async (one, other, agreed) => {
    const speaks = (nodeId: string, wire: number | undefined): Partial<NodeLinkOptions> => ({
      profile: { ...profileOf(nodeId), ...(wire === undefined ? {} : { wire }) },
      offer: () => ({ token, resume: undefined }),
    });
    const { results } = await open(speaks('n1', one), speaks('n2', other));
    expect(results.map((result) => (result as NodeLink).wire)).toEqual([agreed, agreed]);
  });

  it.each([
    [1, 3],
    [2, 4],
    [undefined, 3],
  ])('fails with 4002 where they are more than one apart: %s and %i', async (one, other) => {
    const speaks = (nodeId: string, wire: number | undefined): Partial<NodeLinkOptions> => ({
      profile: { ...profileOf(nodeId), ...(wire === undefined ? {} : { wire }) },
      offer: () => ({ token, resume: undefined }),
    });
    const { results } = await open(speaks('n1', one), speaks('n2', other));
    expect(results.map(failed).map(({ closeCode }) => closeCode)).toContain(4002);
  });

  it('takes a profile of 4,096 names, and refuses to send one of 4,097', () => {
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`actor${n}`, 'f']));
    const large = { ...profileOf('n1'), fingerprints: names(4_096) };
    expect(decodeProfile(encodeProfile(large), 'n1')).toEqual(large);
    expect(() => encodeProfile({ ...large, fingerprints: names(4_097) })).toThrow(/profile.fingerprints/);
  });

  it('ignores fields that a later version adds to the profile', () => {
    const more = codec.pack(['n1', 1, [], [], token, null, new Uint8Array(64), null, 7, 'more']);
    expect(decodeProfile(more, 'n1')).toMatchObject({ nodeId: 'n1', threads: 1, address: null, wire: 7 });
  });
});
