/**
 * Asks settle: once, by their deadline and at most 20 ms late in virtual time, as a value, a declared error, or one of the
 * closed union; and every one of these is reached.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ask, protocol, type Ref, refTo } from '../../src/index.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';

interface TargetRef extends Ref<typeof Target> {}
const Target = protocol('target', {
  run: ask({
    input: z.object({
      how: z.enum(['value', 'declared', 'throws', 'misfit', 'itself']),
      ms: z.int().nullable(),
      me: refTo<TargetRef>('target'),
    }),
    output: z.int(),
    errors: { declared: z.object({ n: z.int() }) },
  }),
});

interface Ask {
  readonly do: 'ask';
  readonly how: 'value' | 'declared' | 'throws' | 'misfit' | 'itself' | 'invalid';
  readonly ms: number | null;
  readonly timeoutMs: number;
  readonly cancelAfterMs: number | undefined;
}
type Step = Ask | { readonly do: 'advance'; readonly ms: number } | { readonly do: 'stop' | 'kill' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      how: fc.constantFrom(
        'value' as const,
        'value' as const,
        'declared' as const,
        'throws' as const,
        'misfit' as const,
        'itself' as const,
        'invalid' as const,
      ),
      ms: fc.constantFrom(null, 0, 5, 40),
      timeoutMs: fc.constantFrom(0, 7, 30, 1_000, 5_000),
      cancelAfterMs: fc.constantFrom(undefined, undefined, undefined, -1, 0, 12),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 3, 9, 25) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'kill' as const) }) },
);
const supervise = fc.constantFrom<Supervise>(
  { directive: () => 'resume' },
  { directive: () => 'restart', restartsMax: 1_000 },
  { directive: () => 'resume', poison: { retry: 1 } },
  { directive: () => 'stop' },
);

/** What may come of an ask that nothing else disturbs; `always` may come of any. */
const ends: Readonly<Record<Ask['how'], readonly string[]>> = {
  value: ['value'],
  declared: ['declared'],
  throws: ['ActorFailed'],
  misfit: ['ActorFailed'],
  itself: ['declared'],
  invalid: ['InvalidMessage'],
};

const sample = 300;
test(
  `every ask settles once and in time with what its story allows, and every outcome is reached, in ${sample} random programs`,
  async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        supervise,
        fc.constantFrom(3, 1_000),
        fc.nat(),
        async (program, care, capacity, seed) => {
          const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 3 } });
          const violations: string[] = [];
          const ref = await host.spawn(
            actor(
              Target,
              { args: z.object({}), state: () => ({}), supervise: care, mailbox: { capacity } },
              {
                run: async (_state, { how, ms, me }, context) => {
                  if (ms !== null) await context.delay(ms);
                  if (how === 'throws') throw new Error('it fails');
                  if (how === 'declared') context.fail('declared', { n: 1 });
                  if (how === 'misfit') return 'no number' as never;
                  if (how === 'value') return 1;
                  const outcome = await me.run.outcome({ how: 'value', ms: null, me });
                  if (outcome.ok) throw new Error('it was let in to itself');
                  const { error } = outcome;
                  if (error.code === 'Rejected') reached.add(`Rejected ${error.reason}`);
                  if (error.code !== 'Rejected' && error.code !== 'NotDelivered')
                    violations.push(`itself: ${error.code}`);
                  return context.fail('declared', { n: 2 });
                },
              },
            ),
          );
          let open = 0;
          const send = (one: Ask): void => {
            const controller = new AbortController();
            const { how, ms, timeoutMs, cancelAfterMs } = one;
            if (cancelAfterMs === -1) controller.abort();
            if (cancelAfterMs !== undefined && cancelAfterMs >= 0) {
              host.clock.timer(cancelAfterMs, () => controller.abort());
            }
            const sentMs = host.clock.monotonicMs();
            const message = { how, ms, me: how === 'invalid' ? ('none' as never) : ref } as never;
            const allowed = new Set([...ends[how], 'ActorFailed', 'NotDelivered', 'OutcomeUnknown', 'Rejected full']);
            if (cancelAfterMs !== undefined) allowed.add('Cancelled true').add('Cancelled false');
            open += 1;
            let settled = 0;
            const settle = (end: string): void => {
              settled += 1;
              open -= 1;
              reached.add(end);
              const tookMs = host.clock.monotonicMs() - sentMs;
              const how = `${JSON.stringify(one)} ended as ${end} after ${tookMs} ms`;
              if (settled > 1) violations.push(`${how}, again`);
              if (!allowed.has(end)) violations.push(how);
              if (tookMs > timeoutMs + 20) violations.push(`${how}: late`);
              if (end === 'OutcomeUnknown' && tookMs < timeoutMs) violations.push(`${how}: early`);
              if (end.startsWith('Cancelled') && tookMs < Math.max(0, cancelAfterMs ?? 0)) violations.push(how);
            };
            ref.run(message, { timeoutMs, signal: controller.signal }).then(
              () => settle('value'),
              (error: { code: string; reason?: string; delivered?: boolean }) => {
                if (error.code === 'Rejected') settle(`Rejected ${error.reason}`);
                else if (error.code === 'Cancelled') settle(`Cancelled ${error.delivered}`);
                else settle(error.code);
              },
            );
          };
          for (const one of program) {
            if (one.do === 'ask') send(one);
            else if (one.do === 'advance') await host.advance(one.ms);
            else if (one.do === 'stop') void stop(ref);
            else void kill(ref);
          }
          await host.advance(6_000);
          expect(violations).toEqual([]);
          expect(open).toBe(0);
          expect(host.host.deadlines.open).toBe(0);
        },
      ),
      { numRuns: proofRuns(sample) },
    );
    expect([...reached].sort()).toEqual([
      'ActorFailed',
      'Cancelled false',
      'Cancelled true',
      'InvalidMessage',
      'NotDelivered',
      'OutcomeUnknown',
      'Rejected cycle',
      'Rejected full',
      'declared',
      'value',
    ]);
  },
  proofTimeoutMs(sample),
);
