/**
 * Moves under load, in random programs: senders on every place and on another node, moves whenever it likes them, and frames
 * that arrive one by one in any order that sessions allow. What each sender sends arrives once, and in its order.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { type Place, SeveralPlaces } from './several-places.ts';

const Journal = protocol('journal', {
  note: tell(z.object({ by: z.int(), n: z.int() })),
  count: ask({ input: z.object({ by: z.int(), n: z.int() }), output: z.int() }),
  all: ask({ output: z.array(z.tuple([z.int(), z.int()])) }),
  counts: stream({ output: z.int() }),
});
const journal = actor(
  Journal,
  { args: z.object({}), state: () => ({ notes: [] as [number, number][] }) },
  {
    note: (state, { by, n }) => void state.notes.push([by, n]),
    count: (state, { by, n }) => state.notes.push([by, n]),
    all: (state) => state.notes,
    async *counts(_state, _message, ctx) {
      yield* ctx.observe((state) => state.notes.length, { every: true });
    },
  },
);

const ids = ['a~1/main', 'a~1/t1', 'a~1/t2', 'b~1/main'];
const place = fc.nat(3);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('send' as const), by: place, many: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask' as const), by: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('offer' as const), by: place }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('move' as const), by: fc.nat(2), to: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('hold' as const), from: place, to: place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('letGo' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const forever = { timeoutMs: 1_000_000 };

/** Runs a program. Returns how many moves were made. */
async function run(home: number, steps: readonly Step[]): Promise<number> {
  const several = new SeveralPlaces([journal], { places: ids });
  const { places, settle, think } = several;
  const spawned = await places[home]!.spawn(journal);
  const refs = places.map((one) => one.own(spawned)) as Ref<typeof Journal>[];
  // Offers come in the order of their promises, so they are senders of their own, which promise no order.
  const sent = Array.from({ length: 8 }, () => 0);
  const answers: Promise<unknown>[] = [];
  // One reader on each place, which is told of every change.
  const counts = refs.map((ref) => {
    const seen: number[] = [];
    ref
      .counts()
      .subscribe({ next: (count) => void seen.push(count), error: (error) => void seen.push(error as never) });
    return seen;
  });
  await settle();
  let moves = 0;
  for (const one of steps) {
    switch (one.do) {
      case 'send':
        for (let n = 0; n < one.many; n += 1) refs[one.by]!.note({ by: one.by, n: sent[one.by]!++ });
        break;
      case 'ask':
        answers.push(refs[one.by]!.count({ by: one.by, n: sent[one.by]!++ }, forever));
        break;
      case 'offer':
        answers.push(refs[one.by]!.note.offer({ by: one.by + 4, n: sent[one.by + 4]!++ }, forever));
        break;
      case 'deliver': {
        const pairs = several.underWay;
        if (pairs.length > 0) several.deliver(pairs[one.which % pairs.length]!);
        break;
      }
      case 'hold':
        if (one.from !== one.to) several.hold(places[one.from]!, places[one.to]!);
        break;
      case 'letGo':
        several.letGo();
        break;
      case 'move':
        places[one.by]!.move(refs[one.by]!, places[one.to]!, 1_000_000).then(
          () => {
            moves += 1;
          },
          (error: { reason: string }) => answers.push(Promise.resolve(expect(error.reason).toBe('busy'))),
        );
        break;
    }
    await think();
  }
  several.letGo();
  await settle();
  await settle();
  const all = refs[3]!.all(forever);
  await settle();
  const notes = await all;
  await Promise.all(answers);
  for (const by of sent.keys()) {
    const got = notes.filter(([who]) => who === by).map(([, n]) => n);
    expect(by < 4 ? got : got.sort((a, b) => a - b)).toEqual(Array.from({ length: sent[by]! }, (_, n) => n));
  }
  await settle();
  for (const seen of counts) expect(seen).toEqual(Array.from({ length: notes.length + 1 }, (_, n) => n));
  expect(places.filter((one) => one.runs(spawned))).toHaveLength(1);
  for (const one of places) {
    expect(one.dead()).toEqual({});
    expect(one.broken).toEqual([]);
  }
  check(places);
  return moves;
}

/** What was accepted at a place was handled there, or went on with its actor. */
function check(places: readonly Place[]): void {
  for (const { host } of places) {
    const { accepted, handled, moved } = host.counters;
    expect(accepted).toBe(handled + moved);
  }
}

/** As many random programs as that, times the factor of the proofs. */
export async function runPrograms(sample: number): Promise<void> {
  let moves = 0;
  const programs = fc.array(step, { minLength: 40, maxLength: 300, size: 'max' });
  await fc.assert(
    fc.asyncProperty(fc.nat(2), programs, async (home, steps) => {
      moves += await run(home, steps);
    }),
    { numRuns: proofRuns(sample) },
  );
  // What does not move proves nothing.
  expect(moves).toBeGreaterThan(proofRuns(sample));
}
