import { describe, expect, it } from 'vitest';
import { idle } from '../../src/streams/event-time.ts';
import { WatermarkMerge } from '../../src/streams/watermark-merge.ts';

describe('the watermark of several inputs', () => {
  it('is the lowest, is said once, and never goes back', () => {
    const merge = new WatermarkMerge([0, 1]);
    expect(merge.advance(0, 10)).toEqual([]);
    expect(merge.advance(1, 5)).toEqual([5]);
    expect(merge.advance(1, 3)).toEqual([]);
    expect(merge.advance(1, 20)).toEqual([10]);
    expect(merge.advance(0, Infinity)).toEqual([20]);
    expect(merge.advance(1, Infinity)).toEqual([Infinity]);
  });

  it('does not wait for an input that is idle, and waits again once it says something', () => {
    const merge = new WatermarkMerge([0, 1]);
    merge.advance(0, 10);
    expect(merge.advance(1, idle)).toEqual([10]);
    expect(merge.advance(0, 30)).toEqual([30]);
    // It is behind what was said already, which stands.
    expect(merge.advance(1, 20)).toEqual([]);
    expect(merge.advance(0, 50)).toEqual([]);
    expect(merge.advance(1, 40)).toEqual([40]);
  });

  it('does not wait for an input that is idle from the start', () => {
    const merge = new WatermarkMerge([0, 1]);
    expect(merge.advance(1, idle)).toEqual([]);
    expect(merge.advance(0, 10)).toEqual([10]);
  });

  it('goes on with the furthest where all are idle, says so, and says when that is over', () => {
    const merge = new WatermarkMerge([0, 1]);
    merge.advance(0, 10);
    merge.advance(1, 5);
    expect(merge.advance(1, idle)).toEqual([10]);
    expect(merge.advance(0, idle)).toEqual([idle]);
    expect(merge.advance(0, 12)).toEqual([12]);
    expect(merge.advance(0, idle)).toEqual([idle]);
    expect(merge.advance(1, 11)).toEqual([12]);
  });

  it('counts an input that ended no more, idle or not', () => {
    const merge = new WatermarkMerge([0, 1]);
    merge.advance(0, 10);
    expect(merge.advance(1, idle)).toEqual([10]);
    expect(merge.advance(1, Infinity)).toEqual([]);
    expect(merge.advance(0, 20)).toEqual([20]);
    expect(merge.advance(0, Infinity)).toEqual([Infinity]);
  });

  it('waits for an instance of a segment that is said to be idle while another one is not: it is only behind', () => {
    const merge = new WatermarkMerge([0, 0, 1]);
    merge.advance(0, 10);
    merge.advance(1, 10);
    merge.advance(2, 10);
    merge.advance(0, idle);
    merge.advance(1, idle);
    expect(merge.advance(2, 40)).toEqual([40]);
    const together = new WatermarkMerge([0, 0, 1]);
    together.advance(0, 10);
    together.advance(1, 10);
    together.advance(2, 40);
    expect(together.advance(0, idle)).toEqual([]);
    expect(together.advance(1, 20)).toEqual([]);
    expect(together.advance(0, 30)).toEqual([20]);
  });
});
