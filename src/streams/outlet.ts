/**
 * The writing end of an edge: elements gathered into frames, sent whole against credit.
 *
 * A full outlet refuses nothing: it says so, and its segment pushes no further element until there is room again. So
 * it holds at most its high water and what one push made of its element: so many elements, or what a frame may weigh.
 *
 * A watermark closes the open frame, so that which elements come before it depends on the input alone and never on
 * timing: what is late in one run is late in every run. That the input is idle follows as a frame of its own.
 */
import type { TroupeError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import { elementWeight } from './element-weight.ts';
import { idle } from './event-time.ts';
import type { Downstream } from './frame.ts';

interface Chunk<T> {
  items: T[];
  times: number[] | undefined;
  watermark: number | undefined;
  /** Whether the input is idle behind it. */
  idle: boolean;
  weight: number;
}

export interface OutletOptions {
  /** Queued elements at which the outlet counts as full, at least 1. */
  readonly highWater: number;
  /** The most elements in one frame, at least 1. */
  readonly frameElementsMax: number;
  /**
   * What the elements of one frame may weigh; one that weighs more alone has a frame of its own. The outlet counts as full
   * when as much is queued.
   */
  readonly frameWeightMax: number;
  /** Whether elements carry event times. */
  readonly timed: boolean;
  /** Called when `full` changed. */
  readonly onFull: (full: boolean) => void;
  /** Called once, when the last element and the end were sent, or the reader cancelled. */
  readonly onClosed: () => void;
}

export class Outlet<T> {
  readonly #options: OutletOptions;
  readonly #downstream: Downstream<T>;
  readonly #chunks = new Ring<Chunk<T>>();
  #open: Chunk<T>;
  #last: Chunk<T> | undefined;
  #granted = 0;
  #grantedWeight = 0;
  #sentWeight = 0;
  #queuedWeight = 0;
  #ending: 'end' | TroupeError | undefined;
  /** What was sent when `repeat` was last called. */
  #sentBefore = 0;
  /** Elements handed to the edge. */
  sent = 0;
  /** Elements written after the reader had cancelled, or dropped because it did. */
  discarded = 0;
  /** Elements waiting for credit or for their frame to fill. */
  queued = 0;
  full = false;
  closed = false;
  cancelled = false;

  constructor(downstream: Downstream<T>, options: OutletOptions) {
    this.#downstream = downstream;
    this.#options = options;
    this.#open = this.#newChunk();
  }

  /** Takes one element, always. `time` is ignored where the edge is not timed. */
  write(item: T, time: number): void {
    if (this.closed) {
      this.discarded += 1;
      return;
    }
    const { frameElementsMax, frameWeightMax } = this.#options;
    const weight = elementWeight(item, frameWeightMax);
    if (this.#open.weight + weight > frameWeightMax && this.#open.items.length > 0) this.#sendOpen();
    const open = this.#open;
    open.items.push(item);
    if (open.times !== undefined) open.times.push(time);
    open.weight += weight;
    this.queued += 1;
    this.#queuedWeight += weight;
    if (open.items.length >= frameElementsMax || open.weight >= frameWeightMax) this.#sendOpen();
    if (!this.full && this.#isFull()) this.#setFull(true);
  }

  /** Places a watermark behind everything written so far. It is not bound by credit. */
  watermark(timeMs: number): void {
    if (this.closed) return;
    if (this.#open.items.length > 0 || this.#last === undefined) this.#seal();
    const last = this.#last!;
    // Where time goes on while nobody listens, one mark is left, however many there were.
    last.idle = timeMs === idle;
    if (!last.idle) last.watermark = timeMs;
  }

  /** Sends what credit allows, frames that are not full included. */
  flush(): void {
    if (this.closed) return;
    if (this.#open.items.length > 0) this.#seal();
    this.#send();
  }

  /** Elements queued, or sent and not yet known to be done with. */
  get outstanding(): number {
    return this.queued + this.sent - this.#granted;
  }

  /** The reader grants elements and weight in all. A grant that says less than an earlier one does nothing. */
  grant(upTo: number, weightUpTo: number): void {
    if (upTo <= this.#granted && weightUpTo <= this.#grantedWeight) return;
    this.#granted = Math.max(this.#granted, upTo);
    this.#grantedWeight = Math.max(this.#grantedWeight, weightUpTo);
    if (this.queued > 0) this.flush();
  }

  /** Says how far an idle edge has come, so that its reader notices what was lost before. To be called at intervals. */
  repeat(): void {
    const { sent } = this;
    if (!this.closed && sent > 0 && sent === this.#sentBefore)
      this.#sendItems([], this.#newChunk().times, undefined, 0);
    this.#sentBefore = sent;
  }

  /** The reader wants no more: what is queued is dropped, and so is whatever is written from now on. */
  cancel(): void {
    if (this.closed) return;
    this.cancelled = true;
    this.discarded += this.queued;
    this.#close();
  }

  /** No more elements. The end is sent behind those that are queued. */
  end(): void {
    this.#ending ??= 'end';
    this.flush();
  }

  /** No more elements, because of `error`, which is sent behind those that are queued. */
  fail(error: TroupeError): void {
    this.#ending ??= error;
    this.flush();
  }

  #sendOpen(): void {
    this.#seal();
    this.#send();
  }

  #send(): void {
    while (this.#chunks.size > 0) {
      const chunk = this.#chunks.peek()!;
      const credit = this.#granted - this.sent;
      const count = chunk.items.length;
      // The last frame may go beyond: one element may weigh more than a whole window.
      if (this.#sentWeight >= this.#grantedWeight && count > 0) break;
      if (count > credit) {
        if (credit > 0) this.#sendPart(chunk, credit);
        break;
      }
      this.#chunks.shift();
      if (chunk === this.#last) this.#last = undefined;
      this.#sendItems(chunk.items, chunk.times, chunk.watermark, chunk.weight);
      if (chunk.idle) this.#sendItems([], this.#newChunk().times, idle, 0);
    }
    if (this.full && !this.#isFull()) this.#setFull(false);
    if (this.#ending !== undefined && this.#chunks.size === 0 && !this.closed) this.#sendEnding(this.#ending);
  }

  /** The first `count` elements of a chunk; its watermark stays behind the rest. */
  #sendPart(chunk: Chunk<T>, count: number): void {
    const items = chunk.items.slice(0, count);
    const times = chunk.times?.slice(0, count);
    chunk.items = chunk.items.slice(count);
    chunk.times = chunk.times?.slice(count);
    // What they weigh one by one is not kept.
    const weight = (chunk.weight * count) / (count + chunk.items.length);
    chunk.weight -= weight;
    this.#sendItems(items, times, undefined, weight);
  }

  #sendItems(items: T[], times: number[] | undefined, watermark: number | undefined, weight: number): void {
    const sequence = this.sent;
    this.sent += items.length;
    this.#sentWeight += weight;
    this.queued -= items.length;
    // Weights of parts of frames are fractions, whose errors would add up.
    this.#queuedWeight = this.queued === 0 ? 0 : this.#queuedWeight - weight;
    this.#downstream.data({ sequence, items, times, watermark, weight });
  }

  #sendEnding(ending: 'end' | TroupeError): void {
    if (ending === 'end') this.#downstream.end(this.sent);
    else this.#downstream.fail(this.sent, ending);
    this.#close();
  }

  #close(): void {
    this.closed = true;
    this.queued = 0;
    this.#queuedWeight = 0;
    this.#chunks.clear();
    this.#last = undefined;
    this.#open = this.#newChunk();
    if (this.full) this.#setFull(false);
    this.#options.onClosed();
  }

  #seal(): void {
    this.#last = this.#open;
    this.#chunks.push(this.#open);
    this.#open = this.#newChunk();
  }

  #isFull(): boolean {
    const { highWater, frameWeightMax } = this.#options;
    return this.queued >= highWater || this.#queuedWeight >= frameWeightMax;
  }

  #setFull(full: boolean): void {
    this.full = full;
    this.#options.onFull(full);
  }

  #newChunk(): Chunk<T> {
    return { items: [], times: this.#options.timed ? [] : undefined, watermark: undefined, idle: false, weight: 0 };
  }
}
