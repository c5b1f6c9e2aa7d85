import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { always, asOf, during, type JoinHow, within } from '../../../src/streams/joins/join-spec.ts';
import { sliding, tumbling } from '../../../src/streams/windows/window.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { alwaysOracle, asOfOracle, duringOracle, withinOracle } from './oracle.ts';
import { Rig, type Row, type Step } from './rig.ts';

const hows: readonly JoinHow[] = ['inner', 'left', 'anti'];
const keys: readonly (number | string)[] = [1, '1', 2, 'two'];

/** Rows and watermarks out of order; some rows are late. Event time goes on by and by, and at the end to the end. */
const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      mark: fc.integer({ min: 0, max: 3 }),
      port: fc.constantFrom(0 as const, 1 as const),
      key: fc.nat(3),
      ahead: fc.integer({ min: -6, max: 24 }),
      forward: fc.integer({ min: 0, max: 12 }),
      spanMs: fc.integer({ min: -3, max: 40 }),
    }),
    { maxLength: 80 },
  )
  .map((drawn) => {
    let nowMs = -20;
    const made: Step[] = drawn.map(({ mark, port, key, ahead, forward, spanMs }, at) => {
      if (mark === 0) {
        nowMs += forward;
        return { watermarkMs: nowMs };
      }
      return { port, key: keys[key]!, timeMs: nowMs + ahead, at, spanMs };
    });
    return [...made, { watermarkMs: Infinity }];
  });

function check(rig: Rig, all: readonly Step[], expected: { texts: string[]; late: number[] }): void {
  rig.run(all);
  expect(rig.texts).toEqual(expected.texts);
  expect(rig.late.map(({ at }) => at)).toEqual(expected.late);
}

describe.each(hows)('how: %s', (how) => {
  it(
    'within gives what a comparison of all with all gives, of what was not late',
    () => {
      const span = fc.integer({ min: -12, max: 30 });
      fc.assert(
        fc.property(steps, span, fc.nat(30), fc.boolean(), (all, beforeMs, lengthMs, byLeft) => {
          const afterMs = lengthMs - beforeMs;
          const after = (left: Row): number => (byLeft ? left.spanMs : afterMs);
          const rig = new Rig(within<Row>({ beforeMs, afterMs: byLeft ? after : afterMs }), how);
          check(rig, all, withinOracle(all, how, beforeMs, after));
          expect(rig.processor.held).toMatchObject({ keys: 0, leftRows: 0, rightRows: 0 });
        }),
        { numRuns: proofRuns(300) },
      );
    },
    proofTimeoutMs(300),
  );

  it(
    'during gives what a comparison of all with all gives, in each window that was open',
    () => {
      fc.assert(
        fc.property(
          steps,
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 20 }),
          fc.boolean(),
          (all, a, b, slides) => {
            const window = slides
              ? sliding({ sizeMs: Math.max(a, b), slideMs: Math.min(a, b) })
              : tumbling({ sizeMs: a, offsetMs: b });
            const rig = new Rig(during(window), how);
            check(rig, all, duringOracle(all, how, window));
            expect(rig.processor.held).toMatchObject({ keys: 0, leftRows: 0, rightRows: 0 });
          },
        ),
        { numRuns: proofRuns(200) },
      );
    },
    proofTimeoutMs(200),
  );

  it(
    'asOf gives each left with the version of its time',
    () => {
      fc.assert(
        fc.property(steps, fc.option(fc.nat(30), { nil: undefined }), (all, ttlMs) => {
          const rig = new Rig(asOf(ttlMs === undefined ? {} : { ttlMs }), how);
          check(rig, all, asOfOracle(all, how, ttlMs ?? Infinity));
          const { leftRows, rightRows, keys: held } = rig.processor.held;
          expect(leftRows).toBe(0);
          // One version of each key stays where there is no ttl.
          expect(rightRows).toBe(held);
          if (ttlMs !== undefined) expect(held).toBe(0);
        }),
        { numRuns: proofRuns(300) },
      );
    },
    proofTimeoutMs(300),
  );

  it(
    'always gives all pairs that were there together',
    () => {
      const ttl = fc.option(fc.nat(30), { nil: undefined });
      fc.assert(
        fc.property(steps, how === 'inner' ? ttl : fc.nat(30), ttl, (all, leftTtlMs, rightTtlMs) => {
          const spec = always({
            ...(leftTtlMs === undefined ? {} : { leftTtlMs }),
            ...(rightTtlMs === undefined ? {} : { rightTtlMs }),
          });
          const rig = new Rig(spec, how);
          check(rig, all, alwaysOracle(all, how, leftTtlMs ?? Infinity, rightTtlMs ?? Infinity));
          if (leftTtlMs !== undefined) expect(rig.processor.held.leftRows).toBe(0);
          if (rightTtlMs !== undefined) expect(rig.processor.held.rightRows).toBe(0);
        }),
        { numRuns: proofRuns(300) },
      );
    },
    proofTimeoutMs(300),
  );
});
