/** A processor without its segment: event time and the clock are where a test puts them. */
import type { Key } from '../../../src/base/hash-key.ts';
import type { Processor, ProcessorSpec } from '../../../src/streams/processor.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

export interface Alone {
  readonly processor: Processor;
  /** What it gave, with event times. */
  readonly given: { readonly value: unknown; readonly timeMs: number }[];
  /** Adds an element with an `at`, and has all done that is due then. */
  add(item: { readonly id: Key; readonly at: number }): void;
  /** Has event time go on, and all done that is due then. */
  advance(watermarkMs: number): void;
  /** Has all done that is due by the clock. */
  settle(): Promise<void>;
}

export function processorAlone(
  spec: ProcessorSpec,
  keyOf: (item: unknown) => Key,
  { timed, clock = new VirtualClock(), keep = true }: { timed: boolean; clock?: VirtualClock; keep?: boolean },
): Alone {
  const given: Alone['given'] = [];
  let woken = false;
  const processor = spec.make({
    stage: 'alone',
    timed,
    keyOf: [keyOf],
    clock,
    emit: (value, timeMs) => {
      if (keep) given.push({ value, timeMs });
    },
    side: () => undefined,
    wake: () => {
      woken = true;
    },
    hold: () => undefined,
  });
  const work = (): void => {
    while (processor.due) processor.work();
  };
  return {
    processor,
    given,
    add: (item) => {
      processor.add(item, timed ? item.at : Number.NaN, 0);
      work();
    },
    advance: (watermarkMs) => {
      processor.advance(watermarkMs);
      while (processor.work());
    },
    settle: async () => {
      // Nothing is due by the clock unless it said so.
      if (woken) work();
      woken = false;
    },
  };
}
