/** Order and conservation through a stand-in, over random programs of sends, failures and deaths of threads. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { refOf } from '../../../src/actors/schema/ref-schema.ts';
import { stop } from '../../../src/actors/verbs.ts';
import { pass } from '../../../src/testing/event-loop.ts';
import { ended } from '../../support/deferred.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { Places } from './places.ts';

const Worker = protocol('worker', {
  note: tell(z.object({ id: z.int(), ms: z.int() })),
  answer: ask({ input: z.object({ id: z.int(), ms: z.int() }), output: z.int() }),
  fails: tell(z.object({ id: z.int() })),
});
const Boss = protocol('boss', { child: ask({ output: refOf(Worker) }) });

const Sender = protocol('sender', {
  send: tell(z.object({ to: refOf(Worker), from: z.int(), until: z.int() })),
});

/** Whose message it is: numbers of the same thousand are one sender's, in order. */
const senderOf = (id: number): number => Math.floor(id / 1_000);
const handled: number[] = [];
const worker = actor(
  Worker,
  {
    args: z.object({}),
    state: () => ({}),
    mailbox: { highWater: 3, capacity: 1_000 },
    supervise: { restartsMax: 1_000, backoff: { minMs: 5, maxMs: 5 } },
  },
  {
    note: async (_state, { id, ms }, ctx) => {
      handled.push(id);
      if (ms > 0) await ctx.delay(ms);
    },
    answer: async (_state, { id, ms }, ctx) => {
      handled.push(id);
      if (ms > 0) await ctx.delay(ms);
      return id;
    },
    fails: (_state, { id }) => {
      handled.push(id);
      throw new Error('as planned');
    },
  },
);
const boss = actor(
  Boss,
  { args: z.object({}), state: () => ({ child: undefined as Ref<typeof Worker> | undefined }) },
  {
    child: (state, _message, ctx) => {
      state.child ??= ctx.spawn(worker, { on: { kind: 'thread' } });
      return state.child;
    },
  },
);

let burstsSent = 0;
/** Sends one in each turn, over several passes of the event loop: in the middle of whatever becomes of the child. */
const sender = actor(
  Sender,
  { args: z.object({}), state: () => ({}) },
  {
    send: async (_state, { to, from, until }, ctx) => {
      if (from % 5 === 0) await pass();
      to.note({ id: from, ms: 0 });
      if (from < until) ctx.self.send({ to, from: from + 1, until });
      else burstsSent += 1;
    },
  },
);

type Step =
  | { readonly do: 'burst'; readonly at: 'main' | 'other'; readonly count: number }
  | { readonly do: 'note' | 'answer' | 'offer' | 'fails'; readonly ms: number }
  | { readonly do: 'lose' }
  | { readonly do: 'pass'; readonly ms: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('note', 'answer', 'offer'), ms: fc.constantFrom(0, 0, 3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fails'), ms: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('burst'),
      at: fc.constantFrom('main', 'other'),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(0, 1, 7, 20) }) },
) as fc.Arbitrary<Step>;

describe('what is sent through a stand-in', () => {
  it('is handled at most once and in order, and is else a dead letter or lost with a place; every ask settles', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.boolean(),
        async (steps, seed, drains) => {
          handled.length = 0;
          burstsSent = 0;
          const threads = Array.from({ length: 12 }, (_, n) => `t${n}`);
          const places = new Places([worker, boss, sender], [...threads, 'other'], { seed, shuffled: seed % 2 === 1 });
          places.threads = threads;
          const senders = { main: await places.spawn('main', sender), other: await places.spawn('other', sender) };
          const parent = await places.spawn('main', boss);
          const found = ended(parent.child());
          await places.settle();
          const child = ((await found) as { value: Ref<typeof Worker> }).value;

          const stranger = places.refAt('other', child);
          let bursts = 0;
          let id = 0;
          const sent = new Set<number>();
          const calls: Promise<unknown>[] = [];
          /** An offer is accepted when it resolves, so nothing is sent behind one that waits. */
          let offered: Promise<unknown> = Promise.resolve();
          for (const one of steps) {
            if (one.do === 'pass') await places.advance(one.ms);
            else if (one.do === 'burst') {
              bursts += 1;
              const from = bursts * 1_000;
              for (let n = 0; n <= one.count; n += 1) sent.add(from + n);
              const to = one.at === 'main' ? child : stranger;
              senders[one.at].send({ to, from, until: from + one.count });
            } else if (one.do === 'lose') {
              const last = places.chosen.at(-1)?.split('/')[1];
              if (last !== undefined && places.threads.length > 1 && places.threads.includes(last)) places.lose(last);
            } else {
              let isAccepted = false;
              void offered.then(() => {
                isAccepted = true;
              });
              for (let waits = 0; !isAccepted && waits < 300; waits += 1) await places.advance(5);
              expect(isAccepted).toBe(true);
              id += 1;
              sent.add(id);
              const message = { id, ms: one.ms };
              if (one.do === 'note') child.note(message);
              else if (one.do === 'fails') child.fails(message);
              else if (one.do === 'answer') calls.push(ended(child.answer(message, { timeoutMs: 2_000 })));
              else {
                offered = ended(child.note.offer(message, { timeoutMs: 1_000 }));
                calls.push(offered);
              }
            }
          }
          while (burstsSent < bursts) await places.advance(1);
          if (drains) {
            const over = stop(parent, { drain: true });
            await places.advance(3_000);
            await over;
          } else await places.advance(3_000);
          const outcomes = await Promise.all(calls);
          expect(outcomes).toHaveLength(calls.length);

          // In the order of each sender, each once.
          for (let one = 0; one <= bursts; one += 1) {
            const own = handled.filter((number) => senderOf(number) === one);
            expect([...own].sort((a, b) => a - b)).toEqual(own);
          }
          expect(new Set(handled).size).toBe(handled.length);
          // What was neither handled nor is a dead letter, was at a place that was lost, or its caller was told so.
          const gone = new Set(sent);
          for (const one of handled) gone.delete(one);
          for (const thread of ['main', 'other', ...threads]) {
            for (const { message } of places.at(thread).deadLetters) gone.delete((message as { id: number }).id);
          }
          const told = outcomes.filter((one) => 'error' in (one as object)).length;
          expect(gone.size).toBeLessThanOrEqual(places.main.host.deadLetters.lostWithPlace + told);
          if (places.threads.length === threads.length && !drains) expect([...gone]).toEqual([]);
          for (const difference of Object.values(places.imbalance())) expect(difference).toBe(0);
          await places.close();
        },
      ),
      { numRuns: proofRuns(200), endOnFailure: true },
    );
  }, 120_000);
});
