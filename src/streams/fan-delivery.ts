/** Delivers to several branches: each element to all of them, to the next that has room, or to the first that takes it. */
import type { Branch, BranchEvents } from './branch.ts';
import type { ConditionParts } from './condition.ts';
import type { Delivery } from './delivery.ts';
import { type FlowError, StageFailed } from './errors.ts';
import type { FanTail } from './plan.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

export class FanDelivery implements Delivery {
  readonly #tail: FanTail;
  readonly #events: BranchEvents;
  readonly #branches: readonly Branch[];
  readonly #wanted: boolean[];
  #open: number;
  #next = 0;
  #written = 0;
  #dropped = 0;
  full = false;

  constructor(tail: FanTail, events: BranchEvents, makeBranch: (index: number, events: BranchEvents) => Branch) {
    this.#tail = tail;
    this.#events = events;
    this.#open = tail.branches.length;
    this.#wanted = tail.branches.map(() => true);
    this.#branches = tail.branches.map((_, index) =>
      makeBranch(index, {
        full: () => this.#fullChanged(),
        unwanted: () => this.#leave(index),
        closed: () => {
          this.#open -= 1;
          if (this.#open === 0) events.closed();
        },
        failed: events.failed,
        stirred: events.stirred,
        deadLetter: events.deadLetter,
        restarted: events.restarted,
      }),
    );
  }

  open(): void {
    for (const branch of this.#branches) branch.open();
  }

  write(item: unknown, timeMs: number): void {
    this.#written += 1;
    if (this.#tail.how === 'broadcast') {
      for (const branch of this.#branches) branch.write(item, timeMs);
      return;
    }
    const index = this.#tail.how === 'balance' ? this.#nextWithRoom() : this.#taker(item);
    if (index === -1 || !this.#wanted[index]) this.#dropped += 1;
    else this.#branches[index]!.write(item, timeMs);
  }

  watermark(watermarkMs: number): void {
    for (const branch of this.#branches) branch.watermark(watermarkMs);
  }

  flush(): void {
    for (const branch of this.#branches) branch.flush();
  }

  end(): void {
    for (const branch of this.#branches) branch.end();
  }

  fail(error: FlowError): void {
    for (const branch of this.#branches) branch.fail(error);
  }

  abort(): void {
    for (const branch of this.#branches) branch.abort();
  }

  repeat(): void {
    for (const branch of this.#branches) branch.repeat();
  }

  counts(): readonly StageCounts[] {
    const { stage } = this.#tail;
    const own = stageCounts(stage, { in: this.#written, out: this.#written - this.#dropped, dropped: this.#dropped });
    return [own, ...this.#branches.flatMap((branch) => branch.counts())];
  }

  describe(parts: ConditionParts): void {
    for (const branch of this.#branches) branch.describe(parts);
  }

  #taker(item: unknown): number {
    try {
      return this.#tail.predicates.findIndex((takes) => takes(item));
    } catch (thrown) {
      throw new StageFailed(this.#tail.stage, thrown);
    }
  }

  /** In turns; the next one anyway where none has room. */
  #nextWithRoom(): number {
    const { length } = this.#branches;
    let wanted = -1;
    for (let turn = 0; turn < length; turn += 1) {
      const index = (this.#next + turn) % length;
      if (!this.#wanted[index]) continue;
      if (wanted === -1) wanted = index;
      if (this.#branches[index]!.full) continue;
      wanted = index;
      break;
    }
    this.#next = wanted + 1;
    return wanted;
  }

  #leave(index: number): void {
    this.#wanted[index] = false;
    if (this.#wanted.includes(true)) this.#fullChanged();
    else this.#events.unwanted();
  }

  /** An element for any branch waits until one has room; one for all, or for one not yet known, until all have. */
  #fullChanged(): void {
    const wanted = this.#branches.filter((_, index) => this.#wanted[index]);
    const full =
      this.#tail.how === 'balance' ? wanted.every((branch) => branch.full) : wanted.some((branch) => branch.full);
    const isFull = wanted.length > 0 && full;
    if (isFull === this.full) return;
    this.full = isFull;
    this.#events.full(isFull);
  }
}
