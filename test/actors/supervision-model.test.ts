/** A parent with children against a small reference supervisor: strategies, directives, budgets and escalation. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import type { Directive, Strategy, Supervise } from '../../src/actors/supervise.ts';
import { ended } from '../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';

const directive = z.enum(['restart', 'resume', 'stop', 'escalate']);
const Child = protocol('child', { add: tell(), fail: tell(directive), total: ask({ output: z.int() }) });
const Parent = protocol('parent', { hire: ask({ input: z.int(), output: z.void() }), fail: tell(directive) });

type Step =
  | { readonly do: 'fail'; readonly which: number; readonly as: Directive }
  | { readonly do: 'add'; readonly which: number }
  | { readonly do: 'fail the parent'; readonly as: Directive }
  | { readonly do: 'hire' }
  | { readonly do: 'advance'; readonly ms: number };

const childrenMax = 5;
const which = fc.nat({ max: childrenMax - 1 });
const as = fc.constantFrom<Directive>('restart', 'restart', 'restart', 'resume', 'stop', 'escalate');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('fail' as const), which, as }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail the parent' as const), as }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hire' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 49, 50, 100) }) },
);
const budget = fc.record({
  restartsMax: fc.nat({ max: 3 }),
  withinMs: fc.constantFrom(50, 100),
  exhausted: fc.constantFrom('stop' as const, 'escalate' as const),
});

type Budget = Required<Pick<Supervise, 'restartsMax' | 'withinMs' | 'exhausted'>>;

/** One supervised actor, as simply as it can be said. */
class Model {
  alive = true;
  starts = 1;
  total = 0;
  readonly #restartsMs: number[] = [];
  readonly #budget: Budget;

  constructor(limit: Budget) {
    this.#budget = limit;
  }

  restart(): void {
    this.starts += 1;
    this.total = 0;
  }

  /** What the directive comes to, within the budget; a restart is paid for. */
  decide(wanted: Directive, nowMs: number): Directive {
    if (wanted !== 'restart') return wanted;
    const recent = this.#restartsMs.filter((madeMs) => nowMs - madeMs < this.#budget.withinMs);
    if (recent.length >= this.#budget.restartsMax) return this.#budget.exhausted;
    this.#restartsMs.push(nowMs);
    return 'restart';
  }
}

class Family {
  readonly parent: Model;
  readonly children: Model[] = [];
  readonly #strategy: Strategy;
  readonly #childBudget: Budget;
  readonly #onEscalation: Directive;

  constructor(strategy: Strategy, own: Budget, childBudget: Budget, onEscalation: Directive) {
    this.parent = new Model(own);
    this.#strategy = strategy;
    this.#childBudget = childBudget;
    this.#onEscalation = onEscalation;
  }

  hire(): void {
    this.children.push(new Model(this.#childBudget));
  }

  failChild(failed: Model, wanted: Directive, nowMs: number): void {
    if (!failed.alive) return;
    const alive = this.children.filter((child) => child.alive);
    const first = this.#strategy === 'all-for-one' ? 0 : alive.indexOf(failed);
    const concerned = this.#strategy === 'one-for-one' ? [failed] : alive.slice(first);
    switch (failed.decide(wanted, nowMs)) {
      case 'restart':
        for (const child of concerned) child.restart();
        break;
      case 'stop':
        for (const child of concerned) child.alive = false;
        break;
      case 'escalate':
        failed.alive = false;
        this.failParent(this.#onEscalation, nowMs);
        break;
      default:
    }
  }

  failParent(wanted: Directive, nowMs: number): void {
    if (!this.parent.alive) return;
    const decided = this.parent.decide(wanted, nowMs);
    if (decided === 'resume') return;
    for (const child of this.children) child.alive = false;
    if (decided === 'restart') this.parent.restart();
    else this.parent.alive = false;
  }
}

const sample = 300;
test(
  `a parent and its children restart, stop and escalate exactly as a reference supervisor says, in ${sample} random families`,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom<Strategy>('one-for-one', 'all-for-one', 'rest-for-one'),
        budget,
        budget,
        as,
        async (program, strategy, own, childBudget, onEscalation) => {
          const { spawn, settle, advance, clock, host } = testHost();
          const starts = new Map<number | 'parent', number>();
          const started = (who: number | 'parent'): void => {
            starts.set(who, (starts.get(who) ?? 0) + 1);
          };
          const refs = new Map<number, Ref<typeof Child>>();
          const child = actor(
            Child,
            {
              args: z.object({ index: z.int() }),
              state: ({ index }) => {
                started(index);
                return { total: 0 };
              },
              supervise: { ...childBudget, directive: ({ error }) => (error as Error).message as Directive },
            },
            {
              add: (state) => {
                state.total += 1;
              },
              fail: (_state, wanted) => {
                throw new Error(wanted);
              },
              total: (state) => state.total,
            },
          );
          const parent = await spawn(
            actor(
              Parent,
              {
                args: z.object({}),
                state: () => {
                  started('parent');
                  return {};
                },
                strategy,
                supervise: {
                  ...own,
                  directive: ({ operation, error }) =>
                    operation === undefined ? onEscalation : ((error as Error).message as Directive),
                },
              },
              {
                hire: (_state, index, context) => {
                  refs.set(index, context.spawn(child, { args: { index } }));
                },
                fail: (_state, wanted) => {
                  throw new Error(wanted);
                },
              },
            ),
          );
          const family = new Family(strategy, own, childBudget, onEscalation);
          const hire = async (): Promise<void> => {
            if (family.children.length === childrenMax || !family.parent.alive) return;
            await parent.hire(family.children.length);
            family.hire();
          };
          await hire();
          await hire();
          await hire();
          for (const one of program) {
            const model = 'which' in one ? family.children[one.which] : undefined;
            if (one.do === 'hire') await hire();
            else if (one.do === 'advance') await advance(one.ms);
            else if (one.do === 'fail the parent') {
              parent.fail(one.as);
              family.failParent(one.as, clock.monotonicMs());
            } else if (model !== undefined) {
              const ref = refs.get(one.which)!;
              if (one.do === 'add') {
                ref.add();
                model.total += 1;
              } else {
                ref.fail(one.as);
                family.failChild(model, one.as, clock.monotonicMs());
              }
            }
            await settle();
            expect(host.rootCount).toBe(family.parent.alive ? 1 : 0);
            expect(starts.get('parent')).toBe(family.parent.starts);
            for (const [index, { alive, starts: expected, total }] of family.children.entries()) {
              expect([index, starts.get(index)]).toEqual([index, expected]);
              const end = await ended(refs.get(index)!.total());
              if (alive) expect(end).toEqual({ value: total });
              else expect(end).toMatchObject({ error: { code: 'NotDelivered' } });
            }
          }
        },
      ),
      { numRuns: proofRuns(sample) },
    );
  },
  proofTimeoutMs(sample),
);
