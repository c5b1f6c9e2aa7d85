/** Delivers to another segment: to the partition that owns an element's key, to the one with most room, to all, to the only one. */

import type { Key } from '../base/hash-key.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import { type FlowError, StageFailed } from './errors.ts';
import type { Downstream } from './frame.ts';
import { keyGroupOf, partitionOfGroup } from './key-groups.ts';
import { streamLimits } from './limits.ts';
import { Outlet } from './outlet.ts';
import type { Route } from './plan.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

export class EdgeDelivery implements Delivery {
  readonly outlets: readonly Outlet<unknown>[];
  readonly #route: Route;
  /** Which outlet an element goes to. */
  readonly #choose: (item: unknown) => number;
  readonly #events: DeliveryEvents;
  #open: number;
  #fullOutlets = 0;
  #next = 0;
  written = 0;
  full = false;

  constructor(
    downstreams: readonly Downstream<unknown>[],
    { route, timed, events }: { readonly route: Route; readonly timed: boolean; readonly events: DeliveryEvents },
  ) {
    this.#route = route;
    this.#events = events;
    this.#open = downstreams.length;
    if (route.kind === 'key') this.#choose = byKey(route.stage, route.keyOf, downstreams.length);
    else if (route.kind === 'balance') this.#choose = () => this.#mostRoom();
    else this.#choose = () => 0;
    this.outlets = downstreams.map(
      (downstream) =>
        new Outlet<unknown>(downstream, {
          highWater: streamLimits.outletHighWater,
          frameElementsMax: streamLimits.frameElementsMax,
          frameWeightMax: streamLimits.frameWeightMax,
          timed,
          onFull: (full) => this.#outletFull(full),
          onClosed: () => this.#outletClosed(),
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
    if (this.#route.kind !== 'all') this.outlets[this.#choose(item)]!.write(item, timeMs);
    else for (const outlet of this.outlets) outlet.write(item, timeMs);
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

  repeat(): void {
    for (const outlet of this.outlets) outlet.repeat();
  }

  counts(): readonly StageCounts[] {
    if (this.#route.kind !== 'key') return [];
    const { written, queued, discarded } = this;
    return [stageCounts(this.#route.stage, { in: written, out: written - queued - discarded, dropped: discarded })];
  }

  describe(): void {
    // Its outlets are known to the segment.
  }

  #outletFull(full: boolean): void {
    this.#fullOutlets += full ? 1 : -1;
    this.#fullChanged();
  }

  #outletClosed(): void {
    this.#open -= 1;
    if (this.#open > 0) {
      this.#fullChanged();
      return;
    }
    // Ended or left, each of them: it makes no difference to whoever writes.
    this.#events.unwanted();
    this.#events.closed();
  }

  /** Elements that may go anywhere wait for the first that has room, those that may not for each that has none. */
  #fullChanged(): void {
    const full =
      this.#route.kind === 'balance' ? this.#fullOutlets >= this.#open && this.#open > 0 : this.#fullOutlets > 0;
    if (full === this.full) return;
    this.full = full;
    this.#events.full(full);
  }

  /** The open outlet with the fewest elements queued and on their way, in turns where several are alike. */
  #mostRoom(): number {
    const { outlets } = this;
    let best = this.#next % outlets.length;
    let bestLoad = Infinity;
    for (let turn = 0; turn < outlets.length; turn += 1) {
      const index = (this.#next + turn) % outlets.length;
      const outlet = outlets[index]!;
      const load = outlet.closed ? Infinity : outlet.outstanding;
      if (load < bestLoad) {
        best = index;
        bestLoad = load;
      }
    }
    this.#next = best + 1;
    return best;
  }
}

/** To the partition that owns the key. The route throws StageFailed where `keyOf` throws or gives no key. */
function byKey(stage: string, keyOf: (item: unknown) => Key, parallelism: number): (item: unknown) => number {
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
