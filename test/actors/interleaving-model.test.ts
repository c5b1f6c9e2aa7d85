/**
 * Random mixes of exclusive, readonly, concurrent and stream operations that wait for random times, fail, expire, are
 * cancelled, and whose actor is stopped, killed and restarted: what holds in every one of them.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ask, protocol, stream, tell } from '../../src/index.ts';
import { ended } from '../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';

const input = z.object({ n: z.int(), ms: z.int().nullable(), fails: z.boolean() });
const output = z.int();
const Mix = protocol('mix', {
  note: tell(input),
  write: ask({ input, output }),
  look: ask({ input, output, readonly: true }),
  solo: ask({ input, output, concurrent: 1 }),
  trio: ask({ input, output, concurrent: 3 }),
  feed: stream({ input, output }),
});
const runsMax = { look: 1_024, solo: 1, trio: 3 };

type AskName = 'write' | 'look' | 'solo' | 'trio';
interface Work {
  /** How long its handler waits; undefined for one that is synchronous. */
  readonly ms: number | undefined;
  readonly fails: boolean;
}
type Step =
  | ({ readonly do: 'ask'; readonly op: AskName; readonly timeoutMs: number; readonly cancelled: boolean } & Work)
  | ({ readonly do: 'note' } & Work)
  | ({ readonly do: 'offer' } & Work)
  | ({ readonly do: 'feed' } & Work)
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'settle' };

const work = {
  ms: fc.constantFrom(undefined, 0, 3, 8, 20),
  fails: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      op: fc.constantFrom<AskName>('write', 'look', 'solo', 'trio'),
      timeoutMs: fc.constantFrom(5, 15, 50, 5_000, 5_000),
      cancelled: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      ...work,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('note' as const, 'offer' as const, 'feed' as const), ...work }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 4, 10, 30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
);
const supervise = fc.constantFrom<Supervise>(
  { directive: () => 'resume' },
  { directive: () => 'resume', poison: { retry: 2 } },
  { directive: () => 'restart', restartsMax: 100 },
  { directive: () => 'restart', restartsMax: 100, backoff: { minMs: 5, maxMs: 10 }, poison: { retry: 1 } },
  { directive: () => 'stop' },
);
const mailbox = fc.record({
  highWater: fc.constantFrom(1, 3),
  capacity: fc.constantFrom(4, 1_000),
  overflow: fc.constantFrom('reject' as const, 'drop-oldest' as const, 'drop-newest' as const),
});

interface Open {
  exclusive: number;
  readonly interleaved: Record<'look' | 'solo' | 'trio', number>;
}

const sample = 500;
test(
  `at most one exclusive run, at most n of an operation, starts in order, nothing lost, every ask settles in time: ${sample} random mixes`,
  async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 50 }),
        supervise,
        mailbox,
        fc.constantFrom('no', 'stop', 'kill'),
        fc.nat(),
        async (program, care, bounds, end, seed) => {
          const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 3 } });
          const violations: string[] = [];
          const starts: number[] = [];
          let calls = 0;
          let failures = 0;
          const begin = (n: number, open: Open, op: AskName | 'note'): void => {
            calls += 1;
            // One that is handed out again has started before.
            if (!starts.includes(n)) starts.push(n);
            if (op === 'write' || op === 'note') open.exclusive += 1;
            else open.interleaved[op] += 1;
            if (open.exclusive > 1) violations.push(`${open.exclusive} exclusive runs at ${n}`);
            if (op === 'write' || op === 'note') return;
            most = Math.max(most, open.interleaved[op]);
            if (open.interleaved[op] > runsMax[op]) violations.push(`${open.interleaved[op]} runs of ${op} at ${n}`);
          };
          const leave = (open: Open, op: AskName | 'note'): void => {
            if (op === 'write' || op === 'note') open.exclusive -= 1;
            else open.interleaved[op] -= 1;
          };
          const handler =
            (op: AskName | 'note') =>
            (
              open: Open,
              { n, ms, fails }: z.output<typeof input>,
              context: { delay(ms: number): Promise<void> },
            ): number | Promise<number> => {
              begin(n, open, op);
              const finish = (): number => {
                leave(open, op);
                if (!fails) return n;
                failures += 1;
                throw new Error('it fails');
              };
              if (ms === null) return finish();
              return context.delay(ms).then(finish);
            };
          const note = handler('note');
          const ref = await host.spawn(
            actor(
              Mix,
              {
                args: z.object({}),
                // Each generation counts its own: what was abandoned with the one before runs on in vain.
                state: (): Open => ({ exclusive: 0, interleaved: { look: 0, solo: 0, trio: 0 } }),
                supervise: care,
                mailbox: bounds,
              },
              {
                note: (state, message, context) => {
                  const result = note(state, message, context);
                  return typeof result === 'number' ? undefined : result.then(() => undefined);
                },
                write: handler('write'),
                look: handler('look') as never,
                solo: handler('solo'),
                trio: handler('trio'),
                feed: (_state, { n, ms }, context) => {
                  calls += 1;
                  starts.push(n);
                  return (async function* () {
                    for (let item = 0; item < 3; item += 1) {
                      if (ms !== null) await context.delay(ms).catch(() => undefined);
                      yield item;
                    }
                  })();
                },
              },
            ),
          );
          const open: string[] = [];
          const track = (n: number, call: Promise<unknown>, timeoutMs: number): void => {
            const dueMs = host.clock.monotonicMs() + timeoutMs + 20;
            open.push(`${n}`);
            void ended(call).then(() => {
              open.splice(open.indexOf(`${n}`), 1);
              if (host.clock.monotonicMs() > dueMs) violations.push(`ask ${n} settled late`);
            });
          };
          const check = (): void => {
            const { accepted, refused, handled } = host.host.counters;
            const dead = Object.values(host.deadLetterCounts()).reduce((sum, count) => sum + count, 0);
            if (accepted + refused !== handled + dead + host.queued(ref)) {
              violations.push(`${accepted} + ${refused} ≠ ${handled} + ${dead} + ${host.queued(ref)}`);
            }
            if (handled !== calls - failures)
              violations.push(`${handled} handled, ${calls} called, ${failures} failed`);
            // What is handed out again comes back to where it was, though others have filled its place since.
            if (care.poison === undefined && host.queued(ref) > bounds.capacity) violations.push('beyond its capacity');
          };
          for (const [n, one] of program.entries()) {
            if (one.do === 'advance') await host.advance(one.ms);
            else if (one.do === 'settle') await host.settle();
            else {
              const message = { n, ms: one.ms ?? null, fails: one.fails };
              if (one.do === 'note') ref.note(message);
              else if (one.do === 'offer') track(n, ref.note.offer(message, { timeoutMs: 40 }), 40);
              else if (one.do === 'feed') {
                void (async () => {
                  for await (const _item of ref.feed({ ...message, fails: false }));
                })().catch(() => undefined);
              } else if (one.do === 'ask') {
                const controller = new AbortController();
                const { timeoutMs } = one;
                track(n, ref[one.op](message, { timeoutMs, signal: controller.signal }), timeoutMs);
                if (one.cancelled) controller.abort();
              }
            }
            if (one.do === 'advance' || one.do === 'settle') check();
          }
          if (end === 'stop') void stop(ref, { deadlineMs: 100 }).catch(() => undefined);
          if (end === 'kill') void kill(ref);
          await host.advance(6_000);
          check();
          expect(violations).toEqual([]);
          expect(open).toEqual([]);
          expect(host.host.deadlines.open).toBe(0);
          expect(host.queued(ref)).toBe(0);
          // Offers are accepted when they are let in, so these alone may start later than they were made.
          const inOrder = starts.filter((n) => program[n]!.do !== 'offer');
          expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
        },
      ),
      { numRuns: proofRuns(sample) },
    );
    expect(most).toBeGreaterThan(2);
  },
  proofTimeoutMs(sample),
);
