import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { compiledProtocol } from '../../src/actors/operation.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { refTo } from '../../src/actors/schema/ref-schema.ts';
import { limits } from '../../src/base/limits.ts';
import { Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const Target = protocol('target', {
  add: tell(z.object({ n: z.int() })),
  sum: ask({ output: z.int() }),
  spend: ask({ output: z.int(), errors: { tooLittle: z.object({ missing: z.int() }) } }),
  numbers: stream({ output: z.int() }),
  anything: ask({ output: z.unknown() }),
  meet: tell(z.object({ other: refTo('target') })),
  block: tell(),
});
const target = actor(
  Target,
  { args: z.object({}), state: () => ({ sum: 0 }), mailbox: { highWater: 256 } },
  {
    add: (state, { n }) => {
      state.sum += n;
    },
    sum: (state) => state.sum,
    spend: (state) => state.sum,
    anything: () => 1,
    meet: (state) => {
      state.sum += 100;
    },
    block: async (_state, _message, ctx) => {
      await ctx.delay(60_000);
    },
    async *numbers() {
      for (let n = 0; ; n += 1) yield n;
    },
  },
);

let places: TwoPlaces;
afterEach(() => places.close());

const codec = strictCodec();
/** Packs what the other side must refuse. */
const generous = strictCodec({ ...transportLimits, depthMax: 100 });
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

interface Hostile {
  send(...items: unknown[][]): Promise<void>;
  broken(): string[];
  sum(): Promise<number>;
  /** Offers that wait for room at the actor. */
  waiting(): number;
  /** What this place believes to be an actor of the peer's. */
  theirs(): Ref<typeof Target>;
}

/** Frames as another node sends them, by hand, to a place that has one actor, whose cell is 1. */
function hostile(): Hostile {
  places = twoPlaces([target], false);
  const cell = places.here.host.spawn(target, { args: {}, name: undefined, parent: undefined });
  cell.address();
  const ref = new cell.behavior.refClass(cell, places.here.host.outside) as unknown as Ref<typeof Target>;
  let sent = 0;
  // What this place answers goes nowhere: the peer never reads.
  places.tamper = () => undefined;
  return {
    async send(...items) {
      const frame = generous.pack([sent, 0, 0, 16_384, false, ...items.flat()]);
      sent += items.length;
      places.here.router.onFrame(thereId(places), frame);
      await settle();
    },
    broken: () => places.here.logged.filter(({ text }) => text.startsWith('broken')).map(({ text }) => text),
    sum: () => ref.sum(),
    waiting: () => cell.extension.offers.size,
    theirs: () => {
      const there = places.here.router.place(thereId(places))!.target(1, '/target', 'target');
      return new (refClassOf(Target))(there, places.here.host.outside) as unknown as Ref<typeof Target>;
    },
  };
}
const name = (number: number, operation: unknown, shape: unknown = null): unknown[] => [
  Kind.name,
  number,
  typeof operation === 'string' ? `target.${operation}` : operation,
  shape,
];
const tells = (cell: unknown, number: unknown, ...messages: unknown[]): unknown[] => [
  Kind.tell,
  cell,
  number,
  messages.length,
  messages,
];

describe('items of another node', () => {
  it('are handled when they are what they should be', async () => {
    const peer = hostile();
    await peer.send(name(0, 'add'), tells(1, 0, { n: 5 }));
    expect(await peer.sum()).toBe(5);
    expect(peer.broken()).toEqual([]);
  });

  it.each([
    ['a kind that does not exist', [99, 1]],
    ['a kind that is a text', ['tell', 1, 0, {}]],
    ['an item that is cut off', [Kind.tell, 1]],
    ['an operation number out of order', name(7, 'add')],
    ['an operation name that is a number', name(0, 5)],
    ['the shape of an operation that is a text', name(0, 'add', 'x')],
    ['an operation without a shape', name(0, 'add').slice(0, 3)],
    ['a tell of no message', [Kind.tell, 1, 0, 0, []]],
    ['a tell of 2^40 messages', [Kind.tell, 1, 0, 2 ** 40, []]],
    ['a tell of 3 messages that holds 2', [Kind.tell, 1, 1, 3, [{ n: 1 }, { n: 2 }]]],
    ['a tell whose messages are a text', [Kind.tell, 1, 1, 1, 'x']],
    ['a call number below 0', [Kind.ask, -1, 1, 0, null, 100, null]],
    ['a call number that is a fraction', [Kind.reply, 0.5, null]],
    ['an operation name of 263 characters', name(0, 'x'.repeat(263 - 'target.'.length))],
    ['a stop whose deadline is a text', [Kind.stop, 1, 1, true, 'soon']],
    ['a stop whose deadline is below 0', [Kind.stop, 1, 1, true, -1]],
    ['a stop whose deadline is NaN', [Kind.stop, 1, 1, true, Number.NaN]],
    ['a time limit that is a text', [Kind.ask, 1, 1, 0, undefined, 'soon', null]],
    ['an actor placed for a stand-in without a branch', [Kind.place, 1, 'target', {}, null, 1, null, 1]],
    ['one placed for a stand-in below 0', [Kind.place, 1, 'target', {}, null, -1, '/boss/target', 1]],
    ['one placed with a watch that is a text', [Kind.place, 1, 'target', {}, null, 1, '/boss/target', 'w']],
    ['one placed below a branch of 2,049 characters', [Kind.place, 1, 'target', {}, null, 1, 'x'.repeat(2_049), 1]],
    ['a job whose time limit is a text', [Kind.job, 1, 1, 0, undefined, 1, 'soon', null]],
    ['a job whose call is a text', [Kind.job, 1, 1, 0, undefined, 'call', 100, null]],
    ['a probe of no age', [Kind.probe, 1, null, null, 1, []]],
    ['a probe whose call was made at a text', [Kind.probe, 1, ['now', 1, 'x'], null, 1, []]],
    ['a probe of a depth below 0', [Kind.probe, 1, [0, -1, 'x'], null, 1, []]],
    ['a probe of a name of 2,049 characters', [Kind.probe, 1, [0, 1, 'x'.repeat(2_049)], null, 1, []]],
    ['a probe for a text', [Kind.probe, 1, [0, 1, 'x'], 'first', 1, []]],
    ['a probe whose number is a fraction', [Kind.probe, 1, [0, 1, 'x'], null, 0.5, []]],
    ['a probe by 257 actors', [Kind.probe, 1, [0, 1, 'x'], null, 1, Array.from({ length: 257 }, () => 'x')]],
    ['a probe by an actor that is a number', [Kind.probe, 1, [0, 1, 'x'], null, 1, [1]]],
  ])('end the session and nothing else: %s', async (_what, item) => {
    const peer = hostile();
    await peer.send(name(0, 'sum'), name(1, 'add'), item[0] === Kind.name ? [Kind.cancel, 1] : item);
    if (item[0] === Kind.name) {
      await places.close();
      const again = hostile();
      await again.send(item);
      expect(again.broken()).toHaveLength(1);
      expect(await again.sum()).toBe(0);
      return;
    }
    expect(peer.broken()).toHaveLength(1);
    expect(await peer.sum()).toBe(0);
  });

  it.each([
    ['a cell that does not exist', tells(12_345, 0, { n: 1 }), 'unknown'],
    ['a cell that is a text', tells('__proto__', 0, { n: 1 }), 'unknown'],
    ['an operation that was never named', tells(1, 3, { n: 1 }), 'invalid'],
    ['an operation number that is a property name', tells(1, 'length', { n: 1 }), 'invalid'],
    ['a message that does not fit', tells(1, 0, { n: 'x' }), 'invalid'],
    ['a tell to an ask', tells(1, 1, {}), 'invalid'],
  ])('become dead letters and leave the session open: %s', async (_what, item, reason) => {
    const peer = hostile();
    await peer.send(name(0, 'add'), name(1, 'sum'), item, tells(1, 0, { n: 2 }));
    expect(peer.broken()).toEqual([]);
    expect(places.here.host.deadLetters.counts.get(reason as never)).toBe(1);
    expect(await peer.sum()).toBe(2);
  });

  it('are validated again when they are rows, value by value', async () => {
    const peer = hostile();
    const { shape } = compiledProtocol(Target).byLabel.get('target.add')!;
    await peer.send(name(0, 'add', shape), [Kind.tell, 1, 0, 3, [4, 'x', 5]], [Kind.tell, 1, 0, 1, [{ n: 1 }]]);
    expect(await peer.sum()).toBe(9);
    expect(places.here.host.deadLetters.counts.get('invalid')).toBe(2);
    expect(peer.broken()).toEqual([]);
  });

  it('are not read as rows of another shape than the operation has here', async () => {
    const peer = hostile();
    const { shape } = compiledProtocol(Target).byLabel.get('target.add')!;
    await peer.send(name(0, 'add', shape + 1), [Kind.tell, 1, 0, 2, [4, 5]], name(1, 'add'), tells(1, 1, { n: 7 }));
    expect(await peer.sum()).toBe(7);
    expect(places.here.host.deadLetters.counts.get('invalid')).toBe(2);
    expect(peer.broken()).toEqual([]);
  });

  it.each([
    ['of an operation that was never named', [Kind.shape, 0, 5]],
    ['that is a text', [Kind.shape, 0, 'x']],
  ])('end the session when they tell a shape %s', async (_what, item) => {
    const peer = hostile();
    if (item[2] === 'x') peer.theirs().add({ n: 1 });
    await peer.send(item);
    expect(peer.broken()).toHaveLength(1);
    expect(await peer.sum()).toBe(0);
  });

  it('name no more than 4,096 operations', async () => {
    const peer = hostile();
    const names = Array.from({ length: 4_097 }, (_, number) => name(number, `op${number}`));
    await peer.send(...names.slice(0, 4_096));
    expect(peer.broken()).toEqual([]);
    await peer.send(names[4_096]!);
    expect(peer.broken()).toHaveLength(1);
  });

  it.each([
    ['a place id that climbs', ['../../b/main', 1, '/target']],
    ['a place id without a thread', ['b~1', 1, '/target']],
    ['a place id of 200 characters', [`${'b'.repeat(200)}/main`, 1, '/target']],
    ['a cell that is a text', ['b~1/main', '1', '/target']],
    ['no address at all', 5],
  ])('become dead letters when a ref in them leads nowhere: %s', async (_what, other) => {
    const peer = hostile();
    await peer.send(name(0, 'meet'), tells(1, 0, { other }));
    expect(places.here.host.deadLetters.counts.get('invalid')).toBe(1);
    expect(await peer.sum()).toBe(0);
    expect(peer.broken()).toEqual([]);
  });

  it('restart and escalate nothing that its sender has not placed, and end no jobs that it does not know', async () => {
    const peer = hostile();
    await peer.send(
      name(0, 'add'),
      tells(1, 0, { n: 5 }),
      [Kind.restart, 1, 1, true],
      [Kind.restart, 2, 1, false],
      [Kind.escalated, 1, ['ActorFailed', 'as if', []]],
      [Kind.escalated, 77, null],
      [Kind.done, 9],
      [Kind.cancel, 1],
    );
    expect(await peer.sum()).toBe(5);
    expect(peer.broken()).toEqual([]);
  });

  it('place an actor, restart it, and end it by a cancel of the call that placed it', async () => {
    const peer = hostile();
    const { host } = places.here;
    await peer.send([Kind.place, 1, 'target', {}, null, 5, '/boss/target', 1]);
    const placed = [...host.roots].at(-1)!;
    expect(placed.path()).toBe(`troupe://${host.placeId}/boss/target#${placed.id}`);
    expect(host.rootCount).toBe(2);
    await peer.send(name(0, 'add'), tells(placed.id, 0, { n: 5 }), [Kind.restart, 2, placed.id, true]);
    expect(placed.generation).toBe(1);
    // Its start was answered long ago: the peer has not seen the answer.
    await peer.send([Kind.cancel, 1]);
    expect(host.rootCount).toBe(1);
    expect(peer.broken()).toEqual([]);
  });

  it('leave nothing of an actor that was placed when their session ends', async () => {
    const peer = hostile();
    const { host } = places.here;
    await peer.send([Kind.place, 1, 'target', {}, null, 5, '/boss/target', 1]);
    expect(host.rootCount).toBe(2);
    places.here.router.lost(thereId(places), 'it is gone');
    await settle();
    expect(host.rootCount).toBe(1);
  });

  it('cannot make more than 65,536 offers wait at one actor', async () => {
    const peer = hostile();
    await peer.send(name(0, 'block'), name(1, 'add'), tells(1, 0, undefined));
    let call = 0;
    for (let left = limits.offersWaitingMax + 500; left > 0; left -= 8_192) {
      const length = Math.min(left, 8_192);
      await peer.send(...Array.from({ length }, () => [Kind.offer, call++, 1, 1, { n: 1 }, 60_000]));
    }
    expect(peer.waiting()).toBe(limits.offersWaitingMax);
    expect(peer.broken()).toEqual([]);
  }, 120_000);

  it('end the session when a stream brings 600 items and 256 were granted', async () => {
    const peer = hostile();
    const iterator = peer.theirs().numbers()[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    await peer.send(...Array.from({ length: 600 }, (_, n) => [Kind.item, 1, n]));
    expect(peer.broken()).toEqual([expect.stringContaining('granted')]);
    await first.catch(() => undefined);
  });

  let deep: unknown = 1;
  for (let n = 0; n < 60; n += 1) deep = [deep];
  it.each([
    ['a reply that does not fit', [Kind.reply, 1, 'x']],
    ['a reply beyond the limits of the wire', [Kind.reply, 1, deep]],
    ['an end for an ask, with another item after it', [Kind.end, 1, Kind.cancel, 9]],
    ['a declared error whose data do not fit', [Kind.failure, 1, ['tooLittle', 'text', { missing: 'x' }]]],
  ])('reject the call that they answer: %s', async (_what, item) => {
    const peer = hostile();
    const asked = peer.theirs().spend.outcome();
    await settle();
    await peer.send(item);
    expect(await asked).toMatchObject({ ok: false, error: { code: 'Rejected', reason: 'invalid' } });
    expect(peer.broken()).toEqual([]);
  });

  it('never hand a caller what the wire refused, whatever its operation admits', async () => {
    const peer = hostile();
    const asked = peer.theirs().anything.outcome();
    await settle();
    await peer.send([Kind.reply, 1, deep]);
    expect(await asked).toMatchObject({ ok: false, error: { code: 'Rejected', reason: 'invalid' } });
  });

  it.each([
    ['InvalidMessage', [{}, 5], { path: [] }],
    ['Lagged', -3.5, { missed: 0 }],
  ])('cannot put foreign values into a failure: %s', async (code, detail, expected) => {
    const peer = hostile();
    const asked = peer.theirs().spend.outcome();
    await settle();
    await peer.send([Kind.failure, 1, [code, 'text', detail]]);
    expect(await asked).toMatchObject({ ok: false, error: { code, ...expected } });
  });

  it('cannot make more than 262,144 stops of an actor that is busy wait: the next is refused', async () => {
    const peer = hostile();
    await peer.send(name(0, 'block'), tells(1, 0, undefined));
    let call = 0;
    for (let left: number = limits.callsPerSessionMax; left > 0; left -= 16_384) {
      await peer.send(...Array.from({ length: 16_384 }, () => [Kind.stop, call++, 1, 2, null]));
    }
    const answers = (): unknown[] => places.frames.flatMap(({ frame }) => codec.unpack(frame).slice(5));
    expect(answers()).not.toContain(Kind.failure);
    await peer.send([Kind.stop, call, 1, 2, null]);
    const last = answers();
    const at = last.indexOf(Kind.failure);
    expect(last.slice(at + 1, at + 3)).toEqual([
      call,
      ['Rejected', expect.stringContaining('too many'), ['full', null]],
    ]);
    expect(peer.broken()).toEqual([]);
  }, 60_000);

  it.each<[string, unknown]>([
    ['an object', { toString: 1 }],
    ['a chain of objects', [[{ toString: 1 }, {}, []]]],
  ])('take no harm of %s where a text is expected', async (_what, given) => {
    const peer = hostile();
    const asked = peer.theirs().spend.outcome();
    await settle();
    await peer.send(
      name(0, 'sum'),
      [Kind.spawn, 1, given, {}, null],
      [Kind.ask, 2, 1, 0, undefined, 100, [given, given, given]],
      [Kind.failure, 1, ['Rejected', given, [given, [given, 'step']]]],
    );
    expect(peer.broken()).toEqual([]);
    expect(await asked).toMatchObject({ ok: false, error: { code: 'Rejected', reason: 'full', path: ['step'] } });
  });

  it('answer nothing twice: a call number that is in use ends the session', async () => {
    const peer = hostile();
    await peer.send(name(0, 'numbers'), [Kind.stream, 1, 1, 0, undefined, 0], [Kind.stream, 1, 1, 0, undefined, 0]);
    expect(peer.broken()).toEqual([expect.stringContaining('in use')]);
  });

  it('forget a stream that its reader cancelled: its call number is free again', async () => {
    const peer = hostile();
    const opened = [Kind.stream, 1, 1, 0, undefined, 0];
    await peer.send(name(0, 'numbers'), opened, [Kind.cancel, 1], opened, [Kind.cancel, 1], opened);
    expect(peer.broken()).toEqual([]);
  });

  it.each([
    ['backwards', 5],
    ['for 2^40 elements', 2 ** 40],
    ['as a fraction', 20.5],
  ])('cannot lie about credit: %s', async (_what, total) => {
    const peer = hostile();
    await peer.send(name(0, 'numbers'), [Kind.stream, 1, 1, 0, undefined, 10], [Kind.grant, 1, total]);
    expect(peer.broken()).toHaveLength(1);
    expect(await peer.sum()).toBe(0);
  });

  it('leave no memory behind when a peer opens 1,000 streams, grants nothing more and is lost', async () => {
    const peer = hostile();
    await peer.send(name(0, 'numbers'));
    const streams = Array.from({ length: 1_000 }, (_, call) => [Kind.stream, call, 1, 0, undefined, 1]);
    for (let at = 0; at < 1_000; at += 100) await peer.send(...streams.slice(at, at + 100));
    places.cut();
    await settle();
    expect(await peer.sum()).toBe(0);
    expect(places.here.host.deadlines.open).toBe(0);
  }, 30_000);

  const snapshot = {
    definition: 'target',
    args: null,
    place: 'b~1/main',
    cell: 1,
    name: null,
    hop: 1,
    state: { sum: 7 },
    behaviors: [],
    generation: 0,
    restarts: [],
  };
  it.each([
    ['an actor that moves here', [Kind.adopt, 1, snapshot]],
    ['a message for an actor that moves here', [Kind.handed, 1, 0, ['target.add', { n: 1 }, false, 0]]],
    ['the beginning of an actor', [Kind.begin, 2, 1, {}]],
    ['a stream on its way to an actor', [Kind.pass, 1, 'target.numbers', {}]],
    ['news that an actor may move', [Kind.expect, 1, 1, 1, 'b~1/main', 1]],
    ['a route of an actor that is a text', [Kind.route, 1, 'b~1/main', '/target', 'target', 'often', 'b~1/main', 2]],
    ['a route to what is no place', [Kind.route, 1, 'b~1/main', '/target', 'target', 1, '../etc', 2]],
    ['a route with a branch of 2,049 characters', [Kind.route, 1, 'b~1/main', 'x'.repeat(2_049), 't', 1, 'b~1/t1', 2]],
    ['a stream that is claimed with a number below 0', [Kind.attach, 1, 1, 'target.numbers', 'x', -1, 256]],
    ['a link of an actor of another node', [Kind.linkOf, 1, 'a~1/t1', 3, '/target', 'target']],
    ['an unlink of an actor of another node', [Kind.unlinkOf, 1, 'c~1/main', 3]],
    ['a watch number that is a text', [Kind.watchAgain, 'one', 1]],
  ])('end the session, since actors move within a node alone: %s', async (_what, item) => {
    const peer = hostile();
    await peer.send(item);
    expect(peer.broken()).toHaveLength(1);
    expect(await peer.sum()).toBe(0);
    expect(places.here.host.rootCount).toBe(1);
  });

  it('move nothing: the answer is MoveRefused, and the actor stays', async () => {
    const peer = hostile();
    await peer.send([Kind.move, 1, 1, 'b~1/main', 100], [Kind.move, 2, 99, 'a~1/main', 100]);
    expect(peer.broken()).toEqual([]);
    const answers = places.frames.flatMap(({ frame }) => codec.unpack(frame).filter(Array.isArray));
    expect(answers.map(([code, , detail]) => [code, detail[0]])).toEqual([
      ['MoveRefused', 'place'],
      ['MoveRefused', 'place'],
    ]);
    expect(await peer.sum()).toBe(0);
  });

  it('lead nobody elsewhere: routes of actors and places of other nodes count for nothing', async () => {
    const peer = hostile();
    const routes = [
      [Kind.route, 1, 'a~1/main', '/target', 'target', 1, 'b~1/main', 1],
      [Kind.route, 1, 'c~1/main', '/target', 'target', 1, 'b~1/main', 1],
      [Kind.route, 1, 'b~1/main', '/target', 'target', 1, 'c~1/main', 1],
    ];
    await peer.send(...routes);
    expect(peer.broken()).toEqual([]);
    expect(places.here.router.routeCount).toBe(0);
    expect(await peer.sum()).toBe(0);
  });

  it('never bring the place down, whatever 2,000 random frames hold', async () => {
    const field = fc.oneof(
      fc.integer({ min: -2, max: 34 }),
      fc.constantFrom(null, true, '', 'add', 'sum', '__proto__', 'target', 2 ** 53, 1e308, -0),
      fc.dictionary(fc.constantFrom('n', 'constructor', 'x'), fc.integer()),
      fc.array(fc.oneof(fc.integer(), fc.constant('a~1/main')), { maxLength: 4 }),
    );
    hostile();
    await fc.assert(
      fc.asyncProperty(fc.array(field, { maxLength: 12 }), async (fields) => {
        places.here.router.lost(thereId(places), 'the test begins anew');
        places.here.router.onFrame(thereId(places), codec.pack([0, 0, 0, 16_384, false, ...name(0, 'sum'), ...fields]));
      }),
      { numRuns: 2_000 },
    );
    await settle();
    // A node of the cluster may stop an actor, so the random frames may have; the place takes others.
    const cell = places.here.host.spawn(target, { args: {}, name: undefined, parent: undefined });
    const fresh = new cell.behavior.refClass(cell, places.here.host.outside) as unknown as Ref<typeof Target>;
    expect(await fresh.sum()).toBe(0);
    expect(places.here.host.deadlines.open).toBe(0);
  }, 60_000);
});
