/** Refs to names: whoever has the name when something is sent, on whatever node, found again after an end. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { InvalidAddress } from '../../src/actors/errors.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { kill, pathOf, sameRef, stop } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { thread } from '../../src/runtime/placement.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { type VirtualNode, VirtualNodes } from './virtual-nodes.ts';

const Shelf = protocol('shelf', {
  put: tell(z.int()),
  all: ask({ output: z.array(z.int()) }),
  echo: ask({ input: z.int(), output: z.int() }),
  each: stream({ output: z.int() }),
  slowly: ask({ output: z.string() }),
});
/** What all shelves were told, in the order in which they handled it. */
let put: number[] = [];
const shelf = actor(
  Shelf,
  { args: z.object({}), state: () => ({ all: [] as number[] }) },
  {
    put: ({ all }, n) => {
      all.push(n);
      put.push(n);
    },
    all: ({ all }) => all,
    echo: (_state, n) => n,
    async *each({ all }) {
      yield* all;
    },
    slowly: async (_state, _message, ctx) => {
      await ctx.delay(60_000);
      return 'done';
    },
  },
);

const Other = protocol('other', { put: tell(z.int()) });
const other = actor(Other, { args: z.object({}), state: () => ({}) }, { put: () => undefined });

const Reader = protocol('reader', {
  use: ask({ input: refOf(Shelf), output: z.array(z.int()) }),
  find: ask({ input: z.string(), output: z.array(z.int()) }),
  watch: tell(refOf(Shelf)),
  link: ask({ input: refOf(Shelf), output: z.string() }),
  ends: ask({ output: z.array(z.string()) }),
  /** The same ref again. */
  back: ask({ input: refOf(Shelf), output: refOf(Shelf) }),
});
const reader = actor(
  Reader,
  {
    args: z.object({}),
    state: () => ({ ends: [] as string[] }),
    signals: { terminated: ({ ends }, { reason, incarnation }) => void ends.push(`${reason} ${incarnation}`) },
  },
  {
    use: (_state, ref) => ref.all(),
    find: (_state, address, ctx) => ctx.ref(Shelf, address).all(),
    watch: (_state, ref, ctx) => ctx.watch(ref),
    link: (_state, ref, ctx) => {
      try {
        ctx.link(ref);
        return 'linked';
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    ends: ({ ends }) => ends,
    back: (_state, ref) => ref,
  },
);

let nodes: VirtualNodes;
afterEach(() => nodes.end());

async function two(): Promise<{ a: VirtualNode; b: VirtualNode; onB: Ref<typeof Shelf> }> {
  nodes = new VirtualNodes([shelf, other, reader]);
  const b = await nodes.start('b');
  const a = await nodes.start('a', { joins: ['b'] });
  return { a, b, onB: a.system.ref(Shelf, 'troupe://b/books') };
}

describe('a ref to a name', () => {
  it('can be used at once, and what is sent while the name is looked up arrives in order', async () => {
    const { a, b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    for (let n = 0; n < 500; n += 1) onB.put(n);
    const echoed = onB.echo(7);
    void onB.put.offer(500);
    expect(await nodes.until(onB.all())).toEqual(Array.from({ length: 501 }, (_, n) => n));
    expect(await echoed).toBe(7);
    const read: number[] = [];
    onB.each().subscribe((n) => void read.push(n));
    await nodes.settle();
    expect(read).toHaveLength(501);
    expect([pathOf(onB), String(onB)]).toEqual(['troupe://b/books', 'troupe://b/books']);
    expect(sameRef(onB, a.system.ref(Shelf, 'troupe://b/books'))).toBe(true);
    expect(sameRef(onB, a.system.ref(Shelf, 'troupe://b/papers'))).toBe(false);
  });

  it('streams, and ends a stream, from before the name was looked up on', async () => {
    const { b, onB } = await two();
    const local = await b.system.spawn(shelf, { name: 'books' });
    for (let n = 0; n < 5; n += 1) local.put(n);
    const read: number[] = [];
    onB.each().subscribe((n) => void read.push(n));
    await nodes.settle();
    expect(read).toEqual([0, 1, 2, 3, 4]);
  });

  it('settles calls as not delivered, and makes dead letters of tells, where nobody has the name', async () => {
    const { a, onB } = await two();
    onB.put(1);
    const outcome = await nodes.until(onB.echo.outcome(1));
    expect(outcome).toMatchObject({
      ok: false,
      error: {
        code: 'NotDelivered',
        reason: 'unknown',
        message: expect.stringContaining('no actor of node b has the name "books"'),
      },
    });
    await expect(nodes.until(onB.put.offer(2))).rejects.toMatchObject({ code: 'NotDelivered', reason: 'unknown' });
    expect(a.deadLetters).toContainEqual({ operation: 'shelf.put', reason: 'unknown', path: 'troupe://b/books' });
    const failures: unknown[] = [];
    onB.each().subscribe({ error: (error) => void failures.push(error) });
    await nodes.settle();
    expect(failures).toMatchObject([{ code: 'NotDelivered', reason: 'unknown' }]);
    // Nobody is to be stopped.
    await nodes.until(stop(onB));
  });

  it('says that the node is not found where it is not, and finds it once it is there', async () => {
    const { a } = await two();
    const onC = a.system.ref(Shelf, 'troupe://c/books');
    onC.put(1);
    expect(await nodes.until(onC.echo.outcome(1))).toMatchObject({
      ok: false,
      error: { code: 'NotDelivered', reason: 'unreachable', message: expect.stringContaining('knows a node "c"') },
    });
    expect(a.deadLetters).toContainEqual({ operation: 'shelf.put', reason: 'unreachable', path: 'troupe://c/books' });
    // It joins the other one, so `a` has to ask where it is.
    const c = await nodes.start('c', { joins: ['b'] });
    await c.system.spawn(shelf, { name: 'books' });
    expect(await nodes.until(onC.echo(3))).toBe(3);
    expect(a.system.nodes).toContain(c.system.nodeId);
  });

  it('finds the actor that was started anew under the name', async () => {
    const { b, onB } = await two();
    const first = await b.system.spawn(shelf, { name: 'books' });
    onB.put(1);
    expect(await nodes.until(onB.all())).toEqual([1]);
    await kill(first);
    await nodes.settle();
    expect(await nodes.until(onB.all.outcome())).toMatchObject({ error: { code: 'NotDelivered', reason: 'unknown' } });
    await b.system.spawn(shelf, { name: 'books' });
    onB.put(2);
    expect(await nodes.until(onB.all())).toEqual([2]);
  });

  it('finds the node that came back under its name as a new incarnation; by its id it is that incarnation alone', async () => {
    const { a, b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    const thisOne = a.system.ref(Shelf, `troupe://${b.system.nodeId}/books`);
    expect(await nodes.until(Promise.all([onB.echo(1), thisOne.echo(1)]))).toEqual([1, 1]);
    nodes.kill('b');
    await nodes.settle();
    const again = await nodes.startAnew('b');
    await again.system.spawn(shelf, { name: 'books' });
    await nodes.advance(10_000);
    expect(await nodes.until(onB.echo(2))).toBe(2);
    expect(await nodes.until(thisOne.echo.outcome(2))).toMatchObject({ error: { code: 'NotDelivered' } });
  });

  it('waits for a node whose link was cut, as what is sent to a plain ref does', async () => {
    const { b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    nodes.cut('a', 'b');
    for (let n = 0; n < 10; n += 1) onB.put(n);
    await nodes.advance(2_000);
    expect(await nodes.until(onB.all())).toHaveLength(10);
  });

  it('means the same on the node that it is sent to', async () => {
    const { a, b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    await b.system.spawn(reader, { name: 'reader' });
    const readerAtB = a.system.ref(Reader, 'troupe://b/reader');
    onB.put(1);
    expect(await nodes.until(readerAtB.use(onB))).toEqual([1]);
    expect(pathOf(await nodes.until(readerAtB.back(onB)))).toBe('troupe://b/books');
    expect(await nodes.until(readerAtB.find('troupe://b/books'))).toEqual([1]);
    const mine = await a.system.spawn(shelf, { name: 'books' });
    mine.put(5);
    expect(await nodes.until(readerAtB.find('troupe://a/books'))).toEqual([5]);
    expect(await nodes.until(readerAtB.use(a.system.ref(Shelf, 'troupe://a/books')))).toEqual([5]);
  });

  it('is watched: the end of whoever has the name then, or at once where nobody has it', async () => {
    const { a, b, onB } = await two();
    const books = await b.system.spawn(shelf, { name: 'books' });
    const watcher = await a.system.spawn(reader);
    watcher.watch(onB);
    await nodes.settle();
    await stop(books);
    await nodes.settle();
    expect(await watcher.ends()).toEqual(['stopped b/main/books']);
    watcher.watch(onB);
    await nodes.settle();
    watcher.watch(a.system.ref(Shelf, 'troupe://nowhere/books'));
    await nodes.settle();
    expect((await watcher.ends()).slice(1)).toEqual(['unknown b/main/books', 'place-lost nowhere/main/books']);
  });

  it('is no actor to link to, to move or to be placed with', async () => {
    const { a, b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    const own = await a.system.spawn(reader);
    expect(await own.link(onB)).toBe('UsageError');
    await expect(a.system.move(onB, thread())).rejects.toMatchObject({ code: 'MoveRefused', reason: 'kind' });
    expect(() => thread({ with: onB })).toThrow(/is a name/);
    // But whoever has it is found.
    const found = (await nodes.until(a.system.find(Shelf, 'troupe://b/books')))!;
    expect(await own.link(found)).toBe('linked');
    expect(await nodes.until(a.system.find(Shelf, 'troupe://b/none'))).toBeUndefined();
    await expect(nodes.until(a.system.find(Shelf, 'troupe://none/books'))).rejects.toMatchObject({
      code: 'NotDelivered',
      reason: 'unreachable',
    });
  });

  it('does not reach an actor that speaks another protocol', async () => {
    const { a, b } = await two();
    await b.system.spawn(other, { name: 'books' });
    const outcome = await nodes.until(a.system.ref(Shelf, 'troupe://b/books').echo.outcome(1));
    expect(outcome).toMatchObject({
      error: {
        code: 'NotDelivered',
        reason: 'unknown',
        message: expect.stringContaining('speaks "other", not "shelf"'),
      },
    });
    await expect(nodes.until(a.system.find(Shelf, 'troupe://b/books'))).rejects.toMatchObject({
      code: 'LookupFailed',
      reason: 'protocol',
    });
  });

  it('holds what waits within the bound of every outbox, and a call ends by its deadline and its signal', async () => {
    const { a, b, onB } = await two();
    await b.system.spawn(shelf, { name: 'books' });
    nodes.kill('b');
    const given = new AbortController();
    const cancelled = onB.echo.outcome(1, { signal: given.signal, timeoutMs: 60_000 });
    const late = onB.echo.outcome(2, { timeoutMs: 500 });
    for (let n = 0; n < limits.outboxHighWater - 3; n += 1) expect(onB.put(n)).toBe(true);
    expect(onB.put(0)).toBe(false);
    for (let n = 0; n < limits.outboxCapacity; n += 1) onB.put(n);
    expect(a.system.statistics().refused).toBeGreaterThan(0);
    expect(await nodes.until(onB.echo.outcome(3))).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    given.abort();
    expect(await nodes.until(cancelled)).toMatchObject({ error: { code: 'Cancelled', delivered: false } });
    await nodes.advance(600);
    expect(await late).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
  });
});

describe('an address', () => {
  it.each([
    ['scheme', ''],
    ['scheme', 'books'],
    ['scheme', 'http://b/books'],
    ['scheme', 'troupe:/b/books'],
    ['node', 'troupe://'],
    ['node', 'troupe:///books'],
    ['node', 'troupe://b c/books'],
    ['node', 'troupe://b\0/books'],
    ['node', 'troupe://../books'],
    ['node', `troupe://${'n'.repeat(129)}/books`],
    ['node', 'troupe://node/books'],
    ['name', 'troupe://b'],
    ['name', 'troupe://b/'],
    ['name', 'troupe://b/7'],
    ['name', 'troupe://b/../x'],
    ['name', 'troupe://b/main/books'],
    ['name', 'troupe://b~1/main/books#4'],
    ['name', 'troupe://b/books#4'],
    ['name', 'troupe://b/bo\noks'],
    ['name', 'troupe://b/\ud800'],
    ['name', `troupe://b/${'n'.repeat(10_000)}`],
  ])('is refused (%#) for its %s', async (reason, address) => {
    nodes = new VirtualNodes([shelf]);
    const { system } = await nodes.start('a');
    let thrown: unknown;
    try {
      system.ref(Shelf, address);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidAddress);
    expect(thrown).toMatchObject({ code: 'InvalidAddress', reason });
    expect((thrown as Error).message.length).toBeLessThan(1_000);
  });

  it('that is no text is refused too', async () => {
    nodes = new VirtualNodes([shelf]);
    const { system } = await nodes.start('a');
    expect(() => system.ref(Shelf, undefined as never)).toThrow(InvalidAddress);
    expect(() => system.ref({} as never, 'troupe://a/b')).toThrow(/protocol/);
  });
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 300 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), gapMs: fc.integer({ min: 0, max: 50 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
);

describe('what is sent to a name', () => {
  it('reaches each that has it in order, once, or is a dead letter', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), fc.nat(), async (steps, seed) => {
        nodes = new VirtualNodes([shelf], seed);
        const b = await nodes.start('b');
        const a = await nodes.start('a', { joins: ['b'] });
        const ref = a.system.ref(Shelf, 'troupe://b/books');
        let books = await b.system.spawn(shelf, { name: 'books' });
        let sent = 0;
        put = [];
        for (const one of steps) {
          if (one.kind === 'put') for (let n = 0; n < one.count; n += 1) ref.put(sent++);
          else if (one.kind === 'wait') await nodes.advance(one.ms);
          else if (one.kind === 'cut') nodes.cut('a', 'b');
          else {
            await nodes.until(stop(books));
            if (one.gapMs > 0) await nodes.advance(one.gapMs);
            books = await b.system.spawn(shelf, { name: 'books' });
          }
        }
        await nodes.advance(30_000);
        for (let at = 1; at < put.length; at += 1) expect(put[at]).toBeGreaterThan(put[at - 1]!);
        const dead = [...a.deadLetters, ...b.deadLetters].filter(({ operation }) => operation === 'shelf.put');
        expect(put.length + dead.length).toBe(sent);
        // It works still.
        expect(await nodes.until(ref.echo(1))).toBe(1);
        await nodes.end();
      }),
      { numRuns: proofRuns(30) },
    );
  });
});
