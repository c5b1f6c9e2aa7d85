import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const Target = protocol('target', {
  add: tell(z.object({ n: z.int() })),
  sum: ask({ output: z.int() }),
  numbers: stream({ output: z.int() }),
});
const target = actor(
  Target,
  { args: z.object({}), state: () => ({ sum: 0 }) },
  {
    add: (state, { n }) => {
      state.sum += n;
    },
    sum: (state) => state.sum,
    async *numbers() {
      for (let n = 0; ; n += 1) yield n;
    },
  },
);

let places: TwoPlaces;
afterEach(() => places.close());

const codec = strictCodec();
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Frames as another node sends them, by hand, to a place that has one actor, whose cell is 1. */
function hostile(): { send(...items: unknown[][]): Promise<void>; broken(): string[]; sum(): Promise<number> } {
  places = twoPlaces([target], false);
  const cell = places.here.host.spawn(target, { args: {}, name: undefined, parent: undefined });
  cell.address();
  const ref = new cell.behavior.refClass(cell, places.here.host.outside) as unknown as Ref<typeof Target>;
  let sent = 0;
  // What this place answers goes nowhere: the peer never reads.
  places.tamper = () => undefined;
  return {
    async send(...items) {
      const frame = codec.pack([sent, 0, 0, 16_384, false, ...items.flat()]);
      sent += items.length;
      places.here.router.onFrame(thereId(places), frame);
      await settle();
    },
    broken: () => places.here.logged.filter(({ text }) => text.startsWith('broken')).map(({ text }) => text),
    sum: () => ref.sum(),
  };
}
const name = (number: number, operation: unknown): unknown[] => [
  Kind.name,
  number,
  typeof operation === 'string' ? `target.${operation}` : operation,
];

describe('items of another node', () => {
  it('are handled when they are what they should be', async () => {
    const peer = hostile();
    await peer.send(name(0, 'add'), [Kind.tell, 1, 0, { n: 5 }]);
    expect(await peer.sum()).toBe(5);
    expect(peer.broken()).toEqual([]);
  });

  it.each([
    ['a kind that does not exist', [99, 1]],
    ['a kind that is a text', ['tell', 1, 0, {}]],
    ['an item that is cut off', [Kind.tell, 1]],
    ['an operation number out of order', name(7, 'add')],
    ['an operation name that is a number', name(0, 5)],
    ['a call number below 0', [Kind.ask, -1, 1, 0, null, 100, null]],
    ['a call number that is a fraction', [Kind.reply, 0.5, null]],
    ['a time limit that is a text', [Kind.ask, 1, 1, 0, undefined, 'soon', null]],
  ])('end the session and nothing else: %s', async (_what, item) => {
    const peer = hostile();
    await peer.send(name(0, 'sum'), item[0] === Kind.name ? [Kind.cancel, 1] : item);
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
    ['a cell that does not exist', [Kind.tell, 12_345, 0, { n: 1 }], 'unknown'],
    ['a cell that is a text', [Kind.tell, '__proto__', 0, { n: 1 }], 'unknown'],
    ['an operation that was never named', [Kind.tell, 1, 3, { n: 1 }], 'invalid'],
    ['an operation number that is a property name', [Kind.tell, 1, 'length', { n: 1 }], 'invalid'],
    ['a message that does not fit', [Kind.tell, 1, 0, { n: 'x' }], 'invalid'],
    ['a tell to an ask', [Kind.tell, 1, 1, {}], 'invalid'],
  ])('become dead letters and leave the session open: %s', async (_what, item, reason) => {
    const peer = hostile();
    await peer.send(name(0, 'add'), name(1, 'sum'), item, [Kind.tell, 1, 0, { n: 2 }]);
    expect(peer.broken()).toEqual([]);
    expect(places.here.host.deadLetters.counts.get(reason as never)).toBe(1);
    expect(await peer.sum()).toBe(2);
  });

  it('answer nothing twice: a call number that is in use ends the session', async () => {
    const peer = hostile();
    await peer.send(name(0, 'numbers'), [Kind.stream, 1, 1, 0, undefined, 0], [Kind.stream, 1, 1, 0, undefined, 0]);
    expect(peer.broken()).toEqual([expect.stringContaining('in use')]);
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

  it('never bring the place down, whatever 2,000 random frames hold', async () => {
    const field = fc.oneof(
      fc.integer({ min: -2, max: 14 }),
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
