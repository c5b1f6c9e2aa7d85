/** Nodes that hear of each other: a ref that came by way of a third node works, over a link of their own. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refTo } from '../../src/actors/schema/ref-schema.ts';
import { pathOf } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { encodeAside } from '../../src/transport/node-aside.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { addressOf, type VirtualNode, VirtualNodes } from './virtual-nodes.ts';

interface MateRef extends Ref<typeof Mate> {}
const mateRef = refTo<MateRef>('mate');
const Mate = protocol('mate', {
  meet: tell(z.object({ other: mateRef })),
  /** Tells the one it met last so many numbers, and asks it how many it has heard. */
  talk: tell(z.object({ from: z.string(), first: z.int(), count: z.int() })),
  hear: tell(z.object({ from: z.string(), n: z.int() })),
  heard: ask({ output: z.record(z.string(), z.array(z.int())) }),
  know: tell(mateRef),
  introduce: tell(z.object({ one: z.int(), other: z.int() })),
  talkTo: tell(z.object({ one: z.int(), count: z.int() })),
  sent: ask({ output: z.record(z.string(), z.int()) }),
  viaOther: ask({ output: z.string() }),
  name: ask({ output: z.string() }),
  follow: ask({ input: z.int(), output: z.array(z.int()) }),
  counts: stream({ input: z.int(), output: z.int() }),
  watchOther: tell(),
  ends: ask({ output: z.array(z.string()) }),
});

const mate = actor(
  Mate,
  {
    args: z.object({ name: z.string().default('') }),
    state: ({ name }) => ({
      name,
      other: undefined as MateRef | undefined,
      heard: {} as Record<string, number[]>,
      ends: [] as string[],
      known: [] as MateRef[],
      sent: {} as Record<string, number>,
    }),
    signals: { terminated: (state, { reason }) => void state.ends.push(reason) },
  },
  {
    meet: (state, { other }) => {
      state.other = other;
    },
    talk: ({ other }, { from, first, count }) => {
      for (let n = first; n < first + count; n += 1) other!.hear({ from, n });
    },
    hear: ({ heard }, { from, n }) => {
      heard[from] ??= [];
      heard[from].push(n);
    },
    heard: ({ heard }) => heard,
    know: ({ known }, other) => void known.push(other),
    introduce: ({ known }, { one, other }) => void known[one % known.length]!.know(known[other % known.length]!),
    talkTo: ({ known, sent, name }, { one, count }) => {
      const to = known[one % known.length]!;
      for (let n = 0; n < count; n += 1) {
        const path = pathOf(to);
        to.hear({ from: name, n: sent[path] ?? 0 });
        sent[path] = (sent[path] ?? 0) + 1;
      }
    },
    sent: ({ sent }) => sent,
    viaOther: ({ other }) => other!.name(),
    name: ({ name }) => name,
    follow: async ({ other }, count) => {
      const got: number[] = [];
      for await (const n of other!.counts(count)) got.push(n);
      return got;
    },
    async *counts(_state, count) {
      for (let n = 0; n < count; n += 1) yield n;
    },
    watchOther: ({ other }, _message, ctx) => ctx.watch(other!),
    ends: ({ ends }) => ends,
  },
);

let nodes: VirtualNodes;
afterEach(() => nodes.end());

/** `a` has joined `b` and `c`, which do not know each other; each of the two has a mate, and the one of `b` met that of `c`. */
async function introduced(options: { cListens?: boolean; bListens?: boolean } = {}) {
  nodes = new VirtualNodes([mate]);
  const hub = await nodes.start('a');
  const b = await nodes.start('b', { joins: ['a'], listens: options.bListens ?? true });
  const c = await nodes.start('c', { joins: ['a'], listens: options.cListens ?? true });
  const [ofB, ofC] = [await mateOf(b), await mateOf(c)];
  (await seenFrom(hub, 'b')).meet({ other: await seenFrom(hub, 'c') });
  await nodes.settle();
  return { hub, b, c, ofB, ofC };
}

async function mateOf(node: VirtualNode, name = node.name): Promise<MateRef> {
  return nodes.until(node.system.spawn(mate, { name: 'mate', args: { name } }));
}

/** The mate of a node, as another that is linked to it has it. */
async function seenFrom(node: VirtualNode, name: string): Promise<MateRef> {
  return (await nodes.until(node.system.find(Mate, `troupe://${name}/mate`)))!;
}

describe('a node that gets a ref of a third', () => {
  it('dials it at the address that it has announced, and what was sent first arrives in order', async () => {
    const { b, c, ofB, ofC } = await introduced();
    ofB.talk({ from: 'b', first: 0, count: 2_000 });
    expect(await nodes.until(ofB.viaOther())).toBe('c');
    expect((await nodes.until(ofC.heard())).b).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
    expect(b.system.nodes).toContain(c.system.nodeId);
    expect(nodes.dials.filter(({ by }) => by === 'b')).toEqual([
      { by: 'b', address: addressOf('a') },
      { by: 'b', address: addressOf('c') },
    ]);
  });

  it('streams from there, watches there, and goes on when the node in between is gone', async () => {
    const { c, ofB } = await introduced();
    expect(await nodes.until(ofB.follow(600))).toHaveLength(600);
    ofB.watchOther();
    nodes.kill('a');
    await nodes.advance(60_000);
    expect(await nodes.until(ofB.viaOther())).toBe('c');
    expect(await nodes.until(ofB.ends())).toEqual([]);
    await nodes.until(c.system.shutdown({ deadlineMs: 100 }));
    expect(await nodes.until(ofB.ends())).toEqual(['stopped']);
  });

  it('is dialled back by one that announces no address', async () => {
    const { b, c, ofB } = await introduced({ cListens: false });
    expect(await nodes.until(ofB.viaOther())).toBe('c');
    expect(b.system.nodes).toContain(c.system.nodeId);
    expect(nodes.dials.at(-1)).toEqual({ by: 'c', address: addressOf('b') });
  });

  it('is dialled back by one that it cannot reach itself', async () => {
    nodes = new VirtualNodes([mate]);
    nodes.bar('b', 'c');
    const hub = await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    const c = await nodes.start('c', { joins: ['a'] });
    const ofB = await mateOf(b);
    await mateOf(c);
    (await seenFrom(hub, 'b')).meet({ other: await seenFrom(hub, 'c') });
    await nodes.settle();
    expect(await nodes.until(ofB.viaOther())).toBe('c');
  });

  it('does not take another node for it that is at the address which it has announced', async () => {
    nodes = new VirtualNodes([mate]);
    const hub = await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    const c = await nodes.start('c', { joins: ['a'], announce: addressOf('d') });
    const d = await nodes.start('d');
    nodes.bar('c', 'b');
    await mateOf(c);
    const ref = await refOfC(b, hub);
    const outcome = await nodes.until(ref.name.outcome());
    expect(outcome).toMatchObject({ ok: false, error: { code: 'NotDelivered', reason: 'unreachable' } });
    expect(outcome.ok === false && outcome.error.message).toContain(`it is node ${d.system.nodeId} that is there`);
    expect(d.system.nodes).toEqual([]);
  });

  it('dials nobody beyond this machine without auth, whatever others say', async () => {
    nodes = new VirtualNodes([mate]);
    const hub = await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    const c = await nodes.start('c', { joins: ['a'], announce: 'ws://10.0.0.7:7000' });
    nodes.bar('c', 'b');
    await mateOf(c);
    const ref = await refOfC(b, hub);
    const outcome = await nodes.until(ref.name.outcome());
    expect(outcome.ok === false && outcome.error.message).toContain('without auth');
    expect(nodes.dials.map(({ address }) => address)).not.toContain('ws://10.0.0.7:7000');
  });

  it('is told to dial by 10,000 hints, and dials 64 times a second, 64 nodes at once', async () => {
    nodes = new VirtualNodes([mate]);
    await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    const [toB] = nodes.linksOf('a');
    const before = nodes.dials.length;
    for (let n = 0; n < 10_000; n += 1) {
      const id = `evil${n}~1`;
      toB!.send(encodeAside({ kind: 'node-at', question: id, nodeId: id, address: `ws://127.0.0.1/${id}` }));
    }
    await nodes.settle();
    expect(nodes.dials.length - before).toBe(limits.searchDialsMax);
    await nodes.advance(10_000);
    expect(nodes.dials.length - before).toBe(limits.searchesForOthersMax);
    expect(b.system.nodes).toHaveLength(1);
    // Answers to nothing, about nobody and about itself, are no more than that.
    for (const [question, nodeId] of [
      ['x', ''],
      ['x', 'x~1'],
      ['b', b.system.nodeId],
      [b.system.nodeId, b.system.nodeId],
    ] as const) {
      toB!.send(encodeAside({ kind: 'node-at', question, nodeId, address: nodeId === '' ? '' : addressOf('b') }));
    }
    await nodes.advance(1_000);
    expect(nodes.dials.length - before).toBe(limits.searchesForOthersMax);
    expect(b.system.nodes).toHaveLength(1);
  });

  it('looks for 256 nodes at once and no more, and dials 16 at once', async () => {
    nodes = new VirtualNodes([mate]);
    const hub = await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    await mateOf(hub);
    const refs = Array.from({ length: limits.searchesMax + 10 }, (_, n) =>
      b.system.ref(Mate, `troupe://x${n}~1/mate`).name.outcome({ timeoutMs: 60_000 }),
    );
    const outcomes = await nodes.until(Promise.all(refs));
    expect(new Set(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code)))).toEqual(
      new Set(['NotDelivered']),
    );
    const tooMany = outcomes.filter((outcome) => !outcome.ok && outcome.error.message.includes('too many nodes'));
    expect(tooMany).toHaveLength(10);
  });

  it('is told that none of the two can be dialled: nothing was sent', async () => {
    const { b, ofB, hub } = await introduced({ cListens: false, bListens: false });
    const outcome = nodes.until(ofB.viaOther.outcome());
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'ActorFailed' } });
    const direct = await refOfC(b, hub);
    await nodes.advance(limits.searchAgainMs);
    const why = await nodes.until(direct.name.outcome());
    expect(why).toMatchObject({ ok: false, error: { code: 'NotDelivered', reason: 'unreachable' } });
  });

  it('is told which addresses were tried where nobody answers there', async () => {
    nodes = new VirtualNodes([mate]);
    nodes.bar('b', 'c');
    nodes.bar('c', 'b');
    const hub = await nodes.start('a');
    const b = await nodes.start('b', { joins: ['a'] });
    const c = await nodes.start('c', { joins: ['a'] });
    await mateOf(b);
    await mateOf(c);
    const ref = await refOfC(b, hub);
    const asked = nodes.until(ref.name.outcome());
    expect(ref.hear({ from: 'b', n: 1 })).toBe(true);
    const outcome = await asked;
    expect(outcome).toMatchObject({ ok: false, error: { code: 'NotDelivered', reason: 'unreachable' } });
    expect(outcome.ok === false && outcome.error.message).toContain(`tried ${addressOf('c')} (DialFailed: `);
    expect(b.deadLetters).toContainEqual(
      expect.objectContaining({ operation: 'mate.hear', reason: 'unreachable', path: pathOf(ref) }),
    );
    // Not at every message anew.
    const byB = (): number => nodes.dials.filter(({ by }) => by === 'b').length;
    const before = byB();
    for (let n = 0; n < 100; n += 1) ref.hear({ from: 'b', n });
    await nodes.advance(limits.searchAgainMs / 2);
    expect(byB()).toBe(before);
    // And once it can be reached, refs that were there before work again.
    nodes.barred.clear();
    await nodes.advance(limits.searchAgainMs);
    ref.hear({ from: 'b', n: 0 });
    await nodes.advance(1_000);
    expect(await nodes.until(ref.name())).toBe('c');
  });

  it('goes on over a cut of the link that it has found', async () => {
    const { ofB, ofC } = await introduced();
    expect(await nodes.until(ofB.viaOther())).toBe('c');
    nodes.cut('b', 'c');
    ofB.talk({ from: 'b', first: 0, count: 100 });
    await nodes.advance(3_000);
    expect((await nodes.until(ofC.heard())).b).toHaveLength(100);
  });

  it('leaves one alone that is gone: it is dialled for as long as it is awaited', async () => {
    const { ofB } = await introduced();
    expect(await nodes.until(ofB.viaOther())).toBe('c');
    nodes.kill('c');
    await nodes.advance(limits.resumeMs + 5_000);
    const after = nodes.dials.filter(({ by }) => by === 'b').length;
    await nodes.advance(60_000);
    expect(nodes.dials.filter(({ by }) => by === 'b').length).toBe(after);
  });
});

const any = fc.integer({ min: 0, max: 59 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('introduce' as const), by: any, one: any, other: any }),
  fc.record({
    kind: fc.constant('talk' as const),
    by: any,
    one: any,
    count: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('cut' as const), one: any, other: any }),
);
const program = fc.record({
  /** Whom each node joins, of those before it. */
  joins: fc.array(any, { minLength: 2, maxLength: 5 }),
  lastListens: fc.boolean(),
  cuts: fc.boolean(),
  steps: fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }),
  seed: fc.nat(),
});

describe('nodes that are introduced to each other at random', () => {
  it('hear each message once and in order, and all of them where no link was cut', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(program, async ({ joins, lastListens, cuts, steps, seed }) => {
        nodes = new VirtualNodes([mate], seed);
        const started = [await nodes.start('n0')];
        const mates = [await mateOf(started[0]!)];
        for (const [index, joined] of joins.entries()) {
          const to = joined % started.length;
          const name = `n${index + 1}`;
          const listens = lastListens || index + 1 < joins.length;
          const node = await nodes.start(name, { joins: [`n${to}`], listens });
          const own = await mateOf(node);
          own.know(await seenFrom(node, `n${to}`));
          mates[to]!.know(await seenFrom(started[to]!, name));
          started.push(node);
          mates.push(own);
        }
        for (const one of steps) {
          if (one.kind === 'wait') await nodes.advance(one.ms);
          else if (one.kind === 'cut') {
            if (cuts) nodes.cut(`n${one.one % mates.length}`, `n${one.other % mates.length}`);
          } else {
            const by = mates[one.by % mates.length]!;
            if (one.kind === 'introduce') by.introduce({ one: one.one, other: one.other });
            else by.talkTo({ one: one.one, count: one.count });
          }
        }
        await nodes.advance(30_000);
        let heardInAll = 0;
        let sentInAll = 0;
        for (const one of mates) {
          const heard = await nodes.until(one.heard());
          for (const [from, numbers] of Object.entries(heard)) {
            heardInAll += numbers.length;
            const sent = (await nodes.until(mates[Number(from.slice(1))]!.sent()))[pathOf(one)];
            if (!cuts) expect(numbers).toEqual(Array.from({ length: sent! }, (_, n) => n));
            else for (let at = 1; at < numbers.length; at += 1) expect(numbers[at]).toBeGreaterThan(numbers[at - 1]!);
          }
          for (const count of Object.values(await nodes.until(one.sent()))) sentInAll += count;
        }
        const dead = started.flatMap(({ deadLetters }) =>
          deadLetters.filter(({ operation }) => operation === 'mate.hear'),
        );
        expect(heardInAll + dead.length).toBe(sentInAll);
        if (!cuts) expect(dead).toEqual([]);
        await nodes.end();
      }),
      { numRuns: proofRuns(25) },
    );
  });
});

/** A ref of the mate of `c` as the system of `b` has it: it came in an answer. */
async function refOfC(b: VirtualNode, hub: VirtualNode): Promise<MateRef> {
  const { nodeId } = nodes.nodes.get('c')!.system;
  const viaHub = (await nodes.until(hub.system.find(Mate, `troupe://${nodeId}/mate`)))!;
  const Box = protocol('box', { give: ask({ output: mateRef }) });
  const box = actor(Box, { args: z.object({}), state: () => ({}) }, { give: () => viaHub });
  await hub.system.spawn(box, { name: `box` });
  const boxAtB = (await nodes.until(b.system.find(Box, `troupe://${hub.system.nodeId}/box`)))!;
  return nodes.until(boxAtB.give());
}
