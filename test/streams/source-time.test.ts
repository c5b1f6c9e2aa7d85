import { describe, expect, it } from 'vitest';
import { StageFailed } from '../../src/streams/errors.ts';
import { idle, processingTime, type TimeOptions } from '../../src/streams/event-time.ts';
import { sourceTime } from '../../src/streams/source-time.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

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
