/**
 * The reading end of an edge: a queue of frames, bounded by what it granted.
 *
 * It grants a window of elements at first, and again whenever half of it was consumed: granting each element would
 * cost a message per element, granting at the end would let the writer run dry.
 */
import type { TroupeError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import { EdgeBroken } from './errors.ts';
import type { DataFrame, Upstream } from './frame.ts';

export class Inlet<T> {
  readonly #window: number;
  readonly #windowWeight: number;
  readonly #upstream: Upstream;
  readonly #frames = new Ring<DataFrame<T>>();
  #granted = 0;
  #grantedWeight = 0;
  #received = 0;
  #consumed = 0;
  #consumedWeight = 0;
  #announcedEnd = false;
  #failure: TroupeError | undefined;
  #cancelled = false;
  /** What was received when `repeat` was last called. */
  #receivedBefore = 0;

  /**
   * @param window elements that may be unconsumed at a time, at least 1.
   * @param windowWeight what these may weigh together; at least what one frame may.
   */
  constructor(window: number, windowWeight: number, upstream: Upstream) {
    this.#window = window;
    this.#windowWeight = windowWeight;
    this.#upstream = upstream;
  }

  /** Elements queued or being processed. Never above the window. */
  get queued(): number {
    return this.#received - this.#consumed;
  }

  /** Frames that wait to be taken. */
  get waiting(): number {
    return this.#frames.size;
  }

  get received(): number {
    return this.#received;
  }

  /** True once every element was taken and no more will come. */
  get ended(): boolean {
    return this.#announcedEnd && this.#frames.size === 0;
  }

  /** Why the writer failed; told behind the elements that it sent before. */
  get failure(): TroupeError | undefined {
    return this.#frames.size === 0 ? this.#failure : undefined;
  }

  /** Makes the first grant. */
  open(): void {
    this.#grantAll();
  }

  /** Says the current grant of an idle edge again, or that it was cancelled: either may be lost. Call at intervals. */
  repeat(): void {
    if (this.#announcedEnd) return;
    if (this.#cancelled) this.#upstream.cancel();
    else if (this.#received === this.#receivedBefore) this.#upstream.grant(this.#granted, this.#grantedWeight);
    this.#receivedBefore = this.#received;
  }

  /**
   * Queues a frame; one that came before is dropped.
   *
   * @throws EdgeBroken when frames are missing before it, or it holds more than was granted.
   */
  data(frame: DataFrame<T>): void {
    if (this.#cancelled) return;
    if (frame.sequence < this.#received) return;
    this.#expect(frame.sequence);
    if (frame.sequence + frame.items.length > this.#granted) {
      throw new EdgeBroken(
        `an edge carried ${frame.sequence + frame.items.length} elements where ${this.#granted} were granted`,
      );
    }
    if (frame.items.length === 0 && frame.watermark === undefined) return;
    this.#received += frame.items.length;
    this.#frames.push(frame);
  }

  /** @throws EdgeBroken when elements are missing before it. */
  end(sequence: number): void {
    if (this.#cancelled || this.#announcedEnd) return;
    this.#expect(sequence);
    this.#announcedEnd = true;
  }

  /** Never throws: an edge that breaks while it fails has failed anyway. */
  fail(error: TroupeError): void {
    this.#failure ??= error;
  }

  /** The oldest frame; its elements count as consumed when they are given to `consumed`. */
  take(): DataFrame<T> | undefined {
    return this.#frames.shift();
  }

  /** Tells that the elements of a frame are done with, and grants as many again once half a window is free. */
  consumed({ items, weight }: DataFrame<T>): void {
    this.#consumed += items.length;
    this.#consumedWeight += weight;
    if (this.#cancelled || this.#announcedEnd) return;
    const left = this.#granted - this.#consumed;
    const leftWeight = this.#grantedWeight - this.#consumedWeight;
    if (left <= this.#window / 2 || leftWeight <= this.#windowWeight / 2) this.#grantAll();
  }

  #grantAll(): void {
    this.#granted = this.#consumed + this.#window;
    this.#grantedWeight = this.#consumedWeight + this.#windowWeight;
    this.#upstream.grant(this.#granted, this.#grantedWeight);
  }

  /** Drops what is queued and tells the writer to stop. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#frames.clear();
    if (!this.ended) this.#upstream.cancel();
  }

  #expect(sequence: number): void {
    if (sequence === this.#received) return;
    throw new EdgeBroken(
      `an edge went on at element ${sequence} where ${this.#received} was expected: what is between them was lost on ` +
        'its way. Between nodes this happens to an element that the wire refuses: one with a string above 1 MiB, with ' +
        'more than 1,024 keys or 100,000 values, above 4 MiB, or with an object of a class. If yours may be like that, ' +
        'make them smaller or plainer with a via before keyBy',
    );
  }
}
