/**
 * A node that has proved itself and then breaks every rule of the protocol, against a live node: the link ends with its code, or
 * the item is refused and the link stays; an honest link to the same node answers all the while.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { encodeFrame, encodePing, encodePlaceDown, encodePong } from '../../src/transport/node-envelope.ts';
import { type Recording, record } from './conversation.ts';
import { generous, HostileLink, ordered } from './hostile-link.ts';
import { GoodLink, LiveNode } from './live-node.ts';

/** What the node may keep of all that, once its links have ended. */
const heapGrowthMax = 12_000_000;

let live: LiveNode;
let good: GoodLink;
let recording: Recording;
let heapBefore = 0;
const links: HostileLink[] = [];

beforeAll(async () => {
  live = await LiveNode.start();
  good = await GoodLink.open(live);
  recording = await record(live);
  heapBefore = (await good.memory()).heapBytes;
});
afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  good.expectUndisturbed();
  expect(live.isUp).toBe(true);
});
afterAll(async () => {
  await recording.close();
  await good.close();
  await live.end();
});

async function opened(options: Parameters<typeof HostileLink.open>[1] = {}): Promise<HostileLink> {
  const link = await HostileLink.open(live, options);
  links.push(link);
  // The node has taken its profile: what comes before is held, and only so much of it.
  if (options.profile === undefined) await link.answered();
  return link;
}

/** Names the operation as number 0. */
const named = (label: string): unknown[] => [Kind.name, 0, label, null];
const cell = (): number => recording.cell;

describe('envelopes', () => {
  it.each([
    ['an empty message', Buffer.alloc(0), 'malformed kind'],
    ['an unknown kind', Buffer.of(0x15, 1), 'malformed kind'],
    ['a kind of 0xff', Buffer.of(0xff), 'malformed kind'],
    ['a frame without threads', Buffer.of(0x10), 'malformed frame.source'],
    ['a frame whose thread is longer than the message', Buffer.of(0x10, 16, 0x61), 'malformed frame.source'],
    ['a frame from a thread of 17 characters', Buffer.from(`10119${'61'.repeat(17)}`, 'hex'), 'malformed frame.source'],
    ['a frame from a thread called ../x', Buffer.from('\x10\x04../x\x04mainx', 'latin1'), 'malformed frame.source'],
    ['a frame to a thread in capitals', Buffer.from('\x10\x02s1\x04MAINx', 'latin1'), 'malformed frame.target'],
    ['a frame without a body', Buffer.from('\x10\x02s1\x04main', 'latin1'), 'malformed frame.body'],
    ['a ping of 4 bytes', Buffer.of(0x11, 0, 0, 0), 'malformed ping.length'],
    ['a pong to a ping that was never sent', encodePong(77), 'malformed pong.number'],
    ['a pong of 6 bytes', Buffer.of(0x12, 0, 0, 0, 1, 1), 'malformed pong.length'],
    ['the end of a thread with bytes behind it', Buffer.from('\x13\x02s1x', 'latin1'), 'malformed place-down.thread'],
    ['a second profile', Buffer.of(0x14, 0x90), 'malformed kind'],
    ['a second handshake', Buffer.from('TRPE\x01\x01\x01\x01', 'latin1'), 'malformed kind'],
  ])('end the link with 4003 and the name of the field: %s', async (_what, message, text) => {
    const link = await opened();
    link.send(message);
    expect(await link.ended()).toEqual({ code: 4003, text });
  });

  it.each([
    ['none but a frame', encodeFrame('s1', 'main', generous.pack(ordered(0)))],
    ['an empty one', Buffer.of(0x14)],
    ['one of another node', Buffer.concat([Buffer.of(0x14), generous.pack(['other~1', 1, [], []])])],
    ['one whose threads are a text', Buffer.concat([Buffer.of(0x14), generous.pack(['evil~p', '1', [], []])])],
    [
      'one with 4,097 names',
      Buffer.concat([Buffer.of(0x14), generous.pack(['evil~p', 1, [], Array(8_194).fill('x')])]),
    ],
    ['one of 600,000 bytes', Buffer.concat([Buffer.of(0x14), Buffer.alloc(600_000)])],
  ])('end the link with 4003 in the place of a profile: %s', async (_what, profile) => {
    const link = await opened({ nodeId: 'evil~p', profile });
    expect(await link.ended()).toEqual({ code: 4003, text: 'malformed handshake' });
  });

  it('20,000 pings that are never read cost no more than a few answers', async () => {
    const link = await opened();
    link.client.socket.pause();
    const before = await good.memory();
    for (let n = 1; n <= 20_000; n += 1) link.send(encodePing(n));
    for (let n = 0; n < 20_000; n += 1) link.client.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await good.memory()).heapBytes - before.heapBytes).toBeLessThan(4_000_000);
  });
});

describe('session frames', () => {
  const max = Number.MAX_SAFE_INTEGER;
  it.each([
    ['no msgpack', Buffer.from('hello')],
    ['an empty array', Buffer.of(0x90)],
    ['two values', Buffer.concat([generous.pack(ordered(0)), Buffer.of(1)])],
    ['an array of 2^32 - 1', Buffer.from('ddffffffff', 'hex')],
    ['a map of 2^32 - 1 in an item', Buffer.from('96000000cd4000c2dfffffffff', 'hex')],
    ['a text of 2^32 - 1 bytes', Buffer.from('96000000cd4000c2dbffffffff', 'hex')],
    ['binary of 2^31 bytes', Buffer.from('96000000cd4000c2c680000000', 'hex')],
    ['the byte 0xc1', Buffer.from('96000000cd4000c2c1', 'hex')],
    ['a date of msgpack', Buffer.from('96000000cd4000c2d6ff00000000', 'hex')],
    ['a record definition', Buffer.from('96000000cd4000c2d4724091a161', 'hex')],
    ['an error of msgpackr', Buffer.from('96000000cd4000c2c7026590a0', 'hex')],
    ['a pointer of msgpackr', Buffer.from('96000000cd4000c2d67000000001', 'hex')],
    ['120,000 values', generous.pack(ordered(0, new Array(120_000).fill(0)))],
    ['a header that is cut off', generous.pack([0, 0, 0])],
    ['counts that are texts', generous.pack(['0', 0, 0, 0, false])],
    ['a sequence from the future', generous.pack([1, 0, 0, 16_384, false])],
    ['a sequence of 2^53 - 1', generous.pack([max, 0, 0, 16_384, false])],
    ['a sequence below 0', generous.pack([-1, 0, 0, 16_384, false])],
    ['more received than was sent', generous.pack([0, 5, 0, 16_384, false])],
    ['more settled than was received', generous.pack([0, 0, 5, 16_384, false])],
    ['less granted than at first', generous.pack([0, 0, 0, 0, false])],
    ['a grant of NaN', generous.pack([0, 0, 0, Number.NaN, false])],
    ['a question that is a number', generous.pack([0, 0, 0, 16_384, 1])],
    ['the same frame twice', undefined],
  ])('end the link with 4003: %s', async (_what, frame) => {
    const link = await opened();
    if (frame === undefined) {
      link.frame('s1', ordered(0, named('target.add')));
      link.frame('s1', ordered(0, named('target.add')));
    } else link.send(encodeFrame('s1', 'main', frame));
    expect((await link.ended()).code).toBe(4003);
  });

  it('that grant 2^53 - 1 are believed, since who grants so much harms itself', async () => {
    const link = await opened();
    link.frame('s1', [0, 0, 0, max, false, ...named('target.sum'), Kind.ask, 1, cell(), 0, undefined, 1_000, null]);
    expect(await link.answered()).toBeUndefined();
  });

  it('are cut at each of their bytes without harm', async () => {
    const whole = strictCodec().pack(ordered(0, named('target.add'), [Kind.tell, cell(), 0, 1, [{ n: 1, text: 'x' }]]));
    for (let length = 1; length < whole.length; length += 1) {
      const link = await HostileLink.open(live);
      link.send(encodeFrame('s1', 'main', whole.subarray(0, length)));
      expect([length, (await link.ended()).code]).toEqual([length, 4003]);
    }
  });

  it('to threads that there are not are answered, but not to one who does not read', async () => {
    const link = await opened();
    const frame = encodeFrame('s1', 't99999', generous.pack(ordered(0)));
    link.send(frame);
    expect(await link.answered()).toBeUndefined();
    link.client.socket.pause();
    const before = await good.memory();
    const batch = Array.from({ length: 10_000 }, () => frame);
    for (let round = 0; round < 60; round += 1) {
      link.send(...batch);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // What it has in hand is garbage a little later; what it kept for one who does not read would stay.
    await vi.waitFor(async () => expect((await good.memory()).heapBytes - before.heapBytes).toBeLessThan(20_000_000), {
      timeout: 20_000,
      interval: 200,
    });
  });

  it('from more than 1,024 threads end the link, and leave no session behind', async () => {
    const link = await opened();
    const before = await good.memory();
    for (let n = 0; n < 1_500; n += 1) link.frame(`x${n}`, ordered(0));
    expect(await link.ended()).toEqual({ code: 4003, text: 'more than 1024 threads of one node' });
    const next = await opened();
    // A thread that has ended makes room.
    for (let n = 0; n < 3_000; n += 1) {
      next.frame(`x${n}`, ordered(0));
      next.send(encodePlaceDown(`x${n}`));
    }
    expect(await next.answered()).toBeUndefined();
    next.close();
    await (await opened()).answered();
    expect((await good.memory()).heapBytes - before.heapBytes).toBeLessThan(4_000_000);
  });
});

describe('items', () => {
  /** What refers to an actor is made when there is one. */
  type Items = () => readonly (readonly unknown[])[];
  const place = 'evil~0/main';
  const four = Uint8Array.of(1, 2, 3, 4);

  it.each<[string, Items]>([
    ['of a kind that there is not', () => [[99, 1]]],
    ['of a kind that is a text', () => [['constructor', 1, 2]]],
    ['of a kind that is an object', () => [[{ toString: 1 }, 1, 2]]],
    ['of too few fields', () => [[Kind.ask, 1, cell()]]],
    ['of too many fields', () => [[Kind.cancel, 1, 2]]],
    ['of a call below 0', () => [[Kind.cancel, -1]]],
    ['of a call that is NaN', () => [[Kind.reply, Number.NaN, 1]]],
    ['a tell of no message', () => [named('target.add'), [Kind.tell, cell(), 0, 0, []]]],
    ['a tell of 2^31 messages', () => [named('target.add'), [Kind.tell, cell(), 0, 2 ** 31, []]]],
    ['a tell of 3 that holds 2', () => [named('target.add'), [Kind.tell, cell(), 0, 3, [{ n: 1 }, { n: 1 }]]]],
    ['a name out of order', () => [[Kind.name, 5, 'target.add', null]]],
    ['a name of 300 characters', () => [[Kind.name, 0, 'x'.repeat(300), null]]],
    ['the shape of what was never named', () => [[Kind.shape, 3, 1]]],
    ['a time limit of a year', () => [named('target.sum'), [Kind.ask, 1, cell(), 0, undefined, 3e10, null]]],
    ['a deadline that is infinite', () => [[Kind.stop, 1, 999_999, 0, Number.POSITIVE_INFINITY]]],
    ['a grant that goes backwards', () => [stream(), [Kind.grant, 1, 1]].flatMap(flat)],
    ['a grant of 2^40', () => [stream(), [Kind.grant, 1, 2 ** 40]].flatMap(flat)],
    ['a call number that is in use', () => [stream(), [Kind.stream, 1, cell(), 0, { to: 9 }, 0]].flatMap(flat)],
    [
      'a watch number that is open',
      () => [
        [Kind.watch, 1, cell()],
        [Kind.watch, 1, cell()],
      ],
    ],
    ['an end for no known reason', () => [[Kind.terminated, 1, 'boredom']]],
    ['a link to what is no actor', () => [[Kind.link, cell(), -1, '/x', 'target']]],
    ['an actor placed below a branch of 3,000', () => [[Kind.place, 1, 'mayfly', {}, null, 1, 'x'.repeat(3_000), 1]]],
    ['an actor that moves here', () => [[Kind.adopt, 1, { definition: 'target', state: {} }]]],
    ['a message for an actor that moves here', () => [[Kind.handed, 1, 0, ['target.add', { n: 1 }, false, 0]]]],
    ['the beginning of an actor', () => [[Kind.begin, 2, 1, {}]]],
    ['a stream on its way to an actor', () => [[Kind.pass, cell(), 'target.numbers', {}]]],
    ['news of a move', () => [[Kind.expect, 1, cell(), 1, place, 1]]],
    ['a link for an actor of another node', () => [[Kind.linkOf, cell(), 'other~1/t1', 3, '/x', 'target']]],
    ['a route to no place', () => [[Kind.route, 1, place, '/x', 'target', 1, '../../etc', 2]]],
    ['bytes of a large message that has not begun', () => [[Kind.chunk, 0, four]]],
    ['the end of a large message that has not begun', () => [[Kind.chunk, 0, new Uint8Array(0)]]],
    ['a binary of 2^40 bytes', () => [[Kind.chunk, 2 ** 40, four]]],
    ['a binary of a fraction of a byte', () => [[Kind.chunk, 4.5, four]]],
    ['more bytes than a binary has', () => [[Kind.chunk, 3, four]]],
    ['a chunk that is a text', () => [[Kind.chunk, 4, 'four']]],
    ['a large message without its binaries', () => [[Kind.large, 1, large(Kind.reply, 1, null)]]],
    [
      'a large message amid a binary',
      () => [
        [Kind.chunk, 8, four],
        [Kind.large, 1, large(Kind.reply, 1, null)],
      ],
    ],
    ['a large message that is a text', () => [[Kind.large, 0, 'text']]],
    ['a large message that is no msgpack', () => [[Kind.large, 0, Buffer.of(0xc1)]]],
    ['a large message within a large one', () => [[Kind.large, 0, large(Kind.large, 0, large(Kind.reply, 1, null))]]],
    ['a large chunk', () => [[Kind.large, 0, large(Kind.chunk, 4, four)]]],
    ['a large spawn', () => [[Kind.large, 0, large(Kind.spawn, 1, 'mayfly', {}, null)]]],
    ['a large message of too few fields', () => [[Kind.large, 0, large(Kind.reply, 1)]]],
    [
      'a large tell of two messages',
      () => [named('target.add'), [Kind.large, 0, large(Kind.tell, cell(), 0, 2, [{ n: 1 }, { n: 1 }])]],
    ],
    [
      'a large message that names a binary which did not come',
      () => [[Kind.large, 0, Buffer.concat([Buffer.of(0x93, Kind.reply, 1), Buffer.of(0xd6, 0x50, 0, 0, 0, 0)])]],
    ],
  ])('end the link with 4003: %s', async (_what, items) => {
    const link = await opened();
    link.frame('s1', ordered(0, ...items()));
    expect((await link.ended()).code).toBe(4003);
  });

  function large(...fields: readonly unknown[]): Uint8Array {
    return generous.pack(fields);
  }

  it('of large messages are kept for a node up to 512 MiB; what is beyond is refused as full, and costs nothing', async () => {
    const link = await opened();
    const answers: unknown[][] = [];
    link.onFields = (_source, fields) => answers.push(fields.slice(5));
    const { rssBytes } = await good.memory();
    for (const thread of ['s1', 's2']) link.frame(thread, ordered(0, [Kind.chunk, 268_434_944, four]));
    const echo = Buffer.concat([generous.pack([Kind.ask, 1, cell(), 0, 0, 900, null])]);
    // In the place of the message stands the only binary.
    const at = echo.length - 5;
    const packed = Buffer.concat([echo.subarray(0, at), Buffer.of(0xd6, 0x50, 0, 0, 0, 0), echo.subarray(at + 1)]);
    link.frame('s3', ordered(0, named('target.echo'), [Kind.chunk, 4, four], [Kind.large, 1, packed]));
    await link.client.until(() => answers.flat().includes(Kind.failure), 'a refusal');
    const failure = answers.flat()[answers.flat().indexOf(Kind.failure) + 2];
    expect(failure).toMatchObject(['Rejected', expect.stringContaining('large messages'), ['full', null]]);
    expect((await good.memory()).rssBytes - rssBytes).toBeLessThan(50_000_000);
    expect(await link.answered()).toBeUndefined();
    link.close();
    await expect.poll(async () => (await good.memory()).heapBytes, { timeout: 20_000 }).toBeLessThan(400_000_000);
  });

  function stream(): readonly (readonly unknown[])[] {
    return [named('target.numbers'), [Kind.stream, 1, cell(), 0, { to: 100 }, 10]];
  }
  function flat(items: readonly unknown[] | readonly (readonly unknown[])[]): (readonly unknown[])[] {
    return Array.isArray(items[0]) ? (items as (readonly unknown[])[]) : [items];
  }

  let deep: unknown = 1;
  for (let level = 0; level < 1_000; level += 1) deep = [deep];
  const pollution = JSON.parse('{"n": 1, "__proto__": {"polluted": 1}}') as object;

  it.each<[string, Items]>([
    ['tells to no actor', () => [named('target.add'), [Kind.tell, 77_777, 0, 1, [{ n: 1 }]]]],
    ['tells to an actor called __proto__', () => [named('target.add'), [Kind.tell, '__proto__', 0, 1, [{ n: 1 }]]]],
    ['tells of an operation that was never named', () => [[Kind.tell, cell(), 9, 1, [{ n: 1 }]]]],
    ['tells of an operation that is a property', () => [[Kind.tell, cell(), 'length', 1, [{ n: 1 }]]]],
    ['tells of an operation that there is not', () => [named('target.toString'), [Kind.tell, cell(), 0, 1, [1]]]],
    ['a tell to an ask', () => [named('target.sum'), [Kind.tell, cell(), 0, 1, [null]]]],
    ['a message of another type', () => [named('target.add'), [Kind.tell, cell(), 0, 1, ['x']]]],
    ['a message with 2,000 keys', () => [named('target.add'), [Kind.tell, cell(), 0, 1, [keys(2_000)]]]],
    ['a message that nests 1,000 deep', () => [named('target.echo'), [Kind.ask, 1, cell(), 0, deep, 900, null]]],
    ['a text of 2 MB', () => [named('target.echo'), [Kind.ask, 1, cell(), 0, 'x'.repeat(2e6), 900, null]]],
    ['a ref to no place', () => [named('target.meet'), [Kind.tell, cell(), 0, 1, [{ other: ['../x', 1, '/x'] }]]]],
    [
      'a ref to a node that there is not',
      () => [named('target.meet'), [Kind.tell, cell(), 0, 1, [{ other: ['q~1/main', 1, '/target'] }]]],
    ],
    [
      'a call chain of objects',
      () => [named('target.sum'), [Kind.ask, 1, cell(), 0, undefined, 900, [{ toString: 1 }, {}, []]]],
    ],
    ['a spawn of what is not registered', () => [[Kind.spawn, 1, 'no such actor', {}, null]]],
    ['a spawn of constructor', () => [[Kind.spawn, 1, 'constructor', {}, null]]],
    ['a spawn of an object', () => [[Kind.spawn, 1, { toString: 1 }, {}, null]]],
    ['a spawn of a path', () => [[Kind.spawn, 1, '../../../etc/passwd', {}, null]]],
    ['a spawn of a data: URL', () => [[Kind.spawn, 1, 'data:text/javascript,1', {}, null]]],
    ['a spawn with other arguments', () => [[Kind.spawn, 1, 'target', { start: 'x' }, null]]],
    ['a spawn with a name of control characters', () => [[Kind.spawn, 1, 'mayfly', {}, '\0\n\u001b[31m']]],
    [
      'replies to calls that were never made',
      () => [
        [Kind.reply, 1, deep],
        [Kind.failure, 2, 'x'],
        [Kind.item, 3, 1],
        [Kind.end, 4],
      ],
    ],
    [
      'cancels and grants of calls that there are not',
      () => [
        [Kind.cancel, 1],
        [Kind.grant, 2, 3],
        [Kind.moved, 3, 'x'],
      ],
    ],
    [
      'the end of watches and jobs that there are not',
      () => [
        [Kind.unwatch, 1],
        [Kind.terminated, 2, 'killed'],
        [Kind.done, 3],
      ],
    ],
    [
      'a watch of no actor',
      () => [
        [Kind.watch, 1, 88_888],
        [Kind.watchAgain, 2, 'x'],
      ],
    ],
    [
      'a link of no actor',
      () => [
        [Kind.link, 88_888, 1, '/x', 'target'],
        [Kind.unlink, 88_888, 1],
      ],
    ],
    [
      "a restart of what is another's",
      () => [
        [Kind.restart, 1, cell(), true],
        [Kind.restart, 0, cell(), false],
      ],
    ],
    ['an escalation to an actor that is no stand-in', () => [[Kind.escalated, cell(), ['ActorFailed', 'x', null]]]],
    [
      'a move',
      () => [
        [Kind.move, 1, cell(), place, 100],
        [Kind.move, 2, 'x', 5, 'y'],
      ],
    ],
    ['a stream that was never kept', () => [[Kind.attach, 1, cell(), 'target.numbers', 'token', 0, 256]]],
    ['a route of actors of others', () => [[Kind.route, 1, 'q~1/main', '/x', 'target', 1, 'q~1/t1', 2]]],
    [
      'pressure at actors that nobody knows',
      () => [
        [Kind.pressure, 1, true],
        [Kind.pressure, 2, 'x'],
      ],
    ],
    ['a failure whose path is of objects', () => [[Kind.failure, 1, ['Rejected', 'x', ['full', [{ toString: 1 }]]]]]],
  ])('are refused, and the link stays: %s', async (_what, items) => {
    const link = await opened();
    link.frame('s1', ordered(0, ...items()));
    expect(await link.answered()).toBeUndefined();
    // The same session goes on.
    const answers: unknown[][] = [];
    link.onFields = (_source, fields) => answers.push(fields.slice(5));
    const count = items().length;
    link.frame('s1', [count, 0, 0, 16_384, true]);
    await link.client.until(() => answers.length > 0, 'an answer of the session');
  });

  function keys(count: number): object {
    return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]));
  }

  it('with keys called __proto__ pollute nothing', async () => {
    const link = await opened();
    const bytes = generous.pack(ordered(0, named('target.echo'), [Kind.ask, 1, cell(), 0, { _proto_: 1 }, 900, null]));
    const poisoned = Buffer.from(
      Buffer.from(bytes).toString('latin1').replace('\xa7_proto_', '\xa9__proto__'),
      'latin1',
    );
    link.send(encodeFrame('s1', 'main', poisoned));
    expect(await link.answered()).toBeUndefined();
    expect(Object.keys(pollution)).toContain('__proto__');
    const answer = await recording.target.echo({ clean: true });
    expect((answer as { polluted?: number }).polluted).toBeUndefined();
  });

  it('answer a caller with what fits, whatever is replied', async () => {
    const link = await opened();
    const calls: number[] = [];
    link.onFields = (_source, fields) => {
      for (let at = 5; at < fields.length; at += 1) {
        if (fields[at] === Kind.ask && fields.length > at + 6) calls.push(fields[at + 1] as number);
      }
    };
    const other = [`${link.nodeId}/main`, 1, '/target'];
    link.frame('main', ordered(0, named('target.visit'), [Kind.ask, 1, cell(), 0, { other }, 2_000, null]));
    await link.client.until(() => calls.length > 0, 'a call of the node');
    link.frame('main', ordered(2, [Kind.reply, calls[0], { valueOf: 1, toString: 1 }]));
    expect(await link.answered()).toBeUndefined();
  });

  it('end the link when a stream brings more than was granted', async () => {
    const link = await opened();
    const calls: [kind: number, id: number][] = [];
    link.onFields = (_source, fields) => {
      for (let at = 5; at < fields.length; at += 1) {
        if (fields[at] === Kind.ask || fields[at] === Kind.stream)
          calls.push([fields[at] as number, fields[at + 1] as number]);
      }
    };
    const other = [`${link.nodeId}/main`, 1, '/target'];
    link.frame('main', ordered(0, named('target.visit'), [Kind.ask, 1, cell(), 0, { other }, 5_000, null]));
    await link.client.until(() => calls.length > 0, 'its ask');
    link.frame('main', ordered(2, [Kind.reply, calls[0]![1], 5]));
    await link.client.until(() => calls.length > 1, 'its second ask');
    link.frame('main', ordered(3, [Kind.failure, calls[1]![1], ['ActorFailed', 'x', null]]));
    await link.client.until(() => calls.some(([kind]) => kind === Kind.stream), 'its stream');
    const id = calls.find(([kind]) => kind === Kind.stream)![1];
    link.frame('main', ordered(4, ...Array.from({ length: 600 }, (_, n) => [Kind.item, id, n])));
    expect(await link.ended()).toMatchObject({ code: 4003, text: expect.stringContaining('granted') });
  });
});

describe('floods', () => {
  const nodeId = `evil~${randomBytes(4).toString('hex')}`;
  /** Operation 0 keeps the actor busy, operation 1 is the one that is flooded. */
  const floods: [string, string, (n: number, actor: number) => unknown[]][] = [
    ['asks', 'target.sum', (n, actor) => [Kind.ask, n, actor, 1, undefined, 60_000, null]],
    ['streams that are granted nothing', 'target.numbers', (n, actor) => [Kind.stream, n, actor, 1, { to: 9 }, 0]],
    ['tells', 'target.add', (_n, actor) => [Kind.tell, actor, 1, 1, [{ n: 1 }]]],
    [
      'refs to as many threads',
      'target.meet',
      (n, actor) => [Kind.tell, actor, 1, 1, [{ other: [`${nodeId}/t${n}`, 1, '/target'] }]],
    ],
    [
      'refs to as many nodes',
      'target.meet',
      (n, actor) => [Kind.tell, actor, 1, 1, [{ other: [`nobody${n}~1/main`, 1, '/target'] }]],
    ],
    ['offers', 'target.add', (n, actor) => [Kind.offer, n, actor, 1, { n: 1 }, 60_000]],
    ['jobs', 'target.add', (n, actor) => [Kind.job, n, actor, 1, { n: 1 }, null, null, null]],
    ['watches', 'target.add', (n, actor) => [Kind.watch, n, actor]],
    ['links', 'target.add', (n, actor) => [Kind.link, actor, n + 1, '/x', 'target']],
    ['stops that wait', 'target.add', (n, actor) => [Kind.stop, n, actor, 2, 60_000]],
    ['fences', 'target.add', (n, actor) => [Kind.fence, n, actor]],
    ['routes', 'target.add', (n) => [Kind.route, n + 1, `${nodeId}/x`, '/x', 'target', 1, `${nodeId}/y`, n + 1]],
    ['tells to nobody', 'target.add', () => [Kind.tell, 99_999, 1, 1, [{ n: 1 }]]],
    ['spawns of nothing', 'target.add', (n) => [Kind.spawn, n, 'nothing', {}, null]],
  ];

  it.each(floods)(
    'of 20,000 %s are bounded, end with their link, and leave nothing',
    async (_what, label, item) => {
      const before = (await good.memory()).heapBytes;
      const link = await opened({ nodeId });
      const actor = await busyActor(link, label);
      let sequence = 4;
      for (let from = 0; from < 20_000; from += 2_000) {
        link.frame('main', ordered(sequence, ...Array.from({ length: 2_000 }, (_, n) => item(from + n, actor))));
        sequence += 2_000;
      }
      expect(await link.answered()).toBeUndefined();
      expect((await good.memory()).heapBytes - before).toBeLessThan(100_000_000);
      link.frame('main', ordered(sequence, [Kind.stop, 900_001, actor, 1, null]));
      await link.answered();
      link.close();
      await expect.poll(() => grownSince(before), { timeout: 10_000, interval: 200 }).toBeLessThan(6_000_000);
    },
    30_000,
  );

  it('of text at a busy actor are refused from 64 MiB on, and so are offers of text', async () => {
    const before = (await good.memory()).heapBytes;
    const link = await opened();
    const actor = await busyActor(link, 'target.add');
    const text = 'y'.repeat(1_000_000);
    let sequence = 4;
    for (let n = 0; n < 150; n += 1) {
      // Bytes of their own for each: one text is held once by however many messages.
      const message = { n: 1, text: `${n}${text}` };
      link.frame(
        'main',
        ordered(sequence, [Kind.tell, actor, 1, 1, [message]], [Kind.offer, n, actor, 1, message, 60_000]),
      );
      sequence += 2;
      await link.answered();
    }
    const grown = (await good.memory()).heapBytes - before;
    expect(grown).toBeGreaterThan(60_000_000);
    expect(grown).toBeLessThan(150_000_000);
    link.frame('main', ordered(sequence, [Kind.stop, 2_000, actor, 1, null]));
    expect(await link.answered()).toBeUndefined();
    link.close();
    await expect.poll(() => grownSince(before), { timeout: 10_000, interval: 200 }).toBeLessThan(6_000_000);
  }, 30_000);

  /** An actor of the link's own that is busy for as long as it lives; `label` is operation 1. */
  async function busyActor(link: HostileLink, label: string): Promise<number> {
    let actor = 0;
    link.onFields = (_source, fields) => {
      const at = fields.indexOf(Kind.reply, 5);
      if (at > 0 && actor === 0) actor = (fields[at + 2] as [number])[0];
    };
    link.frame('main', ordered(0, [Kind.spawn, 900_000, 'target', { start: 0 }, null]));
    await link.client.until(() => actor > 0, 'an actor');
    const block = [Kind.tell, actor, 0, 1, [undefined]];
    link.frame('main', ordered(1, named('target.block'), block, [Kind.name, 1, label, null]));
    return actor;
  }

  async function grownSince(heapBytes: number): Promise<number> {
    const last = await HostileLink.open(live);
    last.close();
    return (await good.memory()).heapBytes - heapBytes;
  }

  it('of links leave one session for none: 300 nodes come and go', async () => {
    const before = (await good.memory()).heapBytes;
    for (let n = 0; n < 300; n += 1) {
      const link = await HostileLink.open(live);
      link.frame('main', ordered(0, named('target.add')));
      await link.answered();
      link.close();
    }
    await (await opened()).answered();
    expect((await good.memory()).heapBytes - before).toBeLessThan(3_000_000);
  });
});

describe('after all that', () => {
  it('the node remembers nothing of it, has logged what happened, and made no mistake of its own', async () => {
    await (await opened()).answered();
    const { heapBytes } = await good.memory();
    expect(heapBytes - heapBefore).toBeLessThan(heapGrowthMax);
    expect(live.logged('broke the protocol').length).toBeGreaterThan(0);
    live.expectNoMistakes();
  });
});
