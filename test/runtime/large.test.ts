/** Large messages between two nodes of one process: what they are to calls, watches and nodes of an earlier version. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refClassOf, targetOf } from '../../src/actors/ref.ts';
import { bytes } from '../../src/actors/schema/bytes.ts';
import { move } from '../../src/actors/schema/given-away.ts';
import { Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const MiB = 1_048_576;
const Bin = protocol('bin', {
  put: tell(z.object({ data: bytes() })),
  size: ask({ input: z.object({ data: bytes() }), output: z.int() }),
  give: ask({ input: z.int(), output: bytes() }),
  puts: ask({ output: z.array(z.int()) }),
  ends: tell(),
});
const bin = actor(
  Bin,
  { args: z.object({}), state: () => ({ puts: [] as number[] }) },
  {
    put: ({ puts }, { data }) => void puts.push(data.byteLength),
    size: (_state, { data }) => data.byteLength,
    give: (_state, size) => move(new Uint8Array(size)),
    puts: ({ puts }) => puts,
    ends: (_state, _message, ctx) => ctx.stop(),
  },
);

let places: TwoPlaces;
afterEach(() => places.close());

async function start(wire = wireVersion): Promise<Ref<typeof Bin>> {
  places = twoPlaces([bin], false);
  places.wire = wire;
  const place = places.here.router.place(thereId(places))!;
  const { argsType, name } = bin as unknown as ActorBehavior;
  const { cell, branch } = await place.spawn(name, argsType.toWire(argsType.parse({})), undefined);
  const target = place.target(cell, branch, 'bin');
  return new (refClassOf(Bin))(target, places.here.host.outside) as unknown as Ref<typeof Bin>;
}

/** Kinds of the items that went over between nodes, and the largest frame. */
function sent(): { kinds: Set<unknown>; bytesMax: number } {
  const kinds = new Set<unknown>();
  let bytesMax = 0;
  for (const { frame } of places.frames) {
    bytesMax = Math.max(bytesMax, frame.byteLength);
    kinds.add(strictCodec().unpack(frame)[5]);
  }
  return { kinds, bytesMax };
}

describe('a large message to a node', () => {
  it('goes in frames of 64 KiB, and what it gives away leaves its sender at once', async () => {
    const ref = await start();
    const data = new Uint8Array(5 * MiB);
    expect(ref.put({ data: move(data) })).toBe(true);
    expect(data.byteLength).toBe(0);
    expect(await ref.puts()).toEqual([5 * MiB]);
    expect((await ref.give(3 * MiB)).byteLength).toBe(3 * MiB);
    const { kinds, bytesMax } = sent();
    expect([kinds.has(Kind.chunk), kinds.has(Kind.large)]).toEqual([true, true]);
    expect(bytesMax).toBeLessThan(66_000);
  });

  it('of an ask that is cancelled before it has left is not delivered, and the actor never sees it', async () => {
    const ref = await start();
    places.hold(true);
    const gaveUp = new AbortController();
    const asked = ref.size.outcome({ data: new Uint8Array(8 * MiB) }, { signal: gaveUp.signal, timeoutMs: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    gaveUp.abort();
    expect(await asked).toMatchObject({ ok: false, error: { code: 'Cancelled', delivered: false } });
    places.hold(false);
    expect(await ref.puts()).toEqual([]);
    const { session } = places.here.router.place(thereId(places))!;
    await expect.poll(() => session.undelivered).toBe(0);
    expect(sent().kinds.has(Kind.cancel)).toBe(false);
  });

  it('comes before the news of its sender, which has ended', async () => {
    const ref = await start();
    const heard: string[] = [];
    const watched = places.there.host.cell(targetOf(ref).address().cell)!;
    targetOf(ref).watch({ terminated: (reason) => void heard.push(reason) });
    const given = ref.give(6 * MiB).then(() => heard.push('given'));
    await ref.puts();
    void watched.stop(false, undefined);
    await given;
    await expect.poll(() => heard).toEqual(['given', 'stopped']);
  });

  it('becomes a dead letter with its bytes where the node is lost amid it, and an ask NotDelivered', async () => {
    const ref = await start();
    const letters: unknown[] = [];
    places.here.host.deadLetters.onLetter = ({ reason, message, read }) =>
      letters.push([reason, (read?.() as { data: Uint8Array } | undefined)?.data.at(-1) ?? message]);
    places.hold(true);
    ref.put({ data: new Uint8Array(4 * MiB).fill(7) });
    const asked = ref.size.outcome({ data: new Uint8Array(MiB) });
    await new Promise((resolve) => setTimeout(resolve, 5));
    places.cut();
    expect(await asked).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
    expect(letters).toEqual([['unreachable', 7]]);
  });
});

describe('a node of wire version 1', () => {
  it('gets messages below 4 MiB in one frame each, as ever', async () => {
    const ref = await start(1);
    ref.put({ data: new Uint8Array(3 * MiB) });
    expect(await ref.puts()).toEqual([3 * MiB]);
    expect((await ref.give(3 * MiB)).byteLength).toBe(3 * MiB);
    const { kinds, bytesMax } = sent();
    expect([kinds.has(Kind.chunk), kinds.has(Kind.large)]).toEqual([false, false]);
    expect(bytesMax).toBeGreaterThan(3 * MiB);
  });

  it('gets none that is larger: InvalidMessage at the sender, and Rejected for an answer', async () => {
    const ref = await start(1);
    const data = new Uint8Array(5 * MiB);
    expect(() => ref.put({ data: move(data) })).toThrow(/less than 4194240 in one message; send it in parts/);
    await expect(ref.size({ data: move(data) })).rejects.toMatchObject({ code: 'InvalidMessage' });
    expect(data.byteLength).toBe(5 * MiB);
    await expect(ref.give(5 * MiB)).rejects.toMatchObject({ code: 'Rejected', reason: 'invalid' });
    expect(await ref.puts()).toEqual([]);
  });
});
