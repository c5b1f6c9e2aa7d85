/** A part of a segment: operators, and where what comes out of them goes. The trunk of a segment is one. */
import { limits } from '../base/limits.ts';
import type { ConditionParts } from './condition.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import type { FlowError } from './errors.ts';
import { Island, type Via } from './island.ts';
import type { LedgerEnvironment } from './ledger.ts';
import { streamLimits } from './limits.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

export interface BranchEvents extends DeliveryEvents {
  /** Something came out although nothing was written: by time, or by I/O. It is yet to be flushed. */
  readonly stirred: () => void;
  /** An operator gave an element up. */
  readonly deadLetter: (stage: string, element: unknown, error: unknown) => void;
  /** A stage failed and was built anew; so many elements were lost with it. */
  readonly restarted: (stage: string, error: FlowError, lost: number) => void;
}

export class Branch implements Delivery {
  readonly #island: Island;
  readonly #delivery: Delivery;
  readonly #events: BranchEvents;
  /** What has no room: the island, the delivery. */
  #fullParts = 0;
  #writing = false;
  #unwanted = false;
  full = false;

  constructor(
    vias: readonly Via[],
    { clock, random }: LedgerEnvironment,
    events: BranchEvents,
    makeDelivery: (events: DeliveryEvents) => Delivery,
  ) {
    this.#events = events;
    const full = (isFull: boolean): void => this.#partFull(isFull);
    this.#island = new Island(vias, {
      clock,
      random,
      events: {
        emit: (value, timeMs) => {
          this.#delivery.write(value, timeMs);
          if (!this.#writing) events.stirred();
        },
        watermark: (watermarkMs) => {
          this.#delivery.watermark(watermarkMs);
          if (!this.#writing) events.stirred();
        },
        full,
        completed: () => this.#delivery.end(),
        closedEarly: () => {
          this.#leave();
          this.#delivery.end();
        },
        failed: events.failed,
        deadLetter: events.deadLetter,
        restarted: events.restarted,
      },
    });
    this.#delivery = makeDelivery({
      full: (isFull) => {
        this.#island.room(!isFull);
        full(isFull);
      },
      unwanted: () => {
        this.#island.dispose();
        this.#leave();
      },
      closed: events.closed,
      failed: events.failed,
    });
  }

  /** Subscribes the operators, those behind first. What they emit at once is delivered. */
  open(): void {
    this.#delivery.open?.();
    this.#within(() => this.#island.open());
  }

  write(item: unknown, timeMs: number): void {
    this.#writing = true;
    this.#island.push(item, timeMs);
    this.#writing = false;
  }

  watermark(watermarkMs: number): void {
    this.#within(() => this.#island.watermark(watermarkMs));
  }

  flush(): void {
    this.#delivery.flush();
  }

  /** What the operators still hold comes out first, now or later. */
  end(): void {
    this.#within(() => this.#island.complete());
  }

  fail(error: FlowError): void {
    this.#island.dispose();
    this.#delivery.fail(error);
  }

  abort(): void {
    this.#island.dispose();
    this.#delivery.abort();
  }

  repeat(): void {
    this.#delivery.repeat();
  }

  counts(): readonly StageCounts[] {
    const vias = this.#island.stages.map(({ name, in: taken, out, dropped, oldest: _, ...fates }) =>
      stageCounts(name, { in: taken, out, dropped, fates: { ...fates, dropped } }),
    );
    return [...vias, ...this.#delivery.counts()];
  }

  describe(parts: ConditionParts): void {
    for (const { name, held, oldest } of this.#island.stages) {
      if (oldest === undefined) continue;
      const { operator, heldMs, key } = oldest;
      const heldMax = streamLimits.heldMax;
      parts.holding.push({ stage: name, operator, held, heldMax, oldestMs: heldMs, key: keyText(key) });
    }
    this.#delivery.describe(parts);
  }

  #within(work: () => void): void {
    this.#writing = true;
    work();
    this.#writing = false;
  }

  #partFull(full: boolean): void {
    this.#fullParts += full ? 1 : -1;
    const isFull = this.#fullParts > 0;
    if (isFull === this.full) return;
    this.full = isFull;
    this.#events.full(isFull);
  }

  #leave(): void {
    if (this.#unwanted) return;
    this.#unwanted = true;
    this.#events.unwanted();
  }
}

/** A key as it is shown: what it is need not fit into a message. */
function keyText(key: unknown): string | undefined {
  return key === undefined ? undefined : String(key).slice(0, limits.nameCharactersMax);
}
