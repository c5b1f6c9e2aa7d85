/** An end of a flow that is read by name, as `run.output(name)`. */
import type { Delivery, DeliveryEvents } from './delivery.ts';
import type { FlowError } from './errors.ts';
import type { Downstream } from './frame.ts';
import { streamLimits } from './limits.ts';
import { Outlet } from './outlet.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

/** The outlet of a side output. Its elements are counted when they are read. */
export function sideOutlet(
  downstream: Downstream<unknown>,
  events: Pick<DeliveryEvents, 'full' | 'closed'>,
): Outlet<unknown> {
  return new Outlet<unknown>(downstream, {
    highWater: streamLimits.outletHighWater,
    frameElementsMax: streamLimits.frameElementsMax,
    frameWeightMax: streamLimits.frameWeightMax,
    timed: false,
    onFull: events.full,
    onClosed: events.closed,
  });
}

export class SideDelivery implements Delivery {
  readonly #stage: string;
  readonly outlet: Outlet<unknown>;
  #written = 0;

  constructor(stage: string, downstream: Downstream<unknown>, events: DeliveryEvents) {
    this.#stage = stage;
    this.outlet = sideOutlet(downstream, {
      full: events.full,
      closed: () => {
        events.unwanted();
        events.closed();
      },
    });
  }

  get full(): boolean {
    return this.outlet.full;
  }

  write(item: unknown): void {
    this.#written += 1;
    this.outlet.write(item, 0);
  }

  watermark(): void {
    // Whoever reads has no use for event time.
  }

  flush(): void {
    this.outlet.flush();
  }

  end(): void {
    this.outlet.end();
  }

  fail(error: FlowError): void {
    this.outlet.fail(error);
  }

  abort(): void {
    this.outlet.cancel();
  }

  repeat(): void {
    // It stays within its actor, where nothing is lost.
  }

  counts(): readonly StageCounts[] {
    const { queued, discarded: dropped } = this.outlet;
    return [stageCounts(this.#stage, { in: this.#written, out: this.#written - queued - dropped, dropped })];
  }

  describe(): void {
    // Its outlet is known to the segment.
  }
}
