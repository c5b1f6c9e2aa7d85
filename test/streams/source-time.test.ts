import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StageFailed } from '../../src/streams/errors.ts';
import { idle, processingTime, type TimeOptions } from '../../src/streams/event-time.ts';
import { sourceTime } from '../../src/streams/source-time.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { proofRuns } from '../support/proof-runs.ts';

const time = (item: unknown): number => item as number;

/** The time of a source whose items are their times, and a clock that stands at 0. */
function timeOf(options: Omit<TimeOptions<unknown>, 'time'> = {}, bounded = false) {
  const clock = new VirtualClock();
  return { clock, source: sourceTime('source', { time, ...options }, bounded, clock) };
}

describe('the event time of a source', () => {
  it('is its latest less outOfOrderMs, and never goes back', () => {
    const { source } = timeOf({ outOfOrderMs: 10 });
    expect(source.read({ items: [100, 90] })).toEqual({ times: [100, 90], marks: [90] });
    expect(source.read({ items: [95] }).marks).toEqual([]);
    expect(source.read({ items: [] }).marks).toEqual([]);
    expect(source.read({ items: [101] }).marks).toEqual([91]);
  });

  it('is as far as its slowest split', () => {
    const { source } = timeOf();
    expect(source.read({ items: [10], split: 'a' }).marks).toEqual([10]);
    // It is there from now on, and what was said stands.
    expect(source.read({ items: [5], split: 'b' }).marks).toEqual([]);
    expect(source.read({ items: [50], split: 'a' }).marks).toEqual([]);
    expect(source.read({ items: [30], split: 'b' }).marks).toEqual([30]);
  });

  it('does not wait for a split that ended, nor for one that is caught up, until it gives something again', () => {
    const { source } = timeOf();
    source.read({ items: [10], split: 'a' });
    source.read({ items: [10], split: 'b' });
    expect(source.read({ items: [40], split: 'a' }).marks).toEqual([]);
    expect(source.read({ items: [20], split: 'b', splitEnded: true }).marks).toEqual([40]);
    source.read({ items: [40], split: 'c' });
    expect(source.read({ items: [60], split: 'a' }).marks).toEqual([]);
    expect(source.read({ items: [], split: 'c', caughtUp: true }).marks).toEqual([60]);
    source.read({ items: [60], split: 'c' });
    expect(source.read({ items: [80], split: 'a' }).marks).toEqual([]);
  });

  it('does not wait for a split that is silent for idleMs', () => {
    const { clock, source } = timeOf({ idleMs: 100 });
    source.read({ items: [10], split: 'a' });
    source.read({ items: [10], split: 'b' });
    clock.goTo(60);
    source.read({ items: [50], split: 'a' });
    clock.goTo(99);
    expect(source.tick()).toEqual([]);
    clock.goTo(100);
    expect(source.tick()).toEqual([50]);
  });

  it('goes on with the clock 5,000 ms after the last element, less the out-of-orderness, and each 100 ms from then on', () => {
    const { clock, source } = timeOf({ outOfOrderMs: 20 });
    source.read({ items: [1_000] });
    expect(source.tickAfterMs).toBe(5_000);
    clock.goTo(4_999);
    expect(source.tick()).toEqual([]);
    clock.goTo(5_000);
    expect(source.tick()).toEqual([5_980, idle]);
    expect(source.tickAfterMs).toBe(100);
    clock.goTo(5_100);
    expect(source.tick()).toEqual([6_080, idle]);
  });

  it('is counted again as soon as it gives something, though that is far behind the clock', () => {
    const { clock, source } = timeOf({ idleMs: 100 });
    source.read({ items: [1_000] });
    clock.goTo(500);
    expect(source.tick()).toEqual([1_500, idle]);
    expect(source.read({ items: [1_010] }).marks).toEqual([1_500]);
    expect(source.read({ items: [1_020] }).marks).toEqual([]);
    expect(source.read({ items: [1_600] }).marks).toEqual([1_600]);
  });

  it('is idle at once where the source says that it is caught up', () => {
    const { clock, source } = timeOf();
    expect(source.read({ items: [10], caughtUp: true }).marks).toEqual([10, idle]);
    clock.goTo(100);
    expect(source.tick()).toEqual([110, idle]);
  });

  it('is idle from the start where nothing ever comes, and has no time to go on from', () => {
    const { clock, source } = timeOf({ idleMs: 100 });
    clock.goTo(100);
    expect(source.tick()).toEqual([idle]);
    clock.goTo(200);
    expect(source.tick()).toEqual([]);
    expect(source.read({ items: [7] }).marks).toEqual([7]);
  });

  it.each([
    ['idleMs: false', { idleMs: false } as const, false],
    ['a source that is bounded', { idleMs: 100 }, true],
  ])('waits for ever with %s', (_, options, bounded) => {
    const { clock, source } = timeOf(options, bounded);
    source.read({ items: [10] });
    expect(source.tickAfterMs).toBeUndefined();
    clock.goTo(1e9);
    expect(source.tick()).toEqual([]);
    expect(source.read({ items: [11] }).marks).toEqual([11]);
  });

  it('takes caughtUp of a bounded source for no idleness', () => {
    const { source } = timeOf({}, true);
    expect(source.read({ items: [10], caughtUp: true }).marks).toEqual([10]);
    expect(source.tickAfterMs).toBeUndefined();
  });

  it('takes time in which the flow did not ask for more for no silence of the source', () => {
    const { clock, source } = timeOf({ idleMs: 1_000 });
    source.read({ items: [10] });
    clock.goTo(10_000);
    source.listen();
    expect(source.tick()).toEqual([]);
    clock.goTo(11_000);
    expect(source.tick().at(-1)).toBe(idle);
  });

  it('fails the stage where the function throws, or gives what is no time', () => {
    const thrower = sourceTime(
      'source',
      {
        time: () => {
          throw new Error('no date');
        },
      },
      false,
      new VirtualClock(),
    );
    expect(() => thrower.read({ items: [1] })).toThrow("stage 'source' failed: Error: no date");
    for (const wrong of [Number.NaN, Infinity, 8.64e15 + 1, '2001-01-01']) {
      expect(() => timeOf().source.read({ items: [wrong] })).toThrow(StageFailed);
    }
  });
});

describe('splits that the user names', () => {
  const device = (item: unknown): string => (item as [string, number])[0];
  function devices(options: Omit<TimeOptions<unknown>, 'time'> = {}, bounded = false) {
    const clock = new VirtualClock();
    const time = (item: unknown): number => (item as [string, number])[1];
    return { clock, source: sourceTime('source', { time, split: device, ...options }, bounded, clock) };
  }

  it('have a watermark each, within one batch too', () => {
    const { source } = devices({ outOfOrderMs: 1 });
    const items = [
      ['a', 100],
      ['b', 20],
      ['a', 90],
    ];
    expect(source.read({ items })).toEqual({ times: [100, 20, 90], marks: [19] });
    expect(source.read({ items: [['a', 200]] }).marks).toEqual([]);
    expect(source.read({ items: [['b', 150]] }).marks).toEqual([149]);
  });

  it('are not waited for when silent for idleMs; that their source is caught up says nothing of them', () => {
    const { clock, source } = devices({ idleMs: 100 });
    source.read({ items: [['a', 10]], caughtUp: true });
    source.read({ items: [['b', 10]], caughtUp: true });
    clock.goTo(60);
    expect(source.read({ items: [['a', 50]], caughtUp: true }).marks).toEqual([]);
    clock.goTo(99);
    expect(source.tick()).toEqual([]);
    clock.goTo(100);
    expect(source.tick()).toEqual([50]);
    clock.goTo(160);
    expect(source.tick()).toEqual([50 + 100, idle]);
  });

  it('are within the parts of their source, and end with them', () => {
    const { source } = devices({}, true);
    source.read({ items: [['a', 10]], split: 'file 1' });
    source.read({ items: [['b', 5]], split: 'file 1' });
    expect(source.read({ items: [['a', 80]], split: 'file 2' }).marks).toEqual([]);
    expect(source.read({ items: [], split: 'file 1', splitEnded: true }).marks).toEqual([80]);
  });

  it('share one where they are more than 10,000 or their names longer than 256 characters', () => {
    const { source } = devices();
    const all = (timeMs: number) => ({ items: Array.from({ length: 10_000 }, (_, index) => [`${index}`, timeMs]) });
    expect(source.read(all(10)).marks).toEqual([10]);
    expect(source.read({ items: [['too many', 30]] }).marks).toEqual([]);
    expect(source.read({ items: [['even more', 70]] }).marks).toEqual([]);
    expect(source.read(all(90)).marks).toEqual([70]);
    expect(source.read({ items: [['x'.repeat(257), 110]] }).marks).toEqual([90]);
    expect(source.read(all(200)).marks).toEqual([110]);
    expect(source.read({ items: [['x'.repeat(300), 120]] }).marks).toEqual([120]);
  });

  it('fail the stage where the function throws, or gives no text', () => {
    const { source } = devices({ split: () => 7 as never });
    expect(() => source.read({ items: [['a', 1]] })).toThrow('split(…) gave number');
    const thrower = sourceTime(
      'source',
      {
        time: () => 1,
        split: () => {
          throw new Error('no device');
        },
      },
      false,
      new VirtualClock(),
    );
    expect(() => thrower.read({ items: [1] })).toThrow("stage 'source' failed: Error: no device");
  });

  it('give the watermarks that an oracle gives which looks at all of them, in random order and silence', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 60 }),
      items: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 0, max: 500 })), {
        maxLength: 6,
      }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { clock, source } = devices({ idleMs: 100, outOfOrderMs: 7 });
        const known = new Map<string, { latestMs: number; heardMs: number }>();
        let [watermarkMs, latestMs, heardMs] = [-Infinity, -Infinity, 0];
        for (const { waitMs, items } of steps) {
          const nowMs = clock.monotonicMs() + waitMs;
          clock.goTo(nowMs);
          const said = items.length > 0 ? source.read({ items }).marks : source.tick();
          for (const [name, atMs] of items) {
            known.set(name, { latestMs: Math.max(atMs, known.get(name)?.latestMs ?? -Infinity), heardMs: nowMs });
            [latestMs, heardMs] = [Math.max(latestMs, atMs), nowMs];
          }
          for (const [name, one] of known) if (nowMs - one.heardMs >= 100) known.delete(name);
          const slowestMs = Math.min(...[...known.values()].map((one) => one.latestMs));
          const idleForMs = known.size === 0 && nowMs - heardMs >= 100 ? nowMs - heardMs : 0;
          watermarkMs = Math.max(watermarkMs, (known.size === 0 ? latestMs : slowestMs) - 7 + idleForMs);
          const marks = said.filter((mark) => mark !== idle);
          if (marks.length > 0) expect(marks.at(-1)).toBe(watermarkMs);
          expect(source.tick().filter((mark) => mark > watermarkMs)).toEqual([]);
        }
      }),
      { numRuns: proofRuns(200) },
    );
  });
});

describe('processing time', () => {
  it('stamps elements with the clock, which goes on without them and stands still where it was set back', () => {
    let nowMs = 1_000;
    const clock = Object.assign(new VirtualClock(), { now: () => nowMs });
    const source = sourceTime('source', processingTime(), false, clock);
    expect(source.read({ items: ['a', 'b'] })).toEqual({ times: [1_000, 1_000], marks: [1_000] });
    expect(source.tickAfterMs).toBe(100);
    nowMs = 1_100;
    expect(source.tick()).toEqual([1_100]);
    nowMs = 900;
    expect(source.tick()).toEqual([]);
    expect(source.read({ items: ['c'] })).toEqual({ times: [1_100], marks: [] });
  });
});
