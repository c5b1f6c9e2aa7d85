/**
 * Moves under load, in random programs: senders on every place and on another node, moves whenever it likes them, and frames
 * that arrive one by one in any order that sessions allow. What each sender sends arrives once, and in its order.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { type Place, SeveralPlaces } from './several-places.ts';

const Journal = protocol('journal', {
  note: tell(z.object({ by: z.int(), n: z.int() })),
  count: ask({ input: z.object({ by: z.int(), n: z.int() }), output: z.int() }),
  all: ask({ output: z.array(z.tuple([z.int(), z.int()])) }),
});
const journal = actor(
  Journal,
  { args: z.object({}), state: () => ({ notes: [] as [number, number][] }) },
  {
    note: (state, { by, n }) => void state.notes.push([by, n]),
    count: (state, { by, n }) => state.notes.push([by, n]),
    all: (state) => state.notes,
  },
);

const ids = ['a~1/main', 'a~1/t1', 'a~1/t2', 'b~1/main'];
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), by: fc.nat(3), many: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask' as const), by: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('offer' as const), by: fc.nat(3) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('think' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), by: fc.nat(2), to: fc.nat(2) }) },
);

async function run(home: number, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<void> {
  const several = new SeveralPlaces([journal], { places: ids });
  const { places, settle, think } = several;
  const spawned = await places[home]!.spawn(journal);
  const refs = places.map((place) => place.own(spawned)) as Ref<typeof Journal>[];
  const sent = [0, 0, 0, 0];
  const answers: Promise<unknown>[] = [];
  let moves = 0;
  for (const one of steps) {
    switch (one.do) {
      case 'send':
        for (let n = 0; n < one.many; n += 1) refs[one.by]!.note({ by: one.by, n: sent[one.by]!++ });
        break;
      case 'ask':
        answers.push(refs[one.by]!.count({ by: one.by, n: sent[one.by]!++ }, { timeoutMs: 1_000_000 }));
        break;
      case 'offer': {
        const offer = refs[one.by]!.note.offer({ by: one.by, n: sent[one.by]! }, { timeoutMs: 1_000_000 });
        // Its order is that of its promise: what must follow it waits for it.
        sent[one.by]! += 1;
        await Promise.all([offer, settle()]);
        break;
      }
      case 'deliver': {
        const pairs = several.underWay;
        if (pairs.length > 0) several.deliver(pairs[one.which % pairs.length]!);
        break;
      }
      case 'think':
        await think();
        break;
      case 'move':
        places[one.by]!.move(refs[one.by]!, places[one.to]!, 1_000_000).then(
          () => {
            moves += 1;
          },
          (error: { reason: string }) => expect(error.reason).toBe('busy'),
        );
        break;
    }
  }
  await settle();
  await settle();
  const all = refs[3]!.all({ timeoutMs: 1_000_000 });
  await settle();
  const notes = await all;
  await Promise.all(answers);
  for (const by of [0, 1, 2, 3]) {
    expect(notes.filter(([who]) => who === by).map(([, n]) => n)).toEqual(Array.from({ length: sent[by]! }, (_, n) => n));
  }
  expect(places.filter((place) => place.runs(spawned))).toHaveLength(1);
  for (const place of places) {
    expect(place.dead()).toEqual({});
    expect(place.broken).toEqual([]);
  }
  check(places);
  await several.advance(1_000);
  void moves;
}

/** What was accepted at a place was handled there, or went on with its actor. */
function check(places: readonly Place[]): void {
  for (const { host } of places) {
    const { accepted, handled, moved } = host.counters;
    expect(accepted).toBe(handled + moved);
  }
}

it(
  'each sender keeps its order and nothing is lost or doubled, in 150 random programs of moves, sends and deliveries',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(step, { minLength: 5, maxLength: 80 }), run),
      { numRuns: proofRuns(150) },
    );
  },
  proofTimeoutMs(150) * 4,
);
