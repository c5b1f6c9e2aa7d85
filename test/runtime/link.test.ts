/** Links: on one place, between threads and between nodes the same. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { refTo } from '../../src/actors/schema/ref-schema.ts';
import type { Directive } from '../../src/actors/supervise.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { Kind } from '../../src/runtime/items.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

interface PeerRef extends Ref<typeof Peer> {}
const peerRef = refTo<PeerRef>('peer');
const Peer = protocol('peer', {
  link: ask({ input: peerRef, output: z.void() }),
  unlink: ask({ input: peerRef, output: z.void() }),
  linkSelf: ask({ output: z.void() }),
  killOther: ask({ input: peerRef, output: z.string() }),
  fail: tell(),
  work: ask({ output: z.string() }),
});

/** What each peer failed with, as its directive was told. */
let failures: string[] = [];
const peer = actor(
  Peer,
  {
    args: z.object({ name: z.string() }),
    state: ({ name }) => ({ name }),
    supervise: {
      directive: ({ error, operation }): Directive => {
        if (operation === 'peer.fail') return lives ? 'restart' : 'stop';
        const { code, reason, path } = error as { code: string; reason: string; path: string };
        if (code === 'LinkedActorFailed') failures.push(`${reason} ${path}`);
        return linkedThen;
      },
    },
  },
  {
    link: (_state, ref, context) => context.link(ref),
    unlink: (_state, ref, context) => context.unlink(ref),
    linkSelf: (_state, _message, context) => context.link(context.self as never),
    killOther: (_state, ref) => {
      void kill(ref);
      return 'still here';
    },
    fail: () => {
      throw new Error('broken');
    },
    work: ({ name }) => name,
  },
);
/** Whether `fail` restarts, and what follows from the failure of a linked actor. */
let lives = false;
let linkedThen: Directive = 'stop';

let open: TwoPlaces | undefined;
afterEach(async () => {
  failures = [];
  lives = false;
  linkedThen = 'stop';
  await open?.close();
  open = undefined;
});

describe.each([
  ['on one place', 'here'],
  ['between two threads of a node', 'thread'],
  ['between two nodes', 'node'],
] as const)('a link %s', (_name, where) => {
  const start = async () => {
    open = twoPlaces([peer], where !== 'node');
    const a = spawnHere(open, 'a');
    const b = where === 'here' ? spawnHere(open, 'b') : await spawnThere(open, 'b');
    await a.link(b);
    await b.work();
    await a.work();
    return { a, b, places: open };
  };
  const gone = async (ref: Ref<typeof Peer>): Promise<void> => {
    await expect
      .poll(async () => {
        const outcome = await ref.work.outcome({ timeoutMs: 500 });
        return outcome.ok ? 'alive' : outcome.error.code;
      })
      .toBe('NotDelivered');
  };

  it.each(['a', 'b'] as const)('fails the other when %s fails, and when it is killed', async (which) => {
    for (const [reason, end] of [
      ['failed', (ref: Ref<typeof Peer>) => void ref.fail()],
      ['killed', (ref: Ref<typeof Peer>) => void kill(ref)],
    ] as const) {
      failures = [];
      const { a, b } = await start();
      const [first, other] = which === 'a' ? [a, b] : [b, a];
      const path = pathOf(first);
      end(first);
      await gone(other);
      expect(failures).toEqual([`${reason} ${path}`]);
      await open!.close();
    }
  });

  it.each(['a', 'b'] as const)('ends without a word when %s stops', async (which) => {
    const { a, b } = await start();
    const [first, other] = which === 'a' ? [a, b] : [b, a];
    await stop(first);
    expect(await other.work()).toBe(which === 'a' ? 'b' : 'a');
    expect(failures).toEqual([]);
  });

  it.each(['a', 'b'] as const)('is taken back by either: then nothing follows from a failure of %s', async (which) => {
    const { a, b } = await start();
    await b.unlink(a);
    await a.work();
    await a.link(b);
    await a.unlink(b);
    await b.work();
    const [first, other] = which === 'a' ? [a, b] : [b, a];
    first.fail();
    await gone(first);
    expect(await other.work()).toBe(which === 'a' ? 'b' : 'a');
    expect(failures).toEqual([]);
  });

  it('outlives restarts of both, is one however often it was made, and then has its effect once', async () => {
    const { a, b } = await start();
    await b.link(a);
    await a.link(b);
    lives = true;
    a.fail();
    b.fail();
    expect([await a.work(), await b.work()]).toEqual(['a', 'b']);
    expect(failures).toEqual([]);
    linkedThen = 'restart';
    await kill(b);
    await expect.poll(() => failures).toEqual([`killed ${pathOf(b)}`]);
    expect(await a.work()).toBe('a');
  });

  it('to what has ended already fails the one that links', async () => {
    const { a, b } = await start();
    await a.unlink(b);
    await stop(b);
    linkedThen = 'resume';
    await a.link(b);
    await expect.poll(() => failures).toEqual([`unknown ${pathOf(b)}`]);
  });

  it('does not fail a handler on its own stack that kills the other', async () => {
    const { a, b } = await start();
    linkedThen = 'restart';
    expect(await a.killOther(b)).toBe('still here');
    await expect.poll(() => failures).toEqual([`killed ${pathOf(b)}`]);
    expect(await a.work()).toBe('a');
  });
});

describe('a link', () => {
  it.each(['thread', 'node'] as const)('fails both sides when their places lose each other: %s', async (where) => {
    open = twoPlaces([peer], where === 'thread');
    const [a, b] = [spawnHere(open, 'a'), await spawnThere(open, 'b')];
    await a.link(b);
    await b.work();
    await a.work();
    linkedThen = 'resume';
    open.cut();
    await expect.poll(() => failures.length).toBe(2);
    expect(new Set(failures)).toEqual(new Set([`place-lost ${pathOf(a)}`, `place-lost ${pathOf(b)}`]));
  });

  it('brings down a ring of 3 once each', async () => {
    open = twoPlaces([peer], true);
    const [a, b, c] = [spawnHere(open, 'a'), await spawnThere(open, 'b'), spawnHere(open, 'c')];
    await a.link(b);
    await b.link(c);
    await c.link(a);
    await b.work();
    await a.work();
    await kill(a);
    await expect.poll(() => open!.here.host.rootCount + open!.there.host.rootCount).toBe(0);
    expect(failures).toHaveLength(2);
  });

  it('is refused to itself, loudly', async () => {
    open = twoPlaces([peer], true);
    const outcome = await spawnHere(open, 'a').linkSelf.outcome();
    expect(outcome).toMatchObject({ ok: false, error: { code: 'ActorFailed', cause: { code: 'UsageError' } } });
  });

  it.each([
    ['a cell of 0', [Kind.link, 1, 0, '/x', 'peer']],
    ['a branch that is no text', [Kind.link, 1, 5, 7, 'peer']],
    ['a protocol of 10,000 characters', [Kind.link, 1, 5, '/x', 'p'.repeat(10_000)]],
    ['an unlink of nothing', [Kind.unlink, 1, 'x']],
  ])('with %s ends the session of who sent it', async (_what, fields) => {
    open = twoPlaces([peer], false);
    await spawnThere(open, 'b');
    const { session } = open.here.router.place(thereId(open))!;
    session.begin().push(...fields);
    await expect.poll(() => open!.there.logged.map(({ text }) => text)).toEqual([expect.stringMatching(/^broken: /)]);
  });

  it('to an actor that does not exist is nothing to that place', async () => {
    open = twoPlaces([peer], false);
    const ref = await spawnThere(open, 'b');
    const { session } = open.here.router.place(thereId(open))!;
    session.begin().push(Kind.link, 999, 5, '/x', 'peer');
    session.begin().push(Kind.unlink, 999, 5);
    expect(await ref.work()).toBe('b');
    expect(open.there.logged).toEqual([]);
  });
});

function spawnHere(places: TwoPlaces, name: string): Ref<typeof Peer> {
  const { host } = places.here;
  const cell = host.spawn(peer, { args: { name }, name: undefined, parent: undefined });
  return new cell.behavior.refClass(cell, host.outside) as unknown as Ref<typeof Peer>;
}

async function spawnThere(places: TwoPlaces, name: string): Promise<Ref<typeof Peer>> {
  const place = places.here.router.place(thereId(places))!;
  const behavior = peer as unknown as ActorBehavior;
  const args = behavior.argsType.toWire(behavior.argsType.parse({ name }));
  const { cell, branch } = await place.spawn('peer', args, undefined);
  const target = place.target(cell, branch, 'peer');
  return new (refClassOf(Peer))(target, places.here.host.outside) as unknown as Ref<typeof Peer>;
}
