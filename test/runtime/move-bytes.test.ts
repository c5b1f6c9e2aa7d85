/** Bytes that are given away, and bytes that are shared, on their way to another place. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import type { DeadLetter } from '../../src/actors/dead-letters.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { bytes } from '../../src/actors/schema/bytes.ts';
import { move } from '../../src/actors/schema/given-away.ts';
import { type SharedBytes, share, sharedBytes } from '../../src/actors/schema/shared-bytes.ts';
import { stop } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const Data = z.object({ data: bytes(), n: z.int().default(0) });
const Sink = protocol('sink', {
  put: tell(Data),
  any: tell(z.unknown()),
  table: tell(z.object({ table: sharedBytes() })),
  swap: ask({ input: z.object({ data: bytes() }), output: z.object({ data: bytes() }) }),
  held: ask({ input: z.object({ data: bytes() }), output: z.void() }),
  go: ask({ output: z.void(), concurrent: 9 }),
  seen: ask({ output: z.array(z.object({ n: z.int(), length: z.int(), sum: z.int() })) }),
  chunks: stream({ input: z.object({ length: z.int(), count: z.int() }), output: bytes() }),
  produced: ask({ output: z.int(), readonly: true }),
});

/** What came, by length and sum, so that the actor itself keeps no bytes. */
interface Seen {
  n: number;
  length: number;
  sum: number;
}
let goOn: () => void = () => undefined;
let got: unknown[] = [];
function sum(data: Uint8Array): number {
  let total = 0;
  for (let at = 0; at < data.length; at += 1) total += data[at]!;
  return total;
}

const sink = actor(
  Sink,
  { args: z.object({}), state: () => ({ seen: [] as Seen[], produced: 0 }), mailbox: { highWater: 4_096 } },
  {
    put: (state, { n, data }) => void state.seen.push({ n, length: data.length, sum: sum(data) }),
    any: (_state, message) => void got.push(message),
    table: (_state, { table }) => void got.push(table),
    swap: (_state, { data }) => ({ data: move(data) }),
    held: () =>
      new Promise<void>((resolve) => {
        goOn = resolve;
      }),
    go: () => goOn(),
    seen: (state) => state.seen,
    async *chunks(state, { length, count }) {
      for (let n = 0; n < count; n += 1) {
        (state as { produced: number }).produced += 1;
        yield move(new Uint8Array(length).fill(n));
      }
    },
    produced: (state) => state.produced,
  },
);

let open: TwoPlaces;
afterEach(async () => {
  goOn();
  await open.close();
  got = [];
});

async function start(sameNode = true): Promise<Ref<typeof Sink>> {
  open = twoPlaces([sink], sameNode);
  const place = open.here.router.place(thereId(open))!;
  const behavior = sink as unknown as ActorBehavior;
  const { cell, branch } = await place.spawn('sink', behavior.argsType.toWire({}), undefined);
  const target = place.target(cell, branch, 'sink');
  return new (refClassOf(Sink))(target, open.here.host.outside) as unknown as Ref<typeof Sink>;
}

const session = () => open.here.router.place(thereId(open))!.session;
const filled = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function turns(count: number): Promise<void> {
  for (let turned = 0; turned < count; turned += 1) await turn();
}
/** Dead letters of both places from here on. */
function letters(): DeadLetter[] {
  const all: DeadLetter[] = [];
  for (const { host } of [open.here, open.there])
    host.deadLetters.stream().subscribe({ next: (one) => void all.push(one) });
  return all;
}

describe.each([
  ['two threads of a node', true],
  ['two nodes', false],
])('between %s', (_what, sameNode) => {
  it.each([3, 16_383, 16_384, 300_000])('a tell takes %i bytes along, and a plain one copies them', async (length) => {
    const ref = await start(sameNode);
    const given = filled(length);
    const kept = filled(length);
    expect(ref.put({ data: move(given), n: 1 })).toBe(true);
    ref.put({ data: kept, n: 2 });
    kept.fill(9);
    expect([given.length, kept.length]).toEqual([0, length]);
    expect(await ref.seen()).toEqual([
      { n: 1, length, sum: length },
      { n: 2, length, sum: length },
    ]);
    expect(open.here.host.counters.movesCopied).toBe(0);
  });

  it('an ask takes them along, and its reply brings them back', async () => {
    const ref = await start(sameNode);
    for (const length of [5, 50_000]) {
      const given = filled(length, 2);
      const reply = ref.swap({ data: move(given) });
      expect(given.length).toBe(0);
      const { data } = await reply;
      expect([data.constructor, data.length, sum(data)]).toEqual([Uint8Array, length, 2 * length]);
      expect(data.buffer.byteLength).toBe(length);
    }
  });

  it('keeps the order of small and large ones', async () => {
    const ref = await start(sameNode);
    const lengths = Array.from({ length: 200 }, (_, n) => (n % 7 === 0 ? 20_000 : n % 31 === 0 ? 300_000 : n));
    for (const [n, length] of lengths.entries())
      ref.put({ n, data: n % 2 === 0 ? move(filled(length)) : filled(length) });
    expect(await ref.seen()).toEqual(lengths.map((length, n) => ({ n, length, sum: length })));
  });

  it('takes along what no schema describes: views, buffers, in Maps and Sets', async () => {
    const ref = await start(sameNode);
    const [a, b, c] = [filled(20_000), filled(20_000), filled(3)];
    ref.any({
      map: new Map([['a', move(a)]]),
      set: new Set([move(b.buffer as ArrayBuffer)]),
      c: move(c),
      d: filled(17_000),
    });
    expect([a.length, b.length, c.length]).toEqual([0, 0, 0]);
    await ref.seen();
    expect(got).toEqual([
      { map: new Map([['a', filled(20_000)]]), set: new Set([filled(20_000).buffer]), c: filled(3), d: filled(17_000) },
    ]);
  });

  it('leaves them with the sender where the message does not fit, or its place is gone', async () => {
    const ref = await start(sameNode);
    const mine = filled(20_000);
    expect(() => ref.any({ data: move(mine), broken: () => 1 })).toThrow(expect.objectContaining({ path: ['broken'] }));
    await expect(ref.swap({ data: move(mine) }, { signal: AbortSignal.abort() })).rejects.toThrow();
    open.cut();
    const lost = letters();
    expect(ref.put({ data: move(mine) })).toBe(false);
    await expect(ref.swap({ data: move(mine) })).rejects.toMatchObject({ code: 'NotDelivered' });
    await expect(ref.put.offer({ data: move(mine) })).rejects.toMatchObject({ code: 'NotDelivered' });
    expect(mine).toEqual(filled(20_000));
    mine.fill(7);
    await turns(2);
    expect(lost[0]).toMatchObject({ reason: 'unreachable', bytesGone: false, message: { data: filled(20_000), n: 0 } });
  });

  it('an offer keeps them with its sender until it resolves, and for one copy', async () => {
    const ref = await start(sameNode);
    const mine = filled(20_000);
    const offer = ref.put.offer({ data: move(mine) });
    await turn();
    expect(mine.length).toBe(20_000);
    await offer;
    expect([mine.length, open.here.host.counters.movesCopied]).toEqual([0, 1]);
    await stop(ref);
    const other = filled(20_000);
    await expect(ref.put.offer({ data: move(other) })).rejects.toMatchObject({ code: 'NotDelivered' });
    expect(other).toEqual(filled(20_000));
  });

  it('says at the second use that they were given away before', async () => {
    const ref = await start(sameNode);
    const mine = filled(20_000);
    ref.put({ data: move(mine) });
    expect(() => ref.put({ data: mine })).toThrow(expect.objectContaining({ code: 'InvalidMessage', path: ['data'] }));
    expect(() => ref.any([mine.buffer])).toThrow(/at \[0\]: these bytes were given away before/);
  });

  it('brings the values of a stream in order, each with bytes of its own', async () => {
    const ref = await start(sameNode);
    const chunks: number[] = [];
    for await (const chunk of ref.chunks({ length: 20_000, count: 300 })) {
      expect([chunk.length, chunk.buffer.byteLength]).toEqual([20_000, 20_000]);
      chunks.push(chunk[0]!);
    }
    expect(chunks).toEqual(Array.from({ length: 300 }, (_, n) => n % 256));
  });

  it('brings shared bytes, which are shared there as well', async () => {
    const ref = await start(sameNode);
    const table = share(filled(100_000, 3));
    ref.table({ table });
    ref.any({ deep: [table, share(new Uint8Array(0))] });
    await ref.seen();
    const [first, second] = got as [SharedBytes, { deep: SharedBytes[] }];
    expect(sum(first.slice())).toBe(300_000);
    expect(second.deep.map(({ byteLength }) => byteLength)).toEqual([100_000, 0]);
    const bytesOver = open.frames.reduce((total, { frame }) => total + frame.byteLength, 0);
    if (sameNode) expect(bytesOver).toBeLessThan(2_000);
    else expect(bytesOver).toBeGreaterThan(200_000);
  });
});

describe('between two threads', () => {
  it('large bytes lie beside their frame, in one message with it, and small ones in it', async () => {
    const ref = await start();
    const before = open.frames.length;
    ref.put({ data: filled(16_384) });
    ref.put({ data: filled(16_383) });
    await ref.seen();
    const sizes = open.frames
      .slice(before)
      .filter(({ from }) => from === 'a~1/main')
      .map(({ frame }) => frame.byteLength);
    expect(Math.max(...sizes)).toBeGreaterThan(16_383);
    expect(Math.max(...sizes)).toBeLessThan(16_700);
  });

  it('the thread that is lost has what was transferred to it: the dead letter says so, and is not replayed', async () => {
    const ref = await start();
    const lost = letters();
    open.hold(true);
    const frames = open.frames.length;
    ref.put({ data: move(filled(20_000)), n: 1 });
    ref.put({ data: filled(9), n: 2 });
    while (open.frames.length === frames) await turn();
    ref.put({ data: move(filled(30_000)), n: 3 });
    open.cut();
    await turns(2);
    const mine = lost.filter(({ operation }) => operation === 'sink.put');
    expect(mine.map(({ reason, bytesGone }) => [reason, bytesGone])).toEqual([
      ['unreachable', false],
      ['place-lost', true],
      ['place-lost', false],
    ]);
    expect(mine.map(({ message }) => message)).toEqual([
      { data: filled(30_000), n: 3 },
      { data: new Uint8Array(0), n: 1 },
      { data: filled(9), n: 2 },
    ]);
    await expect(mine[1]?.replay()).rejects.toThrow(/cannot be replayed: large bytes of it had been transferred/);
  });

  it('sends a frame with 3 messages of 100,000 bytes in parts, in order, and none twice', async () => {
    const ref = await start();
    for (let n = 0; n < 30; n += 1) ref.put({ n, data: move(filled(100_000, n)) });
    const before = open.frames.length;
    expect((await ref.seen()).map(({ n, sum: total }) => [n, total])).toEqual(
      Array.from({ length: 30 }, (_, n) => [n, n * 100_000]),
    );
    const sent = open.frames.slice(before).filter(({ from }) => from === 'a~1/main').length;
    expect(sent).toBeLessThanOrEqual(30);
  });
});

describe('bytes that wait', () => {
  const MiB = 1_048_576;

  it('a thread that does not read: 16 MiB go to it, 64 MiB wait, and the rest is refused as full', async () => {
    const ref = await start();
    const lost = letters();
    open.hold(true);
    const signals: boolean[] = [];
    const kept: Uint8Array[] = [];
    for (let n = 0; n < 100; n += 1) {
      const data = new Uint8Array(MiB);
      signals.push(ref.put({ n, data: move(data) }));
      if (data.length > 0) kept.push(data);
      // Frames go out in turns of the run queue.
      if (n === 20) await turns(5);
    }
    const { framesSent } = session().statistics;
    expect(framesSent).toBeLessThan(25);
    expect(signals.indexOf(false)).toBeGreaterThanOrEqual(15);
    expect(signals.indexOf(false)).toBeLessThanOrEqual(36);
    expect(kept.length).toBeGreaterThanOrEqual(19);
    expect(kept.length).toBeLessThanOrEqual(25);
    await turns(2);
    expect(lost.map(({ reason }) => reason)).toEqual(kept.map(() => 'full'));
    await expect(ref.swap({ data: move(kept[0]!) })).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    expect(kept[0]?.length).toBe(MiB);
    open.hold(false);
    const seen = await ref.seen();
    expect(seen.map(({ n }) => n)).toEqual(Array.from({ length: 100 - kept.length }, (_, n) => n));
  });

  it('an offer of 1 MiB waits while 16 MiB wait, and all of 60 get there', async () => {
    const ref = await start();
    open.hold(true);
    let resolved = 0;
    const offers = Array.from({ length: 60 }, (_, n) =>
      ref.put.offer({ n, data: move(new Uint8Array(MiB)) }).then(() => {
        resolved += 1;
      }),
    );
    await turns(20);
    expect(resolved).toBe(0);
    expect(session().statistics.bytesSent).toBeLessThan(18 * MiB);
    open.hold(false);
    await Promise.all(offers);
    expect((await ref.seen()).map(({ n }) => n)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });

  it('an actor that is busy: its senders hear at 16 MiB, and are refused at 64 MiB; others of its place are not', async () => {
    const ref = await start();
    const lost = letters();
    const held = ref.held({ data: new Uint8Array(0) }, { timeoutMs: 60_000 });
    let first = -1;
    let refusedAt = -1;
    for (let n = 0; n < 90; n += 1) {
      const goesOn = ref.put({ n, data: move(new Uint8Array(MiB)) });
      if (!goesOn && first === -1) first = n;
      await turns(6);
      if (lost.length > 0 && refusedAt === -1) refusedAt = n;
    }
    expect(first).toBeGreaterThanOrEqual(16);
    expect(first).toBeLessThan(20);
    expect(refusedAt).toBeGreaterThanOrEqual(64);
    expect(refusedAt).toBeLessThan(68);
    expect(new Set(lost.map(({ reason }) => reason))).toEqual(new Set(['full']));
    await expect(ref.swap({ data: filled(20_000) })).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    // What is small is bounded by its number alone.
    expect(ref.put({ n: 1_000, data: filled(3) })).toBe(false);
    goOn();
    await held;
    const seen = await ref.seen();
    expect(seen.length).toBe(90 - lost.length + 1);
    await turns(4);
    expect(ref.put({ n: 0, data: filled(3) })).toBe(true);
  });

  it('an offer of large bytes waits for an actor that is busy with 16 MiB, for its time', async () => {
    const ref = await start();
    const held = ref.held({ data: new Uint8Array(0) }, { timeoutMs: 60_000 });
    for (let n = 0; n < 17; n += 1) ref.put({ n, data: move(new Uint8Array(MiB)) });
    await turns(20);
    const mine = filled(MiB);
    await expect(ref.put.offer({ n: 99, data: move(mine) }, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'Rejected',
      reason: 'full',
    });
    expect(mine.length).toBe(MiB);
    let taken = false;
    const offer = ref.put.offer({ n: 100, data: move(mine) }).then(() => {
      taken = true;
    });
    await turns(10);
    expect(taken).toBe(false);
    goOn();
    await Promise.all([held, offer]);
    expect((await ref.seen()).map(({ n }) => n)).toEqual([...Array.from({ length: 17 }, (_, n) => n), 100]);
  });

  it.each([true, false])(
    'a reader of 1 MiB chunks that stops is ahead by 4 of them, and no more (threads: %s)',
    async (sameNode) => {
      const ref = await start(sameNode);
      const values = ref.chunks({ length: MiB, count: 40 })[Symbol.asyncIterator]();
      await values.next();
      await turns(30);
      expect(await ref.produced()).toBeLessThanOrEqual(1 + limits.streamBytesWindow / MiB + 1);
      const chunks = [0];
      for (let next = await values.next(); !next.done; next = await values.next()) chunks.push(next.value[0]!);
      expect(chunks).toEqual(Array.from({ length: 40 }, (_, n) => n));
    },
  );

  it('a reader takes 256 small values ahead as before', async () => {
    const ref = await start();
    const values = ref.chunks({ length: 10, count: 1_000 })[Symbol.asyncIterator]();
    await values.next();
    await turns(400);
    expect(await ref.produced()).toBe(256);
    await values.return?.();
  });
});

describe('what a node cannot carry', () => {
  it('a frame of a node that names bytes beside it is refused', async () => {
    const ref = await start(false);
    open.tamper = (frame) => {
      const at = frame.indexOf(0xc4);
      if (at === -1 || frame.length < at + 3) return frame;
      // In the place of two bytes of the message: the sign for bytes that lie beside.
      frame.set([0xd4, 0x53, 0x00], at);
      return frame;
    };
    ref.put({ data: filled(1) });
    await turns(5);
    expect(open.there.logged.some(({ text }) => text.startsWith('broken:'))).toBe(true);
    open.tamper = (frame) => frame;
  });
});
