/**
 * A lossy edge: it is never full. What its reader has no room for waits in a bounded buffer, and a named strategy says
 * what is lost when that is full.
 *
 * Watermarks keep their place between the elements; that of one that is dropped passes to the one before it.
 */

import { Ring } from '../base/ring.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import type { EdgeDelivery } from './edge-delivery.ts';
import { type FlowError, StageFailed } from './errors.ts';
import { idle } from './event-time.ts';
import type { OverflowStrategy } from './overflow.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

interface Waiting {
  item: unknown;
  timeMs: number;
  /** Comes behind it; NaN for none. */
  watermarkMs: number;
}

export class OverflowDelivery implements Delivery {
  readonly #stage: string;
  readonly #strategy: OverflowStrategy<unknown>;
  readonly #capacity: number;
  readonly #edge: EdgeDelivery;
  readonly #waiting = new Ring<Waiting>();
  #last: Waiting | undefined;
  #ending: (() => void) | undefined;
  #closed = false;
  #written = 0;
  #dropped = 0;
  readonly full = false;

  /** @param makeEdge the edge behind it, which tells the given events. */
  constructor(
    stage: string,
    strategy: OverflowStrategy<unknown>,
    events: DeliveryEvents,
    makeEdge: (events: DeliveryEvents) => EdgeDelivery,
  ) {
    this.#stage = stage;
    this.#strategy = strategy;
    this.#capacity = strategy.capacity ?? 1;
    this.#edge = makeEdge({
      full: (full) => {
        if (!full) this.#drain();
      },
      unwanted: () => {
        this.#drop();
        events.unwanted();
      },
      closed: () => {
        this.#closed = true;
        events.closed();
      },
      failed: events.failed,
    });
  }

  write(item: unknown, timeMs: number): void {
    this.#written += 1;
    if (this.#waiting.size === 0 && !this.#edge.full) {
      this.#edge.write(item, timeMs);
      return;
    }
    if (this.#waiting.size < this.#capacity) {
      this.#append(item, timeMs);
      return;
    }
    this.#dropped += 1;
    switch (this.#strategy.strategy) {
      case 'drop-newest':
        return;
      case 'drop-oldest': {
        const { watermarkMs } = this.#waiting.shift()!;
        // All before it is gone, so its watermark may go on its way.
        if (!Number.isNaN(watermarkMs)) this.#edge.watermark(watermarkMs);
        this.#append(item, timeMs);
        return;
      }
      case 'conflate': {
        const last = this.#last!;
        try {
          last.item = this.#strategy.merge(last.item, item);
        } catch (thrown) {
          throw new StageFailed(this.#stage, thrown);
        }
        last.timeMs = Math.max(last.timeMs, timeMs);
        return;
      }
      default:
        this.#strategy satisfies never;
    }
  }

  watermark(watermarkMs: number): void {
    if (this.#last === undefined) this.#edge.watermark(watermarkMs);
    // An input that is idle is said to be so when it has been waited for; until then how far it is counts for more.
    else if (watermarkMs !== idle || Number.isNaN(this.#last.watermarkMs)) this.#last.watermarkMs = watermarkMs;
  }

  flush(): void {
    this.#edge.flush();
  }

  end(): void {
    this.#endWith(() => this.#edge.end());
  }

  fail(error: FlowError): void {
    this.#endWith(() => this.#edge.fail(error));
  }

  abort(): void {
    this.#drop();
    this.#edge.abort();
  }

  repeat(): void {
    this.#edge.repeat();
  }

  counts(): readonly StageCounts[] {
    const dropped = this.#dropped + this.#edge.discarded;
    const waiting = this.#waiting.size + this.#edge.queued;
    const counts = { in: this.#written, out: this.#written - dropped - waiting, dropped };
    return [stageCounts(this.#stage, counts)];
  }

  describe(): void {
    // It waits for nobody.
  }

  #append(item: unknown, timeMs: number): void {
    this.#last = { item, timeMs, watermarkMs: Number.NaN };
    this.#waiting.push(this.#last);
  }

  #drain(): void {
    while (this.#waiting.size > 0 && !this.#edge.full && !this.#closed) {
      const { item, timeMs, watermarkMs } = this.#waiting.shift()!;
      if (this.#waiting.size === 0) this.#last = undefined;
      this.#edge.write(item, timeMs);
      if (!Number.isNaN(watermarkMs)) this.#edge.watermark(watermarkMs);
    }
    this.#edge.flush();
    if (this.#waiting.size === 0) this.#ending?.();
  }

  #endWith(ending: () => void): void {
    this.#ending ??= ending;
    this.#drain();
  }

  #drop(): void {
    this.#dropped += this.#waiting.size;
    this.#waiting.clear();
    this.#last = undefined;
  }
}
