/** Bytes that their sender gives away: when they leave it, and that they stay with it where its message is refused. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, type MailboxOptions } from '../../src/actors/actor.ts';
import type { DeadLetter } from '../../src/actors/dead-letters.ts';
import { Cancelled, InvalidMessage, NotDelivered, Rejected } from '../../src/actors/outcomes.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import { bytes } from '../../src/actors/schema/bytes.ts';
import { move } from '../../src/actors/schema/given-away.ts';
import { pool } from '../../src/actors/spreading/pool.ts';
import { router } from '../../src/actors/spreading/router.ts';
import { addRoutee } from '../../src/actors/spreading/router-control.ts';
import { broadcast, consistentHash, roundRobin, scatterGatherFirst } from '../../src/actors/spreading/strategy.ts';
import { stop } from '../../src/actors/verbs.ts';
import { deferred } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Box = protocol('box', {
  put: tell(z.object({ data: bytes(), key: z.string().default('') })),
  bare: tell(bytes()),
  any: tell(z.unknown()),
  both: tell(z.object({ first: bytes(), second: bytes() })),
  limited: tell(z.object({ data: bytes(), n: z.int().max(9) })),
  several: tell(
    z.object({
      list: z.array(bytes()).readonly(),
      map: z.map(z.string(), bytes()),
      choice: z.union([bytes(), z.string()]),
      maybe: bytes().optional(),
    }),
  ),
  swap: ask({ input: z.object({ data: bytes() }), output: z.object({ data: bytes() }) }),
  hold: ask({ input: z.object({ data: bytes() }), output: z.void() }),
  keep: ask({ output: z.array(bytes()) }),
  chunks: stream({ input: z.object({ data: bytes() }), output: bytes() }),
  later: tell(z.object({ data: bytes(), times: z.int() })),
});

const makeBox = (name: string, mailbox: MailboxOptions = {}, until: Promise<void> = Promise.resolve()) =>
  actor(
    Box,
    {
      name,
      args: z.object({ first: bytes().optional() }),
      state: ({ first }) => ({ all: (first === undefined ? [] : [first]) as unknown[] }),
      mailbox,
      internal: { tick: tell(bytes()) },
      supervise: { directive: () => 'restart', backoff: { minMs: 1, maxMs: 1 } },
    },
    {
      put: (state, { data }) => void state.all.push(data),
      bare: (state, data) => void state.all.push(data),
      any: (state, data) => void state.all.push(data),
      both: (state, { first, second }) => void state.all.push(first, second),
      limited: (state, { data }) => void state.all.push(data),
      several: (state, message) => void state.all.push(message),
      swap: (_state, { data }) => ({ data: move(data) }),
      hold: async (state, { data }) => {
        state.all.push(data);
        await until;
      },
      keep: (state) => state.all as Uint8Array[],
      async *chunks(_state, { data }) {
        const two = data.slice(0, 2);
        yield move(two);
        yield move(data);
        yield data.length === 0 && two.length === 0 ? new Uint8Array([99]) : new Uint8Array();
      },
      later: (_state, { data, times }, ctx) => {
        if (times === 1) ctx.after(10, ctx.self.tick, move(data));
        else ctx.every(10, ctx.self.tick, move(data));
        if (data.length > 0) throw new Error('the timer did not take it');
      },
      tick: (state, data) => void state.all.push(data),
    },
  );

const filled = (length = 3, from = 1): Uint8Array => Uint8Array.from({ length }, (_, index) => (from + index) % 256);
const large = (): Uint8Array => filled(100_000);

describe.each(['parse', 'codec', 'trusted'] as const)('under %s', (isolation) => {
  const start = () => testHost({ isolation });

  test.each([
    ['3 bytes', () => filled()],
    ['100,000 bytes', large],
  ])('a tell takes %s along: the sender has none left, the receiver has all', async (_what, make) => {
    const { spawn, host } = start();
    const ref = await spawn(makeBox('box'), {});
    const mine = make();
    expect(ref.put({ data: move(mine), key: 'k' })).toBe(true);
    expect([mine.byteLength, mine.buffer.byteLength]).toEqual([0, 0]);
    const [got] = await ref.keep();
    expect(got).toEqual(make());
    expect(got?.constructor).toBe(Uint8Array);
    expect(host.counters.movesCopied).toBe(0);
  });

  test('bytes that are not given away stay with their sender, though it marked them once', async () => {
    const { spawn } = start();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    move(mine);
    ref.put({ data: mine });
    mine[0] = 99;
    expect(await ref.keep()).toEqual([filled()]);
    expect(mine).toEqual(Uint8Array.from([99, 2, 3]));
  });

  test('a message may be bytes alone, an ArrayBuffer within anything, or hold them wherever it likes', async () => {
    const { spawn, settle } = start();
    const ref = await spawn(makeBox('box'), {});
    const given = Array.from({ length: 8 }, () => filled());
    const [a, b, c, d, e, f, g, h] = given as Uint8Array<ArrayBuffer>[];
    ref.bare(move(a!));
    ref.any({ deep: [new Map([['k', new Set([move(b!)])]]), { buffer: move(c!.buffer) }], none: null });
    ref.any(move(d!.buffer));
    ref.several({ list: [move(e!), filled()], map: new Map([['k', move(f!)]]), choice: move(g!), maybe: move(h!) });
    expect(given.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    await settle();
    const { state } = host(ref);
    expect(state.all).toEqual([
      filled(),
      { deep: [new Map([['k', new Set([filled()])]]), { buffer: filled().buffer }], none: null },
      filled().buffer,
      { list: [filled(), filled()], map: new Map([['k', filled()]]), choice: filled(), maybe: filled() },
    ]);
    if (isolation !== 'trusted') expect(Object.isFrozen((state.all[3] as { list: unknown }).list)).toBe(true);
  });

  test('the containers of a message stay the sender’s, with what it gave away in them and empty', async () => {
    const { spawn } = start();
    const ref = await spawn(makeBox('box'), {});
    const mine = move(filled());
    const message = { list: [mine], map: new Map([['k', filled()]]), choice: 'x' };
    ref.several(message);
    expect(message.list[0]).toBe(mine);
    expect(mine.byteLength).toBe(0);
  });

  test('an ask takes them along, and its reply brings others back', async () => {
    const { spawn } = start();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    const reply = ref.swap({ data: move(mine) });
    expect(mine.byteLength).toBe(0);
    expect(await reply).toEqual({ data: filled() });
  });

  test('a stream takes them along and yields others, which its handler has no more', async () => {
    const { spawn } = start();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    const got: Uint8Array[] = [];
    for await (const chunk of ref.chunks({ data: move(mine) })) got.push(chunk);
    expect(mine.byteLength).toBe(0);
    expect(got).toEqual([filled(2), filled(), new Uint8Array([99])]);
  });

  test('a timer takes them when it is set; one that repeats brings a copy each time', async () => {
    const { spawn, settle, advance, host: own } = start();
    const ref = await spawn(makeBox('box'), {});
    ref.later({ data: filled(), times: 1 });
    await settle();
    await advance(10);
    expect(await ref.keep()).toEqual([filled()]);
    expect(own.deadLetters.counts.size).toBe(0);
    const other = await spawn(makeBox('other'), {});
    other.later({ data: filled(), times: 2 });
    await settle();
    await advance(30);
    expect(await other.keep()).toEqual([filled(), filled(), filled()]);
    await stop(other);
  });

  test('the arguments of an actor take them along once it is started, and a restart has them again', async () => {
    const { spawn } = start();
    await spawn(makeBox('box'), { name: 'taken' });
    const mine = filled();
    await expect(spawn(makeBox('box'), { args: { first: move(mine) }, name: 'taken' })).rejects.toMatchObject({
      reason: 'name-taken',
    });
    expect(mine).toEqual(filled());
    const ref = await spawn(makeBox('box'), { args: { first: move(mine) } });
    expect(mine.byteLength).toBe(0);
    const [first] = await ref.keep();
    expect(first).toEqual(filled());
  });
});

describe('a message that is refused leaves the bytes with its sender', () => {
  test('where another part of it does not fit: InvalidMessage with the path', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    expect(() => ref.limited({ data: move(mine), n: 10 })).toThrow(InvalidMessage);
    expect(() => ref.any({ data: move(mine), broken: () => 1 })).toThrow(/at broken: a function cannot be sent/);
    expect(mine).toEqual(filled());
    ref.put({ data: move(mine) });
    expect(mine.byteLength).toBe(0);
  });

  test('where the mailbox is full; the same moved view can be sent again, and the letter holds bytes of its own', async () => {
    const until = deferred<void>();
    const { spawn, settle, deadLetters, deadLetterCounts } = testHost();
    const ref = await spawn(makeBox('box', { capacity: 1, highWater: 1 }, until.promise), {});
    void ref.hold({ data: filled() });
    await settle();
    ref.put({ data: filled() });
    const mine = filled();
    const moved = move(mine);
    expect(ref.put({ data: moved })).toBe(false);
    expect(deadLetterCounts()).toEqual({ full: 1 });
    expect(mine).toEqual(filled());
    mine[0] = 50;
    await settle();
    expect(deadLetters[0]?.message).toEqual({ data: filled(), key: '' });
    until.resolve();
    await settle();
    ref.put({ data: moved });
    expect(mine.byteLength).toBe(0);
    await settle();
    expect((await ref.keep()).at(-1)?.[0]).toBe(50);
  });

  test('where drop-newest drops it; where drop-oldest drops another it is taken, with lanes as well', async () => {
    for (const lanes of [undefined, { count: 2, of: () => 1 }]) {
      const until = deferred<void>();
      const { spawn, settle, deadLetterCounts } = testHost();
      const options = { capacity: 1, highWater: 1, ...(lanes === undefined ? {} : { lanes: 2, laneOf: () => 1 }) };
      const newest = await spawn(makeBox('newest', { ...options, overflow: 'drop-newest' }, until.promise), {});
      const oldest = await spawn(makeBox('oldest', { ...options, overflow: 'drop-oldest' }, until.promise), {});
      void newest.hold({ data: filled() });
      void oldest.hold({ data: filled() });
      await settle();
      newest.put({ data: filled(2) });
      oldest.put({ data: filled(2) });
      const kept = filled();
      const taken = filled();
      newest.put({ data: move(kept) });
      oldest.put({ data: move(taken) });
      expect([kept.byteLength, taken.byteLength]).toEqual([3, 0]);
      until.resolve();
      await settle();
      expect(deadLetterCounts()).toEqual({ dropped: 2 });
      expect(await oldest.keep()).toEqual([filled(), filled()]);
    }
  });

  test('where the newcomer is the least urgent of its lanes', async () => {
    const until = deferred<void>();
    const { spawn, settle } = testHost();
    const laneOf = (_operation: string, message: unknown): number =>
      (message as { key: string }).key === 'now' ? 0 : 1;
    const lanes = { capacity: 1, highWater: 1, overflow: 'drop-oldest', lanes: 2, laneOf } as const;
    const ref = await spawn(makeBox('box', lanes as never, until.promise), {});
    void ref.hold({ data: filled() });
    await settle();
    ref.put({ data: filled(2), key: 'now' });
    const mine = filled();
    ref.put({ data: move(mine), key: 'later' });
    expect(mine).toEqual(filled());
    ref.put({ data: move(mine), key: 'now' });
    expect(mine.byteLength).toBe(0);
    until.resolve();
    await settle();
  });

  test('where the actor has stopped, for a tell, an ask, an offer and a stream', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    await stop(ref);
    const mine = filled();
    expect(ref.put({ data: move(mine) })).toBe(false);
    await expect(ref.swap({ data: move(mine) })).rejects.toThrow(NotDelivered);
    await expect(ref.put.offer({ data: move(mine) })).rejects.toThrow(NotDelivered);
    await expect(
      ref
        .chunks({ data: move(mine) })
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toThrow(NotDelivered);
    expect(mine).toEqual(filled());
  });

  test('where an ask is over before it begins: aborted, without room, with a time limit that is none', async () => {
    const until = deferred<void>();
    const { spawn, settle } = testHost();
    const ref = await spawn(makeBox('box', { capacity: 1, highWater: 1 }, until.promise), {});
    const mine = filled();
    await expect(ref.swap({ data: move(mine) }, { signal: AbortSignal.abort() })).rejects.toThrow(Cancelled);
    await expect(ref.swap({ data: move(mine) }, { timeoutMs: -1 })).rejects.toThrow(/timeoutMs/);
    void ref.hold({ data: filled() });
    await settle();
    ref.put({ data: filled() });
    await expect(ref.swap({ data: move(mine) })).rejects.toThrow(Rejected);
    expect(mine).toEqual(filled());
    until.resolve();
    await settle();
  });
});

describe('an offer that waits', () => {
  async function blocked() {
    const until = deferred<void>();
    const made = testHost();
    const ref = await made.spawn(makeBox('box', { capacity: 1, highWater: 1 }, until.promise), {});
    void ref.hold({ data: filled() });
    await made.settle();
    ref.put({ data: filled() });
    return { ...made, ref, until };
  }

  test('takes the bytes when it resolves, as they are then', async () => {
    const { ref, until, settle } = await blocked();
    const mine = filled();
    const offer = ref.put.offer({ data: move(mine) });
    await settle();
    expect(mine.byteLength).toBe(3);
    mine[0] = 77;
    until.resolve();
    await offer;
    expect(mine.byteLength).toBe(0);
    expect((await ref.keep()).at(-1)).toEqual(Uint8Array.from([77, 2, 3]));
  });

  test('leaves them with the sender when its time is up, or it is cancelled', async () => {
    const { ref, until, settle, advance } = await blocked();
    const mine = filled();
    const late = ref.put.offer({ data: move(mine) }, { timeoutMs: 50 });
    late.catch(() => undefined);
    await advance(100);
    await expect(late).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    const abort = new AbortController();
    const cancelled = ref.put.offer({ data: move(mine) }, { signal: abort.signal });
    abort.abort();
    await expect(cancelled).rejects.toThrow(Cancelled);
    expect(mine).toEqual(filled());
    until.resolve();
    await settle();
  });

  test('is InvalidMessage with the path where they were given to another meanwhile; the next offer is served', async () => {
    const { spawn, ref, until } = await blocked();
    const other = await spawn(makeBox('other'), {});
    const mine = filled();
    const offer = ref.put.offer({ data: move(mine) });
    offer.catch(() => undefined);
    const next = ref.put.offer({ data: move(filled(5)) });
    other.put({ data: move(mine) });
    until.resolve();
    await expect(offer).rejects.toMatchObject({ code: 'InvalidMessage', path: ['data'] });
    await next;
    expect((await ref.keep()).map(({ byteLength }) => byteLength)).toEqual([3, 3, 5]);
  });
});

describe('bytes that are gone, or cannot go', () => {
  test('used again after it was moved, it is InvalidMessage with the path, moved or not', async () => {
    const { spawn, deadLetterCounts } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    const moved = move(mine);
    ref.put({ data: moved });
    for (const again of [mine, moved]) {
      expect(() => ref.put({ data: again })).toThrow(
        expect.objectContaining({ code: 'InvalidMessage', path: ['data'] }),
      );
      expect(() => ref.any([{ at: again }])).toThrow(/at \[0\]\.at: these bytes were given away before/);
      expect(() => ref.any({ at: again.buffer })).toThrow(/given away before/);
    }
    expect(() => move(mine)).toThrow(/given away before/);
    await expect(ref.swap({ data: mine })).rejects.toMatchObject({ code: 'InvalidMessage', path: ['data'] });
    expect(deadLetterCounts()).toEqual({});
  });

  test('the same buffer twice in one message is InvalidMessage at the second, and stays', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const mine = filled();
    expect(() => ref.both({ first: move(mine), second: move(mine) })).toThrow(
      expect.objectContaining({ code: 'InvalidMessage', path: ['second'] }),
    );
    expect(mine).toEqual(filled());
    // Once given away and once copied is a message like any other.
    ref.both({ first: move(mine), second: mine });
    expect(await ref.keep()).toEqual([filled(), filled()]);
  });

  test('a view of a part, a pooled Buffer and a resizable buffer are copied, and counted', async () => {
    const { spawn, settle, host: own } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const part = filled(10).subarray(2, 5);
    const pooled = Buffer.from('xyz');
    const neighbour = Buffer.from('neighbour');
    const resizable = new Uint8Array(new (ArrayBuffer as never as Resizable)(3, { maxByteLength: 9 }));
    for (const data of [part, pooled, resizable]) ref.put({ data: move(data) });
    ref.any(move(resizable.buffer as ArrayBuffer));
    expect([part.length, pooled.toString(), neighbour.toString(), resizable.length]).toEqual([
      3,
      'xyz',
      'neighbour',
      3,
    ]);
    expect(own.counters.movesCopied).toBe(4);
    const { state } = host(ref);
    await settle();
    expect(state.all.map((one) => (one instanceof Uint8Array ? [...one] : one))).toEqual([
      [3, 4, 5],
      [120, 121, 122],
      [0, 0, 0],
      new ArrayBuffer(3),
    ]);
    expect((state.all[3] as { resizable?: boolean }).resizable).toBe(false);
  });

  test('a Buffer of its own memory is given away, and arrives as a Uint8Array', async () => {
    const { spawn, host: own } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const mine = Buffer.alloc(20_000, 7);
    const moved: Buffer = move(mine);
    expect(Buffer.isBuffer(moved)).toBe(true);
    ref.put({ data: moved });
    expect([mine.length, own.counters.movesCopied]).toEqual([0, 0]);
    const [got] = await ref.keep();
    expect([got?.length, got?.[19_999], Buffer.isBuffer(got)]).toEqual([20_000, 7, false]);
  });

  test('memory of WebAssembly cannot be detached: it is copied, and counted', async () => {
    const { spawn, host: own } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const memory = new (globalThis as never as { WebAssembly: Wasm }).WebAssembly.Memory({ initial: 1 });
    const view = new Uint8Array(memory.buffer);
    view[5] = 42;
    ref.put({ data: move(view) });
    view[5] = 0;
    expect([view.length, own.counters.movesCopied]).toEqual([65_536, 1]);
    expect((await ref.keep())[0]?.[5]).toBe(42);
  });

  test('no bytes at all can be given away, once', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const none = new Uint8Array(0);
    ref.put({ data: move(none) });
    expect(() => ref.put({ data: none })).toThrow(/given away before/);
    expect(await ref.keep()).toEqual([new Uint8Array(0)]);
  });

  test('1 GiB is given away without another GiB for a copy', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const mine = new Uint8Array(2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    ref.bare(move(mine));
    expect(mine.length).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    const { state } = host(ref);
    await stop(ref, { drain: true });
    expect((state.all[0] as Uint8Array).length).toBe(2 ** 30);
  });

  test.each([
    ['shared memory', () => new SharedArrayBuffer(3)],
    ['a view of shared memory', () => new Uint8Array(new SharedArrayBuffer(3))],
    [
      'a growable shared buffer',
      () => new Uint8Array(new (SharedArrayBuffer as never as Resizable)(3, { maxByteLength: 9 })),
    ],
    ['a function', () => () => 1],
    ['a DataView', () => new DataView(new ArrayBuffer(3))],
    ['a Float64Array', () => new Float64Array(3)],
    ['a string', () => 'x'],
    ['nothing', () => undefined],
    ['what only looks like bytes', () => Object.create(Uint8Array.prototype)],
  ])('move(…) of %s is a UsageError', (_what, make) => {
    expect(() => move(make() as never)).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });

  test('shared memory in a message is refused, and a view of it copied', async () => {
    const { spawn } = testHost();
    const ref = await spawn(makeBox('box'), {});
    const memory = new SharedArrayBuffer(3);
    expect(() => ref.any({ at: memory })).toThrow(/at at: shared memory cannot be sent; send share\(bytes\)/);
    expect(() => ref.put({ data: memory as never })).toThrow(InvalidMessage);
    const view = new Uint8Array(memory);
    ref.put({ data: view });
    view[0] = 9;
    const [got] = await ref.keep();
    expect(got).toEqual(new Uint8Array(3));
    expect(got?.buffer).toBeInstanceOf(ArrayBuffer);
  });
});

describe('to several', () => {
  test('a broadcast gives the bytes to the last routee, and copies of them to the others', async () => {
    const { spawn, settle, host: own } = testHost();
    const got: Uint8Array[] = [];
    const Shelf = protocol('shelf', { put: tell(z.object({ data: bytes() })) });
    const shelf = actor(
      Shelf,
      { args: z.object({}), state: () => ({}) },
      { put: (_state, { data }) => void got.push(data) },
    );
    const routees = [await spawn(shelf), await spawn(shelf), await spawn(shelf)];
    const all = await spawn(router(Shelf, { name: 'all', strategy: broadcast() }), { args: { routees } });
    for (const send of [(data: Uint8Array) => void all.put({ data }), (data: Uint8Array) => all.put.offer({ data })]) {
      const mine = filled();
      await send(move(mine));
      expect(mine.byteLength).toBe(0);
      await settle();
    }
    expect(got).toEqual(Array.from({ length: 6 }, () => filled()));
    expect(new Set(got.map(({ buffer }) => buffer)).size).toBe(6);
    expect(own.counters.movesCopied).toBe(4);
  });

  test('of several who are asked, the last is given the bytes', async () => {
    const { spawn, host: own } = testHost();
    const Sum = protocol('sum', { of: ask({ input: z.object({ data: bytes() }), output: z.int() }) });
    const sum = actor(
      Sum,
      { args: z.object({}), state: () => ({}) },
      { of: (_state, { data }) => data.reduce((total, one) => total + one, 0) },
    );
    const routees = [await spawn(sum), await spawn(sum)];
    const first = await spawn(router(Sum, { name: 'first', strategy: scatterGatherFirst() }), { args: { routees } });
    const mine = filled();
    expect(await first.of({ data: move(mine) })).toBe(6);
    expect([mine.byteLength, own.counters.movesCopied]).toEqual([0, 1]);
  });

  test('a router to one of many, a hash by content, and a pool give them to whom they choose', async () => {
    const { spawn, settle, host: own } = testHost();
    const boxes = [await spawn(makeBox('a'), {}), await spawn(makeBox('b'), {})];
    const one = await spawn(router(Box, { name: 'one', strategy: roundRobin() }), { args: { routees: boxes } });
    const byKey = consistentHash<typeof Box.ops>((_operation, message) => (message as { key?: string }).key ?? 'k');
    const hashed = await spawn(router(Box, { name: 'hashed', strategy: byKey }), { args: { routees: boxes } });
    const workers = await spawn(pool(makeBox('worker'), { name: 'workers', size: 2 }));
    for (const ref of [one, hashed, workers]) {
      const mine = filled();
      ref.put({ data: move(mine), key: 'k' });
      expect(mine.byteLength).toBe(0);
      const other = filled();
      expect(await ref.swap({ data: move(other) })).toEqual({ data: filled() });
      expect(other.byteLength).toBe(0);
    }
    await settle();
    expect(own.counters.movesCopied).toBe(0);
    expect([...(await boxes[0]!.keep()), ...(await boxes[1]!.keep())]).toEqual([filled(), filled()]);
  });

  test('a router that has nobody leaves them with their sender', async () => {
    const { spawn, settle, deadLetters } = testHost();
    const empty = await spawn(router(Box, { name: 'empty', strategy: roundRobin() }), { args: { routees: [] } });
    const mine = filled();
    expect(empty.put({ data: move(mine) })).toBe(false);
    expect(mine).toEqual(filled());
    mine[0] = 9;
    await settle();
    expect((deadLetters[0] as DeadLetter).message).toEqual({ data: filled(), key: '' });
    await addRoutee(empty, await spawn(makeBox('a'), {}));
    expect(empty.put({ data: move(mine) })).toBe(true);
    expect(mine.byteLength).toBe(0);
  });
});

type Resizable = new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
interface Wasm {
  Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer };
}

function host(ref: unknown): { state: { all: unknown[] } } {
  return { state: (targetOf(ref) as unknown as { ownState: { all: unknown[] } }).ownState };
}
