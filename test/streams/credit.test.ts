import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EdgeBroken, SourceFailed } from '../../src/streams/errors.ts';
import type { DataFrame, Downstream } from '../../src/streams/frame.ts';
import { Inlet } from '../../src/streams/inlet.ts';
import { Outlet } from '../../src/streams/outlet.ts';

/** What an outlet sent, in order. */
class Recorder implements Downstream<number> {
  readonly frames: DataFrame<number>[] = [];
  ending: 'end' | Error | undefined;

  data(frame: DataFrame<number>): void {
    this.frames.push(frame);
  }
  end(): void {
    this.ending = 'end';
  }
  fail(_sequence: number, error: Error): void {
    this.ending = error;
  }
  get items(): number[] {
    return this.frames.flatMap((frame) => frame.items);
  }
}

function outletTo(
  downstream: Downstream<number>,
  options: { highWater?: number; frameElementsMax?: number; frameWeightMax?: number } = {},
) {
  const events: (boolean | 'closed')[] = [];
  const outlet = new Outlet<number>(downstream, {
    highWater: options.highWater ?? 4,
    frameElementsMax: options.frameElementsMax ?? 3,
    frameWeightMax: options.frameWeightMax ?? 1_000,
    timed: false,
    onFull: (full) => events.push(full),
    onClosed: () => events.push('closed'),
  });
  return { outlet, events };
}

describe('an outlet', () => {
  it('says that its input is idle behind what was written, in a frame of its own that no credit bounds', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    outlet.write(1, 0);
    outlet.watermark(10);
    outlet.watermark(-Infinity);
    outlet.flush();
    expect(sent.frames).toEqual([]);
    outlet.grant(1, Infinity);
    outlet.watermark(20);
    outlet.watermark(30);
    outlet.watermark(-Infinity);
    outlet.flush();
    // It is not idle any more: nothing of that is said.
    outlet.watermark(-Infinity);
    outlet.watermark(40);
    outlet.flush();
    expect(sent.frames.map(({ items, watermark }) => [items, watermark])).toEqual([
      [[1], 10],
      [[], -Infinity],
      [[], 30],
      [[], -Infinity],
      [[], 40],
    ]);
  });

  it('sends nothing before the first grant, and then no element beyond it', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    for (let item = 0; item < 5; item += 1) outlet.write(item, 0);
    expect(sent.items).toEqual([]);
    outlet.grant(4, Infinity);
    expect(sent.frames.map((frame) => [frame.sequence, frame.items])).toEqual([
      [0, [0, 1, 2]],
      [3, [3]],
    ]);
    outlet.grant(5, Infinity);
    expect(sent.items).toEqual([0, 1, 2, 3, 4]);
  });

  it('takes a grant as a total: repeated and older ones add nothing', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    for (let item = 0; item < 5; item += 1) outlet.write(item, 0);
    for (const upTo of [3, 3, 2, 0]) outlet.grant(upTo, Infinity);
    expect(sent.items).toEqual([0, 1, 2]);
  });

  it('is full from its high water of 4 on, and not full again once a grant made room', () => {
    const { outlet, events } = outletTo(new Recorder());
    for (let item = 0; item < 6; item += 1) outlet.write(item, 0);
    expect(events).toEqual([true]);
    outlet.grant(2, Infinity);
    expect(outlet.queued).toBe(4);
    expect(events).toEqual([true]);
    outlet.grant(3, Infinity);
    expect(events).toEqual([true, false]);
  });

  it('is full as well when what is queued weighs as much as a frame may, and not again once a grant made room', () => {
    const events: (boolean | 'closed')[] = [];
    const sent: number[] = [];
    const outlet = new Outlet<string>(
      {
        data: ({ items }) => sent.push(...items.map((item) => item.length)),
        end: () => undefined,
        fail: () => undefined,
      },
      {
        highWater: 100,
        frameElementsMax: 100,
        frameWeightMax: 1_000,
        timed: false,
        onFull: (full) => events.push(full),
        onClosed: () => events.push('closed'),
      },
    );
    for (const length of [400, 400]) outlet.write('x'.repeat(length), 0);
    expect(events).toEqual([]);
    for (const length of [400, 5_000]) outlet.write('x'.repeat(length), 0);
    expect(events).toEqual([true]);
    outlet.grant(100, 1_000);
    // The frame of 400 goes beyond what was granted, and the next waits.
    expect([sent, events]).toEqual([[400, 400, 400], [true]]);
    outlet.grant(100, 2_000);
    expect([sent, events]).toEqual([
      [400, 400, 400, 5_000],
      [true, false],
    ]);
    outlet.write('x'.repeat(5_000), 0);
    outlet.cancel();
    expect(events).toEqual([true, false, true, false, 'closed']);
  });

  it('puts an error behind the elements that were written before it', () => {
    const sent = new Recorder();
    const { outlet, events } = outletTo(sent);
    outlet.write(1, 0);
    outlet.fail(new SourceFailed('failed', 'gone'));
    expect(sent.ending).toBeUndefined();
    outlet.grant(1, Infinity);
    expect(sent.items).toEqual([1]);
    expect(sent.ending).toBeInstanceOf(SourceFailed);
    expect(events).toEqual(['closed']);
  });

  it('drops and counts what it holds and what is written once its reader cancelled', () => {
    const sent = new Recorder();
    const { outlet, events } = outletTo(sent);
    for (let item = 0; item < 6; item += 1) outlet.write(item, 0);
    outlet.cancel();
    outlet.write(7, 0);
    outlet.grant(100, Infinity);
    expect([outlet.discarded, outlet.queued, sent.items.length]).toEqual([7, 0, 0]);
    expect(events).toEqual([true, false, 'closed']);
  });

  it('sends a watermark without credit, but behind the elements before it', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    outlet.watermark(10);
    outlet.flush();
    expect(sent.frames).toEqual([{ sequence: 0, items: [], times: undefined, watermark: 10, weight: 0 }]);
    outlet.write(1, 0);
    outlet.write(2, 0);
    outlet.watermark(20);
    outlet.grant(1, Infinity);
    expect(sent.frames.at(-1)).toEqual({ sequence: 0, items: [1], times: undefined, watermark: undefined, weight: 16 });
    outlet.grant(2, Infinity);
    expect(sent.frames.at(-1)).toEqual({ sequence: 1, items: [2], times: undefined, watermark: 20, weight: 16 });
  });

  it('keeps one watermark where 1,000 came without an element', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    for (let watermark = 0; watermark < 1_000; watermark += 1) outlet.watermark(watermark);
    outlet.flush();
    expect(sent.frames.map((frame) => frame.watermark)).toEqual([999]);
  });

  it('closes a frame before its elements weigh more than 1,000, and gives one of 5,000 a frame of its own', () => {
    const frames: number[][] = [];
    const reader = {
      data: ({ items }: DataFrame<string>) => frames.push(items.map((item) => item.length)),
      end: () => undefined,
      fail: () => undefined,
    };
    const outlet = new Outlet<string>(reader, {
      highWater: 100,
      frameElementsMax: 100,
      frameWeightMax: 1_000,
      timed: false,
      onFull: () => undefined,
      onClosed: () => undefined,
    });
    outlet.grant(100, Infinity);
    for (const length of [400, 400, 400, 5_000, 1, 1]) outlet.write('x'.repeat(length), 0);
    outlet.flush();
    expect(frames).toEqual([[400, 400], [400], [5_000], [1, 1]]);
  });

  it('stops when the weight that was granted is reached, by one frame at most beyond it', () => {
    const sent: number[] = [];
    const outlet = new Outlet<string>(
      {
        data: ({ items }) => sent.push(...items.map((item) => item.length)),
        end: () => undefined,
        fail: () => undefined,
      },
      {
        highWater: 100,
        frameElementsMax: 100,
        frameWeightMax: 1_000,
        timed: false,
        onFull: () => undefined,
        onClosed: () => undefined,
      },
    );
    outlet.grant(100, 1_500);
    for (const length of [900, 901, 902, 50_000]) outlet.write('x'.repeat(length), 0);
    outlet.flush();
    expect(sent).toEqual([900, 901]);
    outlet.grant(100, 3_000);
    expect(sent).toEqual([900, 901, 902, 50_000]);
    expect(outlet.outstanding).toBe(-96);
  });

  it('says how far an idle edge has come, and nothing where it sent something or has closed', () => {
    const sent = new Recorder();
    const { outlet } = outletTo(sent);
    outlet.repeat();
    outlet.grant(3, Infinity);
    outlet.write(1, 0);
    outlet.flush();
    outlet.repeat();
    expect(sent.frames).toHaveLength(1);
    outlet.repeat();
    expect(sent.frames.at(-1)).toMatchObject({ sequence: 1, items: [] });
    outlet.end();
    outlet.repeat();
    expect(sent.frames).toHaveLength(2);
  });
});

describe('an inlet', () => {
  function inletOf(window: number) {
    const grants: (number | 'cancel')[] = [];
    const inlet = new Inlet<number>(window, 1_000, {
      grant: (upTo) => grants.push(upTo),
      cancel: () => grants.push('cancel'),
    });
    inlet.open();
    return { inlet, grants };
  }
  const frame = (sequence: number, items: number[]): DataFrame<number> => ({
    sequence,
    items,
    times: undefined,
    watermark: undefined,
    weight: items.length,
  });

  it('grants its window of 8 at once, and again when 4 elements were consumed', () => {
    const { inlet, grants } = inletOf(8);
    inlet.data(frame(0, [1, 2, 3]));
    inlet.consumed(frame(0, [1, 2, 3]));
    expect(grants).toEqual([8]);
    inlet.data(frame(3, [4]));
    inlet.consumed(frame(3, [4]));
    expect(grants).toEqual([8, 12]);
  });

  it('repeats its grant, or that it cancelled, where nothing came since it was last asked to', () => {
    const { inlet, grants } = inletOf(8);
    inlet.repeat();
    inlet.data(frame(0, [1]));
    inlet.repeat();
    expect(grants).toEqual([8, 8]);
    inlet.repeat();
    inlet.cancel();
    inlet.repeat();
    expect(grants).toEqual([8, 8, 8, 'cancel', 'cancel']);
  });

  it('queues nothing for the empty frames of an idle writer, but breaks where they show a gap', () => {
    const { inlet } = inletOf(8);
    inlet.data(frame(0, [1]));
    inlet.take();
    inlet.data(frame(1, []));
    expect(inlet.take()).toBeUndefined();
    expect(() => inlet.data(frame(4, []))).toThrow(/went on at element 4 where 1 was expected.*string above 1 MiB/);
  });

  it('drops a frame that comes twice', () => {
    const { inlet } = inletOf(8);
    inlet.data(frame(0, [1, 2]));
    inlet.data(frame(0, [1, 2]));
    expect(inlet.queued).toBe(2);
  });

  it('breaks on a gap, on more than it granted, and on an end that comes too early', () => {
    expect(() => inletOf(8).inlet.data(frame(1, [1]))).toThrow(EdgeBroken);
    expect(() => inletOf(2).inlet.data(frame(0, [1, 2, 3]))).toThrow(EdgeBroken);
    expect(() => inletOf(2).inlet.end(1)).toThrow(EdgeBroken);
  });

  it('tells the failure of its writer behind the elements that came before it', () => {
    const { inlet } = inletOf(8);
    const error = new SourceFailed('failed', 'gone');
    inlet.data(frame(0, [1]));
    inlet.fail(error);
    expect(inlet.failure).toBeUndefined();
    inlet.take();
    expect(inlet.failure).toBe(error);
  });

  it('cancels once, and takes nothing any more', () => {
    const { inlet, grants } = inletOf(8);
    inlet.cancel();
    inlet.cancel();
    inlet.data(frame(0, [1]));
    expect(grants).toEqual([8, 'cancel']);
    expect(inlet.queued).toBe(0);
  });
});

describe('an edge', () => {
  it('carries every element once and in order, within its window, whatever the timing', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 9 }) }),
        fc.record({ kind: fc.constantFrom('flush' as const, 'deliver' as const, 'consume' as const, 'mark' as const) }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 7 }), (script, window, batch) => {
        const down: (() => void)[] = [];
        const consumed: number[] = [];
        let written = 0;
        let inlet!: Inlet<number>;
        const { outlet } = outletTo(
          {
            data: (frame) => down.push(() => inlet.data(frame)),
            end: (sequence) => down.push(() => inlet.end(sequence)),
            fail: () => undefined,
          },
          { frameElementsMax: batch },
        );
        inlet = new Inlet<number>(window, 1_000, {
          grant: (upTo, weightUpTo) => outlet.grant(upTo, weightUpTo),
          cancel: () => outlet.cancel(),
        });
        inlet.open();
        const consume = (): boolean => {
          const frame = inlet.take();
          if (frame === undefined) return false;
          consumed.push(...frame.items);
          // A watermark says how many elements were written before it, so it must find them all here.
          if (frame.watermark !== undefined) expect(consumed.length).toBeGreaterThanOrEqual(frame.watermark);
          inlet.consumed(frame);
          return true;
        };
        for (const step of script) {
          if (step.kind === 'write') for (let n = 0; n < step.count; n += 1) outlet.write(written++, 0);
          if (step.kind === 'flush') outlet.flush();
          if (step.kind === 'mark') outlet.watermark(written);
          if (step.kind === 'deliver') down.shift()?.();
          if (step.kind === 'consume') consume();
          expect(inlet.queued).toBeLessThanOrEqual(window);
        }
        outlet.end();
        for (let round = 0; !inlet.ended; round += 1) {
          expect(round).toBeLessThan(10_000);
          down.shift()?.();
          consume();
        }
        expect(consumed).toEqual(Array.from({ length: written }, (_, n) => n));
      }),
    );
  });
});
