/** Nothing is silently lost: over random programs every message is handled, dead-lettered or queued, and counted once. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { deferred, ended } from '../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';

const Cell = protocol('cell', {
  put: tell(z.int()),
  get: ask({ input: z.int(), output: z.int() }),
  quit: tell(),
  fail: tell(),
});

type Step =
  | { readonly do: 'tell' | 'ask' | 'cancelled ask' | 'offer'; readonly to: number }
  | { readonly do: 'quit' | 'fail' | 'stop' | 'drain' | 'kill'; readonly to: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'settle' | 'replay' | 'discard' };

const actors = 3;
const to = fc.nat({ max: actors - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('tell', 'ask', 'cancelled ask', 'offer'), to }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('quit', 'fail', 'stop', 'drain', 'kill'), to }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat({ max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('replay', 'discard') }) },
);
const mailbox = fc.record({
  highWater: fc.constantFrom(1, 2),
  capacity: fc.constantFrom(2, 5, 1_000),
  overflow: fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
});
/** True where a message may be handed out again. */
const retries = ({ poison }: Supervise): boolean => typeof poison === 'object';

const supervise = fc.constantFrom<Supervise>(
  {},
  { directive: () => 'resume' },
  { directive: () => 'stop' },
  { poison: { retry: 1 } },
  { poison: 'quarantine' },
  { directive: () => 'resume', poison: { retry: 1, afterwards: 'quarantine' } },
  { backoff: { minMs: 5, maxMs: 40 }, poison: { retry: 1 } },
);

test(
  'accepted = handled + dead letters after acceptance + queued, and every call settles, in 300 random programs',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        mailbox,
        supervise,
        fc.nat(),
        async (program, bounds, care, seed) => {
          const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 3 } });
          const handled: string[] = [];
          const definition = actor(
            Cell,
            { args: z.object({}), state: () => ({ runs: 0 }), mailbox: bounds, supervise: care },
            {
              put: (_state, n, context) => {
                handled.push(`put ${n}`);
                return n % 3 === 0 ? context.delay(n % 20) : undefined;
              },
              get: async (_state, n, context) => {
                handled.push(`get ${n}`);
                if (n % 2 === 0) await context.delay(n % 30);
                return n;
              },
              quit: (_state, _message, context) => {
                handled.push('quit');
                context.stop();
              },
              fail: () => {
                handled.push('fail');
                throw new Error('broken');
              },
            },
          );
          const refs: Ref<typeof Cell>[] = [];
          for (let index = 0; index < actors; index += 1) refs.push(await host.spawn(definition));
          let calls = 0;
          let settled = 0;
          let replayed = 0;
          const track = (call: Promise<unknown>): void => {
            calls += 1;
            void ended(call).then(() => {
              settled += 1;
            });
          };
          const check = (): void => {
            const { accepted, refused, handled: counted, quarantined } = host.host.counters;
            const dead = Object.values(host.deadLetterCounts()).reduce((sum, count) => sum + count, 0);
            const queued = refs.reduce((sum, ref) => sum + host.queued(ref), 0);
            // What fails becomes a dead letter, and may have been tried twice.
            expect(counted).toBe(handled.filter((what) => what !== 'fail').length);
            expect(quarantined).toBe(host.host.quarantine.size);
            expect(accepted + refused).toBe(counted + dead + queued + quarantined);
            // What goes back to its place stands above the capacity: one that is handed out again, and what is replayed.
            const back = (retries(care) ? 1 : 0) + replayed;
            for (const ref of refs) expect(host.queued(ref)).toBeLessThanOrEqual(bounds.capacity + back);
          };
          for (const [index, one] of program.entries()) {
            const ref = 'to' in one ? refs[one.to]! : refs[0]!;
            switch (one.do) {
              case 'tell':
                ref.put(index);
                break;
              case 'ask':
                track(ref.get(index, { timeoutMs: index % 50 }));
                break;
              case 'cancelled ask': {
                const controller = new AbortController();
                track(ref.get(index, { signal: controller.signal }));
                controller.abort();
                break;
              }
              case 'offer':
                track(ref.put.offer(index, { timeoutMs: 20 }));
                break;
              case 'quit':
                ref.quit();
                break;
              case 'fail':
                ref.fail();
                break;
              case 'stop':
                track(stop(ref, { deadlineMs: 30 }));
                break;
              case 'drain':
                track(stop(ref, { drain: true, deadlineMs: 60 }));
                break;
              case 'replay':
                for (const one of host.host.quarantine.list()) {
                  replayed += 1;
                  track(one.replay());
                }
                break;
              case 'discard':
                host.host.quarantine.list()[0]?.discard();
                break;
              case 'kill':
                track(kill(ref));
                break;
              case 'advance':
                await host.advance(one.ms);
                break;
              case 'settle':
                await host.settle();
                break;
              default:
                one satisfies never;
            }
            // In the middle of a turn the counters lag behind; between turns they are exact.
            if (one.do === 'settle' || one.do === 'advance') check();
          }
          await host.advance(6_000);
          check();
          expect(settled).toBe(calls);
          expect(new Set(handled.filter((what) => what.includes(' '))).size).toBe(
            handled.filter((what) => what.includes(' ')).length,
          );
          expect(host.host.deadlines.open).toBe(0);
        },
      ),
      { numRuns: proofRuns(300) },
    );
  },
  proofTimeoutMs(300),
);

test(
  'a message is handled in the order of its sender, whatever the order of turns, in 100 random orders',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 2 } });
        const seen = new Map<number, number[]>();
        const Sink = protocol('sink', { put: tell(z.object({ from: z.int(), n: z.int() })) });
        const gate = deferred();
        const ref = await host.spawn(
          actor(
            Sink,
            { args: z.object({}), state: () => ({}) },
            {
              put: (_state, { from, n }) => {
                seen.set(from, [...(seen.get(from) ?? []), n]);
                return n % 5 === 0 ? gate.promise : undefined;
              },
            },
          ),
        );
        gate.resolve();
        for (let n = 0; n < 20; n += 1) for (let from = 0; from < 3; from += 1) ref.put({ from, n });
        await host.settle();
        for (const order of seen.values()) expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
        expect(seen.size).toBe(3);
      }),
      { numRuns: proofRuns(100) },
    );
  },
  proofTimeoutMs(100),
);
