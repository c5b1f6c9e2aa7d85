/** Restart budgets against a small reference supervisor, in random programs of failures and of time passing. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { protocol, tell } from '../../src/actors/protocol.ts';
import { backoffMs } from '../../src/actors/restart-budget.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';

const Fuse = protocol('fuse', { blow: tell(), reset: tell() });

type Step =
  | { readonly do: 'fail'; readonly which: number; readonly startsFailing: number }
  | { readonly do: 'advance'; readonly ms: number };

const actors = 3;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('fail' as const),
    which: fc.nat({ max: actors - 1 }),
    startsFailing: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
  }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 10, 49, 50, 99, 100) }),
);

/** What OTP's supervisor does, as simply as it can be said. */
class ReferenceSupervisor {
  readonly restartsMs: number[] = [];
  alive = true;
  readonly #restartsMax: number;
  readonly #withinMs: number;

  constructor(restartsMax: number, withinMs: number) {
    this.#restartsMax = restartsMax;
    this.#withinMs = withinMs;
  }

  /** @param startsFailing how many of the restarts that follow fail themselves */
  failed(nowMs: number, startsFailing: number): void {
    for (let failures = 1 + startsFailing; failures > 0 && this.alive; failures -= 1) {
      const recent = this.restartsMs.filter((madeMs) => nowMs - madeMs < this.#withinMs);
      if (recent.length < this.#restartsMax) this.restartsMs.push(nowMs);
      else this.alive = false;
    }
  }
}

test(
  '3 actors restart exactly when a reference supervisor says so, in 300 random programs',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 50 }),
        fc.record({ restartsMax: fc.nat({ max: 4 }), withinMs: fc.constantFrom(1, 50, 100) }),
        async (program, supervise) => {
          const { spawn, clock, advance, settle, host } = testHost();
          const restartsMs: number[][] = [];
          const failing: number[] = [];
          const fuse = (which: number) =>
            actor(
              Fuse,
              {
                args: z.object({}),
                state: () => {
                  restartsMs[which]?.push(clock.monotonicMs());
                  if ((failing[which] ?? 0) > 0) {
                    failing[which]! -= 1;
                    throw new Error('no start');
                  }
                  return {};
                },
                supervise,
              },
              {
                blow: () => {
                  throw new Error('blown');
                },
                reset: () => undefined,
              },
            );
          const refs = [];
          const models: ReferenceSupervisor[] = [];
          for (let which = 0; which < actors; which += 1) {
            refs.push(await spawn(fuse(which)));
            restartsMs[which] = [];
            models.push(new ReferenceSupervisor(supervise.restartsMax, supervise.withinMs));
          }
          for (const one of program) {
            if (one.do === 'advance') await advance(one.ms);
            else {
              const model = models[one.which]!;
              const fails = model.alive ? one.startsFailing : 0;
              failing[one.which] = fails;
              model.failed(clock.monotonicMs(), fails);
              refs[one.which]!.blow();
              await settle();
              failing[one.which] = 0;
            }
            expect(restartsMs).toEqual(models.map((model) => model.restartsMs));
            expect(host.rootCount).toBe(models.filter((model) => model.alive).length);
          }
          for (const [which, ref] of refs.entries()) expect(ref.reset()).toBe(models[which]!.alive);
        },
      ),
      { numRuns: proofRuns(300) },
    );
  },
  proofTimeoutMs(300),
);

test(
  'restarts in any window stay within the limit where a backoff delays them, in 200 random programs',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 5, 20, 60), { minLength: 5, maxLength: 40 }),
        fc.record({ restartsMax: fc.integer({ min: 1, max: 3 }), withinMs: fc.constantFrom(50, 100) }),
        fc.nat(),
        async (waits, budget, seed) => {
          const { spawn, clock, advance } = testHost({ seed });
          const startedMs: number[] = [];
          const ref = await spawn(
            actor(
              Fuse,
              {
                args: z.object({}),
                state: () => ({}),
                supervise: { ...budget, backoff: { minMs: 10, maxMs: 80 } },
                signals: {
                  started: (_state, { generation }) => {
                    if (generation > 0) startedMs.push(clock.monotonicMs());
                  },
                },
              },
              {
                blow: () => {
                  throw new Error('blown');
                },
                reset: () => undefined,
              },
            ),
          );
          for (const ms of waits) {
            ref.blow();
            await advance(ms);
          }
          await advance(1_000);
          for (const endMs of startedMs) {
            const inWindow = startedMs.filter((madeMs) => madeMs <= endMs && endMs - madeMs < budget.withinMs);
            expect(inWindow.length).toBeLessThanOrEqual(budget.restartsMax);
          }
          expect(startedMs.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: proofRuns(200) },
    );
  },
  proofTimeoutMs(200),
);

test('a backoff stays between its bounds and never shrinks below half of its ceiling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.nat({ max: 2_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (minMs, more, earlier, chance) => {
        const waitMs = backoffMs({ minMs, maxMs: minMs + more }, earlier, chance);
        const ceilingMs = Math.min(minMs + more, minMs * 2 ** (earlier + 1));
        expect(waitMs).toBeGreaterThanOrEqual(Math.max(minMs, ceilingMs / 2));
        expect(waitMs).toBeLessThanOrEqual(ceilingMs);
      },
    ),
  );
});
