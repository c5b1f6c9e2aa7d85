/** Delivers to the segments behind: to the partition that owns an element's key, or to the only one. */

import type { Key } from '../base/hash-key.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import { type FlowError, StageFailed } from './errors.ts';
import type { Downstream } from './frame.ts';
import { keyGroupOf, partitionOfGroup } from './key-groups.ts';
import { streamLimits } from './limits.ts';
import { Outlet } from './outlet.ts';

export class EdgeDelivery implements Delivery {
  readonly outlets: readonly Outlet<unknown>[];
  /** Which outlet an element goes to. */
  readonly #route: (item: unknown) => number;
  #open: number;
  written = 0;

  constructor(
    downstreams: readonly Downstream<unknown>[],
    options: {
      readonly timed: boolean;
      readonly route: (item: unknown) => number;
      readonly events: DeliveryEvents;
    },
  ) {
    this.#route = options.route;
    this.#open = downstreams.length;
    this.outlets = downstreams.map(
      (downstream) =>
        new Outlet<unknown>(downstream, {
          highWater: streamLimits.outletHighWater,
          frameElementsMax: streamLimits.frameElementsMax,
          frameWeightMax: streamLimits.frameWeightMax,
          timed: options.timed,
          onFull: options.events.full,
          onClosed: () => {
            this.#open -= 1;
            if (this.#open === 0) options.events.closed();
          },
        }),
    );
  }

  get queued(): number {
    return this.outlets.reduce((sum, outlet) => sum + outlet.queued, 0);
  }

  get discarded(): number {
    return this.outlets.reduce((sum, outlet) => sum + outlet.discarded, 0);
  }

  write(item: unknown, timeMs: number): void {
    this.written += 1;
    this.outlets[this.#route(item)]!.write(item, timeMs);
  }

  watermark(watermarkMs: number): void {
    for (const outlet of this.outlets) outlet.watermark(watermarkMs);
  }

  flush(): void {
    for (const outlet of this.outlets) outlet.flush();
  }

  end(): void {
    for (const outlet of this.outlets) outlet.end();
  }

  fail(error: FlowError): void {
    for (const outlet of this.outlets) outlet.fail(error);
  }

  abort(): void {
    for (const outlet of this.outlets) outlet.cancel();
  }
}

/** Everything to the one segment behind. */
export function toOnly(): number {
  return 0;
}

/** To the partition that owns the key. The route throws StageFailed where `keyOf` throws or gives no key. */
export function byKey(stage: string, keyOf: (item: unknown) => Key, parallelism: number): (item: unknown) => number {
  const partitions = Array.from({ length: streamLimits.keyGroups }, (_, group) => partitionOfGroup(group, parallelism));
  return (item) => {
    let key: Key;
    try {
      key = keyOf(item);
    } catch (thrown) {
      throw new StageFailed(stage, thrown);
    }
    if (typeof key === 'string' || typeof key === 'number') return partitions[keyGroupOf(key)]!;
    throw new StageFailed(stage, new TypeError(`keyBy(…) gave ${String(key)}; a key is a string or a number`));
  };
}
