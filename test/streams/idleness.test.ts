/** Silence in whole flows: what closes windows, and what must not. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { FlowBuilder } from '../../src/streams/flow-types.ts';
import {
  count,
  flow,
  forEach,
  processingTime,
  type Source,
  type SourceBatch,
  type Stage,
  sum,
  tumbling,
} from '../../src/streams/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { runLocally } from './local-run.ts';

const none = z.object({});

/** A source of times that gives what it is told to. */
class Feed implements Source<number> {
  readonly name: string = 'feed';
  readonly bounded: boolean;
  readonly #batches: SourceBatch<number>[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(bounded = false) {
    this.bounded = bounded;
  }

  give(items: readonly number[], more: Omit<SourceBatch<number>, 'items'> = {}): void {
    this.#batches.push({ items, ...more });
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *open({ signal }: { signal: AbortSignal }) {
    signal.addEventListener('abort', () => this.end());
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) yield batch;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

const time = (item: number): number => item;
/** Everything that can happen without the clock has happened: each hop takes a pass or two of the loop. */
async function settle(): Promise<void> {
  for (let pass = 0; pass < 30; pass += 1) await new Promise(setImmediate);
}

/** Windows of 10 ms over what `join` makes of the feeds; says each as `start:elements`. */
async function windowsOf<T>(join: (f: FlowBuilder) => Stage<T>, parallelism = 1) {
  const clock = new VirtualClock();
  const results: string[] = [];
  const windows = flow('windows', { args: none }, (f) =>
    join(f)
      .keyBy((item) => String(item), { parallelism })
      .window(tumbling({ sizeMs: 10 }))
      .aggregate({ n: count() })
      .keyBy(() => 'all')
      .window(tumbling({ sizeMs: 10 }))
      .aggregate({ n: sum(({ value }) => value.n) })
      .to(forEach(({ window, value }) => void results.push(`${window.startMs}:${value.n}`))),
  );
  const run = await runLocally(windows, {}, { clock });
  const pass = (ms: number): Promise<void> => clock.advance(ms, settle);
  await pass(0);
  return { results, pass, run };
}

describe('a source that is silent', () => {
  it('holds windows open for 5,000 ms, and then event time goes on with the clock, on 3 partitions', async () => {
    const feed = new Feed();
    const { results, pass, run } = await windowsOf((f) => f.from(feed, { time }), 3);
    feed.give([1, 2, 3, 4, 5]);
    await pass(4_999);
    expect(results).toEqual([]);
    await pass(1);
    expect(results).toEqual(['0:5']);
    // It is heard again: what comes in time counts, though the clock went on.
    feed.give([5_010, 5_011]);
    await pass(100);
    expect(results).toEqual(['0:5']);
    feed.give([5_020]);
    await pass(0);
    expect(results).toEqual(['0:5', '5010:2']);
    run.cancel();
  });

  it.each([
    ['idleMs is false', new Feed(), false],
    ['it is bounded', new Feed(true), 100],
  ] as const)('holds windows open for ever where %s', async (_, feed, idleMs) => {
    const { results, pass, run } = await windowsOf((f) => f.from(feed, { time, idleMs }), 2);
    feed.give([1, 2]);
    await pass(1_000_000);
    expect(results).toEqual([]);
    feed.end();
    await pass(0);
    expect(results).toEqual(['0:2']);
    await run.done;
  });

  it('is not waited for by another that is merged with it, from the start on and until it is heard', async () => {
    const [busy, silent] = [new Feed(), new Feed()];
    const { results, pass, run } = await windowsOf((f) =>
      f.merge(f.from(busy, { time, idleMs: 1_000 }), f.from(silent, { time, idleMs: 100 })),
    );
    busy.give([5, 25]);
    await pass(99);
    expect(results).toEqual([]);
    await pass(1);
    expect(results).toEqual(['0:1']);
    silent.give([26]);
    await pass(0);
    // It is at 26 now, and waited for again.
    busy.give([45]);
    await pass(0);
    expect(results).toEqual(['0:1']);
    silent.give([40]);
    await pass(0);
    expect(results).toEqual(['0:1', '20:2']);
    run.cancel();
  });

  it('that ended is not waited for by another that is merged with it', async () => {
    const [busy, ended] = [new Feed(), new Feed()];
    const never = { time, idleMs: false } as const;
    const { results, pass, run } = await windowsOf((f) => f.merge(f.from(busy, never), f.from(ended, never)));
    busy.give([5, 25]);
    ended.give([6]);
    await pass(0);
    expect(results).toEqual([]);
    ended.end();
    await pass(0);
    expect(results).toEqual(['0:2']);
    run.cancel();
  });

  it('does not hold windows open behind zip, where both are silent', async () => {
    const [a, b] = [new Feed(), new Feed()];
    const { results, pass, run } = await windowsOf((f) =>
      f.zip(f.from(a, { time, idleMs: 100 }), f.from(b, { time, idleMs: 100 })),
    );
    a.give([1, 2]);
    b.give([3, 4]);
    await pass(99);
    expect(results).toEqual([]);
    await pass(1);
    expect(results).toEqual(['0:2']);
    run.cancel();
  });

  it('does not hold windows open behind an edge that drops', async () => {
    const feed = new Feed();
    const { results, pass, run } = await windowsOf((f) =>
      f.from(feed, { time, idleMs: 100 }).overflow({ strategy: 'drop-oldest', capacity: 4 }),
    );
    feed.give([1, 2]);
    await pass(99);
    expect(results).toEqual([]);
    await pass(1);
    expect(results).toEqual(['0:2']);
    run.cancel();
  });

  it('closes windows at once where it says that it is caught up, or that a split has ended', async () => {
    const feed = new Feed();
    const { results, pass, run } = await windowsOf((f) => f.from(feed, { time }), 2);
    feed.give([1], { split: 'a' });
    feed.give([2], { split: 'b' });
    feed.give([30], { split: 'a' });
    await pass(0);
    expect(results).toEqual([]);
    feed.give([], { split: 'b', splitEnded: true });
    await pass(0);
    expect(results).toEqual(['0:2']);
    feed.give([35], { caughtUp: true });
    await pass(100);
    expect(results).toEqual(['0:2', '30:2']);
    run.cancel();
  });
});

it('windows of processing time close as the clock goes on', async () => {
  const feed = new Feed();
  const { results, pass, run } = await windowsOf((f) => f.from(feed, processingTime()), 2);
  feed.give([0, 0, 0]);
  await pass(0);
  expect(results).toEqual([]);
  await pass(200);
  expect(results).toEqual([`${Date.UTC(2001, 0, 1)}:3`]);
  run.cancel();
});
