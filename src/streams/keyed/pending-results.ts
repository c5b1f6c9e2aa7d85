/**
 * Results of a call: the first go on at once, the rest waits here until there is room behind, and no other element is
 * added before.
 */
import { OperatorOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { type ProcessorContext, resultsAtATime } from '../processor.ts';

export class PendingResults {
  readonly #context: ProcessorContext;
  #values: unknown[] = [];
  /** The side output of each; undefined for a result. */
  #names: (string | undefined)[] = [];
  /** How many of them have gone on. */
  #gone = 0;
  #givenInCall = 0;
  #timeMs: number = Number.NaN;

  constructor(context: ProcessorContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#values.length - this.#gone;
  }

  get bytes(): number {
    return this.#values.length * 16;
  }

  /** A call begins, whose results have this event time. All results of the one before have gone on. */
  begin(timeMs: number): void {
    this.#givenInCall = 0;
    this.#timeMs = timeMs;
  }

  /** @throws OperatorOverflow for more results of one call than it keeps. */
  give(name: string | undefined, value: unknown): void {
    this.#givenInCall += 1;
    if (this.#givenInCall <= resultsAtATime) {
      this.#send(name, value);
      return;
    }
    if (this.#givenInCall > streamLimits.processResultsMax) {
      throw new OperatorOverflow(
        this.#context.stage,
        'process',
        'results of one call',
        streamLimits.processResultsMax,
        'Keep the rest in its state, and give it by timers, a part each',
      );
    }
    this.#values.push(value);
    this.#names.push(name);
  }

  /** Gives some of what waits; false where nothing does. */
  drain(): boolean {
    if (this.size === 0) return false;
    const until = Math.min(this.#gone + resultsAtATime, this.#values.length);
    for (; this.#gone < until; this.#gone += 1) this.#send(this.#names[this.#gone], this.#values[this.#gone]);
    if (this.size > 0) return true;
    this.#values = [];
    this.#names = [];
    this.#gone = 0;
    return true;
  }

  #send(name: string | undefined, value: unknown): void {
    if (name === undefined) this.#context.emit(value, this.#timeMs);
    else this.#context.side(name, value, this.#timeMs);
  }
}
