/** Timers against a small reference, in random programs that set, replace and cancel them, restart, and let time pass. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { protocol, tell } from '../../src/actors/protocol.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { testHost } from '../support/test-host.ts';

type Step =
  | {
      readonly do: 'after' | 'every';
      readonly ms: number;
      readonly name: string | undefined;
    }
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('after' as const, 'every' as const),
      ms: fc.constantFrom(1, 2, 3, 5, 10, 20),
      name: fc.constantFrom(undefined, 'a', 'a', 'b'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat({ max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

interface ReferenceTimer {
  readonly id: number;
  readonly name: string | undefined;
  readonly periodMs: number | undefined;
  dueMs: number;
  /** Which was set first, of two that are due at once. */
  order: number;
}

/** What timers are, as simply as it can be said. */
class Reference {
  readonly delivered: string[] = [];
  late = 0;
  nowMs = 0;
  #timers: ReferenceTimer[] = [];
  #orders = 0;

  get pending(): number {
    return this.#timers.length;
  }

  set(id: number, ms: number, repeats: boolean, name: string | undefined): void {
    if (name !== undefined) this.#timers = this.#timers.filter((timer) => timer.name !== name);
    this.#orders += 1;
    const periodMs = repeats ? ms : undefined;
    this.#timers.push({ id, name, periodMs, dueMs: this.nowMs + ms, order: this.#orders });
  }

  cancel(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  endGeneration(): void {
    this.late += this.#timers.length;
    this.#timers = [];
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.#timers
        .filter(({ dueMs }) => dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      if (next === undefined) break;
      this.nowMs = next.dueMs;
      this.delivered.push(`${next.id} at ${this.nowMs}`);
      if (next.periodMs === undefined) this.cancel(next.id);
      else {
        next.dueMs += next.periodMs;
        this.#orders += 1;
        next.order = this.#orders;
      }
    }
    this.nowMs = endMs;
  }
}

const Timed = protocol('timed', { set: tell(z.int()), fail: tell() });

test('timers deliver what the reference delivers, when it does, in 300 random programs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.boolean(), async (program, kills) => {
      const host = testHost();
      const reference = new Reference();
      const delivered: string[] = [];
      const cancels = new Map<number, () => void>();
      const ref = await host.spawn(
        actor(
          Timed,
          {
            args: z.object({}),
            state: () => ({}),
            internal: { tick: tell(z.int()) },
            supervise: { restartsMax: 1_000 },
          },
          {
            set: (_state, id, context) => {
              const one = program[id] as Extract<Step, { do: 'after' | 'every' }>;
              const options = one.name === undefined ? {} : { name: one.name };
              cancels.set(id, context[one.do](one.ms, context.self.tick, id, options));
            },
            fail: () => {
              throw new Error('broken');
            },
            tick: (_state, id) => void delivered.push(`${id} at ${host.clock.monotonicMs()}`),
          },
        ),
      );
      for (const [id, one] of program.entries()) {
        switch (one.do) {
          case 'after':
          case 'every':
            ref.set(id);
            reference.set(id, one.ms, one.do === 'every', one.name);
            break;
          case 'cancel': {
            // Also of timers that have fired, were replaced, or belong to an earlier generation: then it does nothing.
            const ids = [...cancels.keys()];
            const chosen = ids[one.which % Math.max(1, ids.length)];
            if (chosen === undefined) break;
            cancels.get(chosen)!();
            reference.cancel(chosen);
            break;
          }
          case 'restart':
            ref.fail();
            reference.endGeneration();
            break;
          case 'advance':
            await host.advance(one.ms);
            reference.advance(one.ms);
            break;
          default:
            one satisfies never;
        }
        await host.settle();
        expect(delivered).toEqual(reference.delivered);
        expect(host.clock.pending).toBe(reference.pending);
      }
      reference.endGeneration();
      await (kills ? kill(ref) : stop(ref));
      await host.advance(100);
      expect(delivered).toEqual(reference.delivered);
      expect(host.clock.pending).toBe(0);
      expect(host.host.counters.late).toBe(reference.late);
    }),
    { numRuns: 300 },
  );
});
