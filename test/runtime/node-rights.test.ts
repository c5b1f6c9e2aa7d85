/** What a node with few rights may watch, find by name and register, under virtual time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { stop } from '../../src/actors/verbs.ts';
import type { NodeRule } from '../../src/runtime/node-rules.ts';
import { node } from '../../src/runtime/placement.ts';
import { type VirtualNode, VirtualNodes } from './virtual-nodes.ts';

const Shelf = protocol('shelf', { size: ask({ output: z.int() }) });
const shelf = actor(Shelf, { args: z.object({}), state: () => ({}) }, { size: () => 7 });
const Vault = protocol('vault', { open: ask({ output: z.string() }) });
const vault = actor(Vault, { args: z.object({}), state: () => ({}) }, { open: () => 'gold' });

const Spy = protocol('spy', {
  watchShelf: ask({ input: refOf(Shelf), output: z.null() }),
  watchVault: ask({ input: refOf(Vault), output: z.null() }),
  ends: ask({ output: z.array(z.string()) }),
});
const spy = actor(
  Spy,
  {
    args: z.object({}),
    state: () => ({ ends: [] as string[] }),
    signals: { terminated: ({ ends }, { reason }) => void ends.push(reason) },
  },
  {
    watchShelf: (_state, ref, ctx) => {
      ctx.watch(ref);
      return null;
    },
    watchVault: (_state, ref, ctx) => {
      ctx.watch(ref);
      return null;
    },
    ends: ({ ends }) => ends,
  },
);

const Parent = protocol('parent', { hire: tell(), ask: ask({ output: z.int() }) });
/** Has a child on the node with few rights. */
const parent = actor(
  Parent,
  { args: z.object({}), state: () => ({ child: undefined as undefined | { size(): Promise<number> } }) },
  {
    hire: (state, _message, ctx) => {
      state.child = ctx.spawn(vaultKeeper, { on: node({ role: 'edge' }) });
    },
    ask: ({ child }) => child!.size(),
  },
);
const Keeper = protocol('keeper', { size: ask({ output: z.int() }) });
const vaultKeeper = actor(Keeper, { args: z.object({}), state: () => ({}) }, { size: () => 3 });

let nodes: VirtualNodes;
beforeEach(() => {
  nodes = new VirtualNodes([shelf, vault, spy, parent, vaultKeeper]);
});
afterEach(() => nodes.end());

async function hubAndEdge(allow: readonly NodeRule[] | undefined): Promise<{ hub: VirtualNode; edge: VirtualNode }> {
  const hub = await nodes.start('hub', { roles: ['hub'], ...(allow !== undefined && { allow }) });
  const edge = await nodes.start('edge', { joins: ['hub'], roles: ['edge'] });
  await nodes.advance(10);
  return { hub, edge };
}

const few: NodeRule = { node: 'edge', spawn: ['shelf'], operations: ['shelf.size'] };
const acts = ({ log }: VirtualNode): unknown[] =>
  log.matching({ text: /^node edge/ }).flatMap(({ fields }) => (fields.event === 'denied' ? [fields.act] : []));

describe('a node that rules give one protocol', () => {
  it('finds actors of that by their names, and is told the same of all others, there or not', async () => {
    const { hub, edge } = await hubAndEdge([few]);
    await hub.system.spawn(shelf, { name: 'books' });
    await hub.system.spawn(vault, { name: 'gold' });
    const found = await nodes.until(edge.system.find(Shelf, 'troupe://hub/books'));
    expect(await nodes.until(found!.size())).toBe(7);
    expect(await nodes.until(edge.system.ref(Shelf, 'troupe://hub/books').size())).toBe(7);
    expect(await nodes.until(edge.system.find(Shelf, 'troupe://hub/none'))).toBeUndefined();
    expect(acts(hub)).toEqual([]);
    const texts: string[] = [];
    for (const name of ['gold', 'none', 'books']) {
      const refused = await nodes.until(
        edge.system.find(Vault, `troupe://hub/${name}`).catch((error: unknown) => error),
      );
      expect(refused).toMatchObject({ code: 'NotDelivered', reason: 'unreachable' });
      texts.push((refused as Error).message.replaceAll(name, 'NAME'));
    }
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/may not find actors of that protocol at hub/);
    expect(acts(hub)).toEqual(['find', 'find', 'find']);
  });

  it('is told of the ends of actors that it may call, and of others that there is none', async () => {
    const { hub, edge } = await hubAndEdge([few]);
    const books = await hub.system.spawn(shelf);
    const gold = await hub.system.spawn(vault);
    const eye = await nodes.until(hub.system.spawn(spy, { on: node({ role: 'edge' }) }));
    await nodes.until(eye.watchShelf(books));
    await nodes.until(eye.watchVault(gold));
    await nodes.advance(50);
    expect(await nodes.until(eye.ends())).toEqual(['unknown']);
    expect(acts(hub)).toEqual(['watch']);
    await nodes.until(stop(gold));
    await nodes.until(stop(books));
    await nodes.advance(50);
    expect(await nodes.until(eye.ends())).toEqual(['unknown', 'stopped']);
    expect(edge.system.nodes).toEqual([hub.system.nodeId]);
  });

  it('is told of the end of what it has started, whatever it may call', async () => {
    const { hub, edge } = await hubAndEdge([{ node: 'edge', spawn: ['vault'], operations: [] }]);
    const gold = await nodes.until(edge.system.spawn(vault, { on: node({ role: 'hub' }) }));
    const eye = await edge.system.spawn(spy);
    await nodes.until(eye.watchVault(gold));
    await nodes.until(stop(gold));
    await nodes.advance(50);
    expect(await nodes.until(eye.ends())).toEqual(['stopped']);
    expect(acts(hub)).toEqual([]);
  });

  it('hosts children of others, and is told when what stands for them ends', async () => {
    const { hub, edge } = await hubAndEdge([{ node: 'edge', spawn: [], operations: [] }]);
    const boss = await hub.system.spawn(parent);
    boss.hire();
    expect(await nodes.until(boss.ask())).toBe(3);
    const running = async (): Promise<number> =>
      JSON.stringify(await nodes.until(edge.system.tree())).split('keeper').length - 1;
    expect(await running()).toBeGreaterThan(0);
    await nodes.until(stop(boss));
    await nodes.advance(50);
    expect(await running()).toBe(0);
    expect(acts(hub)).toEqual([]);
  });
});

describe('a node without rules', () => {
  it('finds and watches what there is', async () => {
    for (const allow of [undefined, [{ node: 'edge' }]]) {
      nodes = new VirtualNodes([shelf, vault, spy, parent, vaultKeeper]);
      const { hub, edge } = await hubAndEdge(allow);
      const gold = await hub.system.spawn(vault, { name: 'gold' });
      const found = await nodes.until(edge.system.find(Vault, 'troupe://hub/gold'));
      expect(await nodes.until(found!.open())).toBe('gold');
      const eye = await nodes.until(hub.system.spawn(spy, { on: node({ role: 'edge' }) }));
      await nodes.until(eye.watchVault(gold));
      await nodes.until(stop(gold));
      await nodes.advance(50);
      expect(await nodes.until(eye.ends())).toEqual(['stopped']);
      if (allow === undefined) await nodes.end();
    }
  });
});
