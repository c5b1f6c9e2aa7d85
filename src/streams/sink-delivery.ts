/**
 * Delivers into a sink: one write under way at a time, and a bounded buffer of what comes meanwhile.
 *
 * The write's promise is the only pull there is: while it is pending the buffer fills, then the segment stands still.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { ConditionParts } from './condition.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import { asStageFailure } from './errors.ts';
import { streamLimits } from './limits.ts';
import type { SinkTail } from './plan.ts';
import type { SinkWriter } from './sink.ts';
import { type StageCounts, stageCounts } from './stage-counts.ts';

export class SinkDelivery implements Delivery {
  readonly #writer: SinkWriter<unknown>;
  readonly #stage: string;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #events: DeliveryEvents;
  #buffer: unknown[] = [];
  #ending: 'finish' | 'abort' | undefined;
  #closing = false;
  /** Elements of the write that is under way; 0 where none is. */
  #writing = 0;
  #writingSinceMs = 0;
  written = 0;
  discarded = 0;
  full = false;

  constructor(writer: SinkWriter<unknown>, { stage, sink }: SinkTail, clock: Clock, events: DeliveryEvents) {
    this.#writer = writer;
    this.#stage = stage;
    this.#name = sink.name;
    this.#clock = clock;
    this.#events = events;
  }

  get queued(): number {
    return this.#buffer.length + this.#writing;
  }

  counts(): readonly StageCounts[] {
    const { written, queued, discarded } = this;
    const counts = this.#writer.counts?.() ?? {};
    return [stageCounts(this.#stage, { in: written, out: written - queued - discarded, dropped: discarded, counts })];
  }

  write(item: unknown): void {
    this.written += 1;
    if (this.#ending !== undefined) {
      this.discarded += 1;
      return;
    }
    this.#buffer.push(item);
    if (this.#buffer.length < streamLimits.outletHighWater) return;
    this.flush();
    if (!this.full && this.#buffer.length >= streamLimits.outletHighWater) this.#setFull(true);
  }

  watermark(): void {
    // A sink has no use for event time.
  }

  flush(): void {
    if (this.#writing > 0 || this.#buffer.length === 0) return;
    const batch = this.#buffer;
    this.#buffer = [];
    this.#writing = batch.length;
    this.#writingSinceMs = this.#clock.monotonicMs();
    try {
      const written = this.#writer.write(batch);
      if (written === undefined) {
        this.#writing = 0;
        this.#haveRoom();
        return;
      }
      written.then(this.#onWritten, this.#onWriteError);
    } catch (thrown) {
      this.#onWriteError(thrown);
    }
  }

  repeat(): void {
    // A promise is not lost.
  }

  end(): void {
    this.#ending ??= 'finish';
    this.flush();
    this.#closeIfDone();
  }

  fail(): void {
    this.abort();
  }

  abort(): void {
    if (this.#ending === 'finish' && this.#closing) return;
    this.#ending = 'abort';
    this.discarded += this.#buffer.length;
    this.#buffer = [];
    this.#closeIfDone();
  }

  describe({ writing }: ConditionParts): void {
    if (this.#writing === 0) return;
    const sinceMs = this.#clock.monotonicMs() - this.#writingSinceMs;
    writing.push({ stage: this.#stage, sink: this.#name, elements: this.#writing, sinceMs });
  }

  readonly #onWritten = (): void => {
    this.#writing = 0;
    this.flush();
    this.#haveRoom();
    this.#closeIfDone();
  };

  #haveRoom(): void {
    if (this.full && this.#buffer.length < streamLimits.outletHighWater) this.#setFull(false);
  }

  readonly #onWriteError = (thrown: unknown): void => {
    this.discarded += this.#writing;
    this.#writing = 0;
    const already = this.#ending === 'abort';
    this.abort();
    if (!already) this.#events.failed(asStageFailure(this.#stage, thrown));
  };

  /** Finishes or aborts the writer once no write is under way, and then says so. */
  #closeIfDone(): void {
    if (this.#ending === undefined || this.#closing || this.#writing > 0 || this.#buffer.length > 0) return;
    this.#closing = true;
    this.#close(this.#ending).then(this.#events.closed, (thrown: unknown) => {
      if (this.#ending === 'finish') this.#events.failed(asStageFailure(this.#stage, thrown));
      this.#events.closed();
    });
  }

  async #close(how: 'finish' | 'abort'): Promise<void> {
    if (how === 'finish') await this.#writer.finish?.();
    else await this.#writer.abort?.();
  }

  #setFull(full: boolean): void {
    this.full = full;
    this.#events.full(full);
  }
}
