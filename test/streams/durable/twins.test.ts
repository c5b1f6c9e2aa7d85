/**
 * Durable operators against those of RxJS: random programs give the same, and go on as if nothing had been where their
 * stage fails at random places, but for the elements that failed.
 */
import fc from 'fast-check';
import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as durable from '../../../src/streams/durable/index.ts';
import * as twins from '../../../src/streams/rx/index.ts';
import { MemoryStateStore } from '../../../src/streams/state/memory-state-store.ts';
import type { StateSnapshot } from '../../../src/streams/state/state-store.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { strictCodec } from '../../../src/transport/frame-codec.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { type Operator, Rig, unaccounted } from '../rx/rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
type Numbers = rx.OperatorFunction<number, number>;

const add = (acc: number, value: number, index: number): number => (acc * 3 + value + index) % 1_000;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) % 1_000;

type Step =
  | { readonly op: 'map' | 'scan' | 'sum'; readonly n: number }
  | { readonly op: 'distinct'; readonly n: number }
  | { readonly op: 'bufferCount'; readonly n: number; readonly every: number }
  | { readonly op: 'groupBy'; readonly n: number; readonly inner: readonly Step[] }
  | { readonly op: 'fails'; readonly n: number };

const leaf: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constantFrom('map' as const, 'scan' as const, 'sum' as const), n: fc.nat({ max: 9 }) }),
  fc.record({ op: fc.constant('distinct' as const), n: fc.integer({ min: 1, max: 50 }) }),
  fc.record({
    op: fc.constant('bufferCount' as const),
    n: fc.integer({ min: 1, max: 4 }),
    every: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ op: fc.constant('fails' as const), n: fc.integer({ min: 2, max: 6 }) }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  fc.record({
    op: fc.constant('groupBy' as const),
    n: fc.integer({ min: 1, max: 5 }),
    inner: fc.array(leaf, { maxLength: 3 }),
  }),
);

/** The program in durable operators where `kept`, failing where it is told to; else in those of RxJS, which skip that. */
function program(steps: readonly Step[], kept: boolean, fails: boolean, path = '', key?: number): Numbers {
  const built = steps.map((given, index): Numbers => {
    const state = `${path}${index}`;
    const keeps = { state, ...(key === undefined ? {} : { key }) };
    switch (given.op) {
      case 'map':
        return rx.map((value) => (value * 7 + given.n) % 1_000);
      case 'scan':
        return kept ? durable.scan(add, given.n, keeps) : rx.scan(add, given.n);
      case 'sum':
        return kept ? durable.scan(add, keeps) : rx.scan(add);
      case 'distinct': {
        const keyOf = (value: number): number => value % given.n;
        return kept ? durable.distinct(keyOf, { ...keeps, maxKeys: 100 }) : rx.distinct(keyOf);
      }
      case 'bufferCount': {
        const { n, every } = given;
        return rx.pipe(kept ? durable.bufferCount(n, every, keeps) : rx.bufferCount(n, every), rx.map(sum));
      }
      case 'groupBy': {
        const keyOf = (value: number): number => value % given.n;
        const inner = (group: rx.GroupedObservable<number, number>): rx.Observable<number> =>
          group.pipe(program(given.inner, kept, fails, `${state}.`, group.key));
        const groups = kept ? durable.groupBy(keyOf, { state, maxKeys: 100 }) : rx.groupBy(keyOf);
        return rx.pipe(groups, twins.mergeMap(inner));
      }
      case 'fails': {
        const bad = (value: number): boolean => value % given.n === 1;
        if (!kept) return fails ? rx.filter((value) => !bad(value)) : rx.identity;
        return rx.tap((value) => {
          if (fails && bad(value)) throw new Error('bad');
        });
      }
      default:
        return given satisfies never;
    }
  });
  return (source) => built.reduce((before, operator) => before.pipe(operator), source);
}

function plainly(steps: readonly Step[], fails: boolean, input: readonly number[]): number[] {
  const out: number[] = [];
  rx.from(input)
    .pipe(program(steps, false, fails))
    .subscribe((value) => out.push(value));
  return out;
}

const restart = { onFailure: { restart: { max: 1_000_000, withinMs: 1 } } };
const input = fc.array(fc.nat({ max: 99 }), { maxLength: 40 });
const steps = fc.array(step, { minLength: 1, maxLength: 4 });

describe('random programs of durable operators', () => {
  it('give what those of RxJS give', () => {
    fc.assert(
      fc.property(steps, input, (given, values) => {
        const rig = new Rig({ kept: { operator: op(program(given, true, false)), durable: true } });
        rig.push(...values);
        rig.island.complete();
        expect(rig.failures).toEqual([]);
        expect(rig.values).toEqual(plainly(given, false, values));
        expect(rig.completed).toBe(1);
        expect(unaccounted(rig.island.stages)).toEqual({});
      }),
      { numRuns: proofRuns(200) },
    );
  });

  it('lose what fails and nothing else when their stage is built anew', () => {
    let restarts = 0;
    fc.assert(
      fc.property(steps, input, (given, values) => {
        const rig = new Rig({ kept: { operator: op(program(given, true, true)), durable: true, ...restart } });
        rig.push(...values);
        rig.island.complete();
        expect(rig.failures).toEqual([]);
        expect(rig.values).toEqual(plainly(given, true, values));
        expect(rig.completed).toBe(1);
        expect(unaccounted(rig.island.stages)).toEqual({});
        restarts += rig.restarts.length;
      }),
      { numRuns: proofRuns(300) },
    );
    expect(restarts).toBeGreaterThan(100);
  });

  it('go on from a snapshot that went over the wire as if they had not stopped', () => {
    const codec = strictCodec();
    fc.assert(
      fc.property(steps, input, fc.nat({ max: 40 }), (given, values, cut) => {
        const store = new MemoryStateStore();
        const before = new Rig({ kept: op(program(given, true, false)) }, 1_000, new VirtualClock(), store);
        before.push(...values.slice(0, cut));
        const first = [...before.values];
        const snapshot = store.snapshot();
        // What goes on behind it is no part of it.
        before.push(...values.slice(cut));
        const sent = codec.pack([snapshot]);
        const arrived = new MemoryStateStore(codec.unpack(sent)[0] as StateSnapshot);
        const after = new Rig({ kept: op(program(given, true, false)) }, 1_000, new VirtualClock(), arrived);
        after.push(...values.slice(cut));
        after.island.complete();
        expect(after.failures).toEqual([]);
        expect([...first, ...after.values]).toEqual(plainly(given, false, values));
      }),
      { numRuns: proofRuns(200) },
    );
  });
});
