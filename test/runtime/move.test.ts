/** A live move between places: what goes with the actor, what its refs see of it, and what refuses it. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { pathOf, sameRef } from '../../src/actors/verbs.ts';
import { SeveralPlaces } from './several-places.ts';

const Counter = protocol('counter', {
  add: tell(z.object({ by: z.int() })),
  total: ask({ output: z.int() }),
  changes: stream({ output: z.int() }),
});
const counter = actor(
  Counter,
  { args: z.object({ start: z.int().default(0) }), state: ({ start }) => ({ n: start, log: [] as number[] }) },
  {
    add: (state, { by }) => {
      state.n += by;
      state.log.push(by);
    },
    total: (state) => state.n,
    async *changes(_state, _message, ctx) {
      yield* ctx.observe((state) => state.n);
    },
  },
);

function three() {
  const several = new SeveralPlaces([counter]);
  const [p, q, r] = several.places;
  return { several, p: p!, q: q!, r: r!, ...several };
}

describe('a live move', () => {
  it('takes the state along, and leaves address and path as they were', async () => {
    const { p, q, settle } = three();
    const ref = await p.spawn(counter, { args: { start: 5 } });
    const path = pathOf(ref);
    const moved = p.move(ref, q);
    await settle();
    await moved;
    expect([p.runs(ref), q.runs(ref)]).toEqual([false, true]);
    const total = ref.total();
    await settle();
    expect(await total).toBe(5);
    expect(pathOf(ref)).toBe(path);
    expect(sameRef(ref, q.own(ref))).toBe(true);
  });
});
