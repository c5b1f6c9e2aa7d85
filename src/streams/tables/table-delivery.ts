/** Behind a table, which gives nothing on: it has always room, and is done when the table is. */
import type { Delivery, DeliveryEvents } from '../delivery.ts';
import type { StageCounts } from '../stage-counts.ts';

export class TableDelivery implements Delivery {
  readonly #events: DeliveryEvents;
  readonly full = false;
  #closed = false;

  constructor(events: DeliveryEvents) {
    this.#events = events;
  }

  write(): void {
    throw new Error('a table gives nothing on');
  }

  watermark(): void {
    // The table was told.
  }

  flush(): void {
    // Nothing is gathered.
  }

  end(): void {
    this.#close();
  }

  fail(): void {
    this.#close();
  }

  abort(): void {
    this.#close();
  }

  repeat(): void {
    // Nothing is sent.
  }

  counts(): readonly StageCounts[] {
    return [];
  }

  describe(): void {
    // Nothing is held.
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.closed();
  }
}
