/** Clients that say what they must not, too much, or nothing: they are ended, and nobody else notices. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientsOptions } from '../../src/index.ts';
import { encodeBeat, encodeClientFrame, encodeWelcome } from '../../src/transport/client-envelope.ts';
import { clientBounds, clientLimits } from '../../src/transport/client-limits.ts';
import { closeCodes } from '../../src/transport/close-codes.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { Counter, clientsOptions, counter, Echo, echo, vault } from './fixtures.ts';
import { RawSpeaker } from './raw-speaker.ts';
import { type VirtualClients, virtualClients } from './virtual-clients.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function world(more: Partial<ClientsOptions> = {}): Promise<VirtualClients> {
  const made = await virtualClients(1, { clients: clientsOptions(more) });
  await made.system.spawn(counter, { name: 'hits' });
  await made.system.spawn(counter, { name: 'of-ada' });
  await made.system.spawn(echo, { name: 'echo' });
  await made.system.spawn(vault, { name: 'vault' });
  ends.push(() => made.until(made.system.shutdown({ deadlineMs: 50 })));
  return made;
}

const protocols = (token: string): string[] => [
  'troupe.client.v1',
  `troupe.token.${Buffer.from(token).toString('base64url')}`,
];

/** One that has been let in, and has said what comes first. */
async function speaker(made: VirtualClients, token = 'token-of-eve'): Promise<RawSpeaker> {
  const one = new RawSpeaker(await made.dial(protocols(token)));
  one.hello();
  await made.advance(5);
  one.resume();
  await made.advance(5);
  return one;
}

/** An honest client is served as if nothing were. */
async function othersAreServed(made: VirtualClients): Promise<void> {
  const client = made.connect({ token: 'token-of-ada' });
  const hits = client.ref(Counter, 'hits');
  const before = await made.until(hits.get());
  hits.inc();
  expect(await made.until(hits.get())).toBe(before + 1);
  await made.until(client.close());
}

const Kind = { tell: 1, ask: 2, offer: 3, stream: 4, cancel: 5, grant: 6 };

describe('before it is let in, a client', () => {
  it.each([
    ['no token', []],
    ['a wrong token', protocols('wrong').slice(1)],
    ['a token that is none', ['troupe.token.%%%']],
    ['a token of invalid UTF-8', [`troupe.token.${Buffer.from([0xff, 0xfe]).toString('base64url')}`]],
  ])('with %s is closed with 4001, and nothing that it says is read', async (_what, offered) => {
    const made = await world();
    const one = new RawSpeaker(await made.dial(['troupe.client.v1', ...offered]));
    one.hello();
    one.say([Kind.tell, 'hits', 'counter.inc', {}]);
    await made.advance(50);
    expect(one.closed).toEqual({ code: closeCodes.authentication, text: 'authentication refused' });
    expect(one.messages).toEqual([]);
    expect(made.system.clients!.statistics()).toMatchObject({ refused: 1, admitted: 0, open: 0 });
    await othersAreServed(made);
  });

  it.each([
    ['another Host', { host: 'evil.example.org' }],
    ['no Host', { host: '' }],
    ['another page', { origin: 'https://evil.example.org' }],
    ['a page that is no page', { origin: 'null' }],
    ['a page of another scheme', { origin: 'http://app.example.org' }],
  ])('that names %s gets 403', async (_what, about) => {
    const made = await world();
    await expect(made.dial(protocols('token-of-ada'), about)).rejects.toMatchObject({ status: 403 });
    await expect(
      made.dial(protocols('token-of-ada'), { origin: 'https://app.example.org', host: 'LOCALHOST:99' }),
    ).resolves.toBeDefined();
  });

  it('that says no hello is closed with 4001 after 5 s, and holds nothing', async () => {
    const made = await world();
    const one = new RawSpeaker(await made.dial(protocols('token-of-eve')));
    await made.advance(clientLimits.helloMs + 10);
    expect(one.closed?.code).toBe(closeCodes.authentication);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 0, away: 0, admitted: 0 });
  });

  it.each([
    ['a frame', encodeClientFrame(Uint8Array.of(0x90))],
    ['a ping', encodeBeat('ping', 1)],
    ['a welcome', encodeWelcome('0'.repeat(32), true, 1)],
    ['nothing', new Uint8Array()],
    ['a token of the wrong length', Uint8Array.of(0x21, 0x30)],
    ['a token of other digits', Uint8Array.of(0x21, ...Buffer.from('G'.repeat(32)))],
  ])('that says %s for a hello is closed with 4003', async (_what, bytes) => {
    const made = await world();
    const one = new RawSpeaker(await made.dial(protocols('token-of-eve')));
    one.link.send(bytes);
    await made.advance(50);
    expect(one.closed?.code).toBe(closeCodes.protocol);
  });

  it('is refused as many at once as there is no room for, and let in again once others left', async () => {
    const made = await world({ max: 2, resumeMs: 0 });
    const [first] = [await speaker(made), await speaker(made)];
    await expect(made.dial(protocols('token-of-ada'))).rejects.toMatchObject({ status: 503 });
    made.cut(made.wires[0]);
    await made.advance(50);
    expect(first!.closed?.code).toBe(1006);
    expect((await speaker(made)).token).toMatch(/^[0-9a-f]{32}$/);
  });

  it('cannot take over the session of somebody else by its token', async () => {
    const made = await world();
    const ada = await speaker(made, 'token-of-ada');
    const eve = new RawSpeaker(await made.dial(protocols('token-of-eve')));
    eve.hello(ada.token);
    await made.advance(50);
    expect(eve.resumes).toBe(false);
    expect(eve.token).not.toBe(ada.token);
    expect(ada.closed).toBeUndefined();
  });
});

describe('a program whose `authenticate`', () => {
  it.each<[string, ClientsOptions['authenticate']]>([
    ['throws', (token) => thrown(token)],
    ['rejects', async (token) => thrown(token)],
    ['never answers', () => new Promise(() => undefined)],
    ['gives no id', () => ({ id: '' })],
    ['gives something else', () => 'ada' as never],
  ])('%s lets nobody in, and its log tells no token', async (_what, authenticate) => {
    const made = await world({ authenticate });
    const dialled = made.dial(protocols('token-of-canary'));
    await expect(made.until(dialled)).rejects.toMatchObject({ status: 503 });
    expect(made.log.of('error').length).toBe(1);
    expect(JSON.stringify(made.log.lines)).not.toContain('canary');
  });
});

function thrown(token: string | undefined): never {
  throw new Error(`no such token: ${token}`);
}

describe('a client that was let in', () => {
  it('gets one answer for whatever it may not say, and to whomever', async () => {
    const made = await world();
    const eve = await speaker(made);
    eve.say(
      [Kind.ask, 1, 'hits', 'counter.nothing', null, 1_000],
      [Kind.ask, 2, 'vault', 'vault.open', null, 1_000],
      [Kind.ask, 3, 'nothing', 'nothing.at-all', null, 1_000],
      [Kind.ask, 4, 'of-ada', 'counter.get', null, 1_000],
      [Kind.ask, 5, 'nobody-else', 'counter.get', null, 1_000],
      // What it may say, but not in this way.
      [Kind.ask, 6, 'hits', 'counter.inc', {}, 1_000],
      [Kind.offer, 7, 'hits', 'counter.get', null, 1_000],
      [Kind.stream, 8, 'hits', 'counter.get', null, 10],
      [Kind.tell, 'hits', 'counter.reset', null],
      [Kind.tell, 'vault', 'vault.open', null],
      [Kind.ask, 9, '../../hits\u0000\n', 'counter.get', null, 1_000],
      [Kind.ask, 10, 'constructor', '__proto__', null, 1_000],
      [Kind.ask, 11, `troupe://${made.system.nodeId}/of-eve`, 'counter.get', null, 1_000],
    );
    await made.advance(1_000);
    const text = 'this client may not say that, or not to that actor';
    const failures = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((id) => [8, id, ['Rejected', text, ['forbidden', null]]]);
    const lost = [
      [11, 'hits', 'counter.reset', 'forbidden'],
      [11, 'vault', 'vault.open', 'forbidden'],
    ];
    expect(eve.told).toEqual([...failures.slice(0, 8), ...lost, ...failures.slice(8)].flat());
    expect(made.system.clients!.statistics()).toMatchObject({ forbidden: 13, broken: 0 });
    // Each is a line for people, few a second, and nothing in it breaks a line.
    const lines = made.log.matching({ text: /may not say/ });
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line.text).not.toMatch(/[\n\0]/);
    await othersAreServed(made);
  });

  it.each<[string, readonly unknown[]]>([
    ['a spawn of a node', [12, 1, 'counter', {}, null]],
    ['an item of the server', [7, 1, 5]],
    ['no kind', [null]],
    ['half an item', [Kind.ask, 1, 'hits']],
    ['a call that is no number', [Kind.ask, 'one', 'hits', 'counter.get', null, 1]],
    ['a call below 0', [Kind.ask, -1, 'hits', 'counter.get', null, 1]],
    ['a time that is no number', [Kind.ask, 1, 'hits', 'counter.get', null, 'soon']],
    ['a name that is no text', [Kind.tell, 7, 'counter.inc', {}]],
    ['a name of 10 KB', [Kind.tell, 'x'.repeat(10_000), 'counter.inc', {}]],
    ['an operation of 10 KB', [Kind.tell, 'hits', 'x'.repeat(10_000), {}]],
    ['a stream without credit', [Kind.stream, 1, 'hits', 'counter.changes', null, 0]],
    ['a stream of too much credit', [Kind.stream, 1, 'hits', 'counter.changes', null, 100_000]],
  ])('is ended with 4003 for %s', async (_what, item) => {
    const made = await world();
    const eve = await speaker(made);
    eve.say(item);
    await made.advance(100);
    expect(eve.closed?.code).toBe(closeCodes.protocol);
    expect(made.system.clients!.statistics()).toMatchObject({ broken: 1, open: 0, away: 0 });
    await othersAreServed(made);
  });

  it.each<[string, (eve: RawSpeaker) => void]>([
    ['a second hello', (eve) => eve.hello()],
    ['an unknown kind', (eve) => void eve.link.send(Uint8Array.of(0x7f))],
    ['an empty frame', (eve) => void eve.link.send(Uint8Array.of(0x10))],
    ['bytes that are no frame', (eve) => void eve.link.send(Uint8Array.of(0x10, 0xdd, 0xff, 0xff, 0xff, 0xff))],
    ['an extension', (eve) => void eve.link.send(Uint8Array.of(0x10, 0x91, 0xd4, 0x69, 0x00))],
    ['a pong that nobody asked for', (eve) => void eve.link.send(encodeBeat('pong', 9))],
    ['a second resume frame', (eve) => eve.resume()],
    ['a frame from the future', (eve) => eve.frame([7, 0, 0, 10_000, false])],
    ['counts that are none', (eve) => eve.frame([0, -1, 0.5, 'x', false])],
    ['more received than was sent', (eve) => eve.frame([0, 99, 0, 10_000, false])],
    ['a grant that shrinks', (eve) => eve.frame([0, 0, 0, 1, false])],
    [
      'a grant of a stream that lies',
      (eve) => {
        eve.say([Kind.stream, 1, 'hits', 'counter.changes', null, 1]);
        eve.say([Kind.grant, 1, 1_000_000]);
      },
    ],
    [
      'two calls of one number',
      (eve) => {
        eve.say([Kind.ask, 1, 'echo', 'echo.hang', { ms: 1_000 }, 1_000]);
        eve.say([Kind.ask, 1, 'echo', 'echo.hang', { ms: 1_000 }, 1_000]);
      },
    ],
  ])('is ended with 4003 for %s', async (_what, wrong) => {
    const made = await world();
    const eve = await speaker(made);
    wrong(eve);
    await made.advance(100);
    expect(eve.closed?.code).toBe(closeCodes.protocol);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 0, away: 0 });
    await othersAreServed(made);
  });

  it.each<[string, unknown]>([
    ['a wrong type', { by: 'x' }],
    ['nothing', null],
    ['NaN', { by: Number.NaN }],
    ['a fraction', { by: 0.5 }],
    ['a list', []],
  ])('has a message that does not fit refused, for %s, and goes on', async (_what, message) => {
    const made = await world();
    const eve = await speaker(made);
    eve.say([Kind.tell, 'hits', 'counter.inc', message], [Kind.ask, 1, 'hits', 'counter.spend', message, 1_000]);
    eve.say([Kind.ask, 2, 'hits', 'counter.get', null, 1_000]);
    await made.advance(100);
    expect(eve.told).toMatchObject([
      11,
      'hits',
      'counter.inc',
      'invalid',
      8,
      1,
      ['Rejected', expect.any(String), ['invalid', null]],
      7,
      2,
      0,
    ]);
    expect(eve.closed).toBeUndefined();
  });

  it('has keys that pollute, and depths that recurse, refused as one message', async () => {
    const made = await world();
    const eve = await speaker(made);
    // {"what": {"__proto__": {"polluted": true}}}, in the place of a message, as no encoder of ours would write it.
    const key = (text: string): number[] => [0xa0 | text.length, ...Buffer.from(text)];
    const poison = [0x81, ...key('what'), 0x81, ...key('__proto__'), 0x81, ...key('polluted'), 0xc3];
    const deep = [0x81, ...key('what'), ...Array.from({ length: 60 }, () => 0x91), 0x90];
    for (const [index, message] of [poison, deep].entries()) {
      const head = eve.codec.pack([eve.sent, 0, 0, 10_000, false, Kind.ask, index, 'echo', 'echo.same']);
      head[0] = 0x9b;
      eve.link.send(encodeClientFrame(Uint8Array.from([...head, ...message, 0xcd, 0x03, 0xe8])));
      eve.sent += 1;
    }
    await made.advance(100);
    expect(eve.told).toMatchObject(
      [0, 1].flatMap((id) => [8, id, ['Rejected', expect.any(String), ['invalid', null]]]),
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    await othersAreServed(made);
  });

  it('cannot make a ref of data, and gets none', async () => {
    const made = await world();
    const eve = await speaker(made);
    const ref = { $ref: ['vault', [made.system.nodeId, 4, '/vault']] };
    eve.say([Kind.ask, 1, 'echo', 'echo.same', { what: ref }, 1_000], [Kind.ask, 2, 'echo', 'echo.own', null, 1_000]);
    await made.advance(100);
    // What it sent is an object with one odd key, and comes back as that.
    expect(eve.told.slice(0, 3)).toEqual([7, 1, { $: ref }]);
    expect(eve.told.slice(3)).toMatchObject([8, 2, ['ActorFailed', 'echo.own to echo: it failed', []]]);
  });

  it('is told nothing of what an actor threw, or where it lives', async () => {
    const made = await world();
    const eve = await speaker(made);
    eve.say([Kind.ask, 1, 'echo', 'echo.fail', null, 1_000], [Kind.ask, 2, 'nobody', 'counter.get', null, 1_000]);
    await made.advance(100);
    const told = JSON.stringify(eve.told);
    expect(told).not.toContain('secret');
    expect(told).not.toContain(made.system.nodeId);
    const text = 'counter.get to nobody: it was not delivered (unknown)';
    expect(eve.told).toContainEqual(['NotDelivered', text, 'unknown']);
  });

  it('that sends more messages than were granted is ended with 4005, before any of them arrives', async () => {
    const made = await world();
    const eve = await speaker(made);
    eve.say(...Array.from({ length: clientBounds.window + 1 }, () => [Kind.tell, 'hits', 'counter.inc', {}]));
    await made.advance(100);
    expect(eve.closed).toEqual({ code: closeCodes.limit, text: 'more messages than were granted' });
    const client = made.connect({ token: 'token-of-ada' });
    expect(await made.until(client.ref(Counter, 'hits').get())).toBe(0);
  });

  it('that sends more bytes than its actor takes is ended with 4005, and its other messages with it', async () => {
    const made = await world();
    const eve = await speaker(made);
    const raw = new Uint8Array(900_000);
    for (let count = 0; count < 20; count += 1) eve.say([Kind.tell, 'echo', 'echo.held', { ms: 60_000, raw }]);
    await made.advance(100);
    expect(eve.closed).toEqual({ code: closeCodes.limit, text: 'more bytes than its actors take' });
  });

  it('has at most 256 calls and 64 streams open; more are refused, and end nothing', async () => {
    const made = await world();
    const eve = await speaker(made);
    const call = (id: number) => [Kind.ask, id, 'hits', 'counter.changes', null, 1] as const;
    const streams = Array.from({ length: 70 }, (_, id) => [Kind.stream, ...call(id).slice(1)]);
    eve.say(...streams);
    await made.advance(300);
    const failed = eve.frames.flatMap((fields) => fields.filter((one) => Array.isArray(one)));
    expect(failed).toHaveLength(6);
    expect(failed[0]).toEqual(['Rejected', expect.stringContaining('was rejected (full)'), ['full', null]]);
    for (let sent = 0; sent < 300; sent += 100) {
      eve.say(
        ...Array.from({ length: 100 }, (_, n) => [
          Kind.ask,
          1_000 + sent + n,
          'echo',
          'echo.hang',
          { ms: 5_000 },
          60_000,
        ]),
      );
      await made.advance(300);
    }
    const full = eve.frames.flatMap((fields) => fields.filter((one) => Array.isArray(one)));
    expect(full.length).toBe(6 + 300 - clientLimits.callsMax);
    expect(eve.closed).toBeUndefined();
    await othersAreServed(made);
  });

  it('that reads nothing is ended with 4008, and holds no more than its bounds until then', async () => {
    const made = await world();
    const eve = await speaker(made);
    const { client: own } = made.wires.at(-1)!;
    own.isDeaf = true;
    // It goes on saying that it is there, and asks for as much as it may.
    for (let id = 0; id < 40; id += 1) {
      eve.say(
        [Kind.ask, id, 'echo', 'echo.large', { bytes: 1_000_000 }, 60_000],
        [Kind.stream, 1_000 + id, 'echo', 'echo.many', { count: 1_000, bytes: 10_000 }, 256],
      );
      await made.advance(1_000);
      if (eve.closed !== undefined) break;
    }
    expect(eve.closed?.code).toBe(closeCodes.tooSlow);
    expect(own.unread).toBeLessThan(3 * clientLimits.linkFrameBytesMax);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 0 });
    await othersAreServed(made);
  });

  it('that says nothing for 15 s counts as gone, and its session ends when its time is up', async () => {
    const made = await world();
    const eve = await speaker(made);
    await made.advance(16_000);
    expect(eve.closed?.code).toBe(closeCodes.silent);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 0, away: 1 });
    await made.advance(clientLimits.resumeMs);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 0, away: 0 });
  });

  it('that floods with pings is answered as far as it reads', async () => {
    const made = await world();
    const eve = await speaker(made);
    const before = eve.messages.length;
    for (let number = 1; number <= 10_000; number += 1) eve.link.send(encodeBeat('ping', number));
    await made.advance(1_000);
    expect(eve.closed).toBeUndefined();
    expect(eve.messages.length - before).toBeLessThanOrEqual(10_010);
    await othersAreServed(made);
  });
});

describe('frames of a client that were changed on the way', () => {
  const frames = proofRuns(1_000);

  it(`end their link or do no harm, ${frames} of them`, async () => {
    const made = await world();
    const honest = made.connect({ token: 'token-of-ada' });
    const hits = honest.ref(Counter, 'hits');
    await made.until(hits.get());
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 }),
        fc.nat({ max: 3 }),
        async (changes, which) => {
          const eve = await speaker(made);
          const items = [
            [Kind.ask, 1, 'hits', 'counter.spend', { by: 5 }, 1_000],
            [Kind.tell, 'echo', 'echo.held', { ms: 1, raw: Uint8Array.of(1, 2, 3) }],
            [Kind.stream, 2, 'hits', 'counter.changes', null, 16],
            [Kind.ask, 3, 'echo', 'echo.same', { what: { a: [1, { b: 'c' }] } }, 1_000],
          ];
          const bytes = encodeClientFrame(
            eve.codec.pack([0, 0, 0, 10_000, false, ...items[which]!, ...items[(which + 1) % 4]!]),
          );
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          eve.link.send(bytes);
          await made.advance(20);
          if (eve.closed !== undefined) {
            ended += 1;
            expect([closeCodes.protocol, closeCodes.limit]).toContain(eve.closed.code);
          }
          eve.link.close(closeCodes.left, '');
          await made.advance(5);
        },
      ),
      { numRuns: frames },
    );
    expect(ended).toBeGreaterThan(frames / 10);
    const before = await made.until(hits.get());
    hits.inc({ by: 7 });
    expect(await made.until(hits.get())).toBe(before + 7);
    expect(made.system.clients!.statistics()).toMatchObject({ open: 1, away: 0 });
    expect(await made.until(honest.ref(Echo, 'echo').same({ what: 1 }))).toBe(1);
  }, 300_000);
});
