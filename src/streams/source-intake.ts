/**
 * Reads a source batch by batch, and gives its elements their event times.
 *
 * The next batch is asked for only when the segment has worked off the one before and has room for more.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import { describeThrown } from '../base/errors.ts';
import { FlowError, SourceFailed } from './errors.ts';
import { idle, type ProcessingTime, type TimeOptions } from './event-time.ts';
import type { Batch, Intake, IntakeEvents } from './intake.ts';
import { batchOf, type Source, type SourceBatch, type SourceContext, type SourcePart } from './source.ts';
import { type SourceTime, sourceTime } from './source-time.ts';

export class SourceIntake implements Intake {
  readonly #source: Source<unknown>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: IntakeEvents;
  readonly #time: SourceTime | undefined;
  readonly #part: SourcePart | undefined;
  readonly #stop = new AbortController();
  #iterator: AsyncIterator<readonly unknown[] | SourceBatch<unknown>> | undefined;
  #batch: Batch | undefined;
  #reading = false;
  #askedAtMs = 0;
  #tick: Cancel | undefined;
  ended = false;
  /** Elements given to the segment so far. */
  taken = 0;

  constructor(
    source: Source<unknown>,
    options: {
      readonly stage: string;
      readonly time: TimeOptions<unknown> | ProcessingTime | undefined;
      readonly part: SourcePart | undefined;
      readonly clock: Clock;
      readonly random: Random;
      readonly events: IntakeEvents;
    },
  ) {
    this.#source = source;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#events = options.events;
    this.#part = options.part;
    const { stage, time, clock } = options;
    this.#time = time && sourceTime(stage, time, source.bounded === true, clock);
  }

  /** Elements that the source says it lost. */
  get dropped(): number {
    return this.#source.dropped?.() ?? 0;
  }

  take(): Batch | undefined {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) this.taken += batch.items.length;
    else if (!this.ended) this.#readNext();
    return batch;
  }

  /** How long the source has been asked for a batch without an answer, in ms; undefined where it was not asked. */
  get askedForMs(): number | undefined {
    return this.#reading ? this.#clock.monotonicMs() - this.#askedAtMs : undefined;
  }

  release(): void {
    // The source is asked for more by the next `take`.
  }

  cancel(): void {
    if (this.#stop.signal.aborted) return;
    const running = !this.ended;
    this.ended = true;
    this.#batch = undefined;
    this.#tick?.();
    this.#stop.abort();
    // A generator runs its `finally` at once, or when what it waits for has come. Nobody is left to hear of an error.
    if (running) this.#iterator?.return?.().then(undefined, () => undefined);
  }

  #readNext(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#askedAtMs = this.#clock.monotonicMs();
    try {
      this.#iterator ??= this.#source.open(this.#context())[Symbol.asyncIterator]();
      this.#iterator.next().then(this.#onRead, this.#onError);
    } catch (thrown) {
      this.#onError(thrown);
      return;
    }
    this.#time?.listen();
    this.#setTick();
  }

  #context(): SourceContext {
    return { signal: this.#stop.signal, clock: this.#clock, random: this.#random, part: this.#part };
  }

  readonly #onRead = (result: IteratorResult<readonly unknown[] | SourceBatch<unknown>>): void => {
    this.#reading = false;
    this.#tick?.();
    if (this.ended) return;
    if (result.done) {
      this.ended = true;
      this.#events.ready();
      return;
    }
    try {
      const given = batchOf(result.value ?? []);
      const { items } = given;
      if (!Array.isArray(items))
        throw new TypeError(`it gave ${typeof result.value} where a batch has an array of elements`);
      const read = this.#time?.read(given);
      // A table that is joined with is loaded then, whether it has event time or not.
      const caughtUp = read === undefined && given.caughtUp === true && this.#source.bounded !== true;
      this.#batch = { items, times: read?.times, marks: read?.marks ?? (caughtUp ? [idle] : []) };
    } catch (thrown) {
      this.#onError(thrown);
      return;
    }
    this.#events.ready();
  };

  readonly #onError = (thrown: unknown): void => {
    this.#reading = false;
    if (this.ended) return;
    this.cancel();
    this.#events.failed(this.#asFailure(thrown));
  };

  #asFailure(thrown: unknown): FlowError {
    if (thrown instanceof FlowError) return thrown;
    const text = `source '${this.#source.name}' failed: ${describeThrown(thrown)}; see the cause`;
    return new SourceFailed('failed', text, thrown);
  }

  /** While the source gives nothing, the clock may say something about time. */
  #setTick(): void {
    const afterMs = this.#time?.tickAfterMs;
    if (afterMs === undefined || this.ended) return;
    this.#tick = this.#clock.timer(afterMs, () => {
      // What was said last is still to be taken, and there is room for nothing newer.
      const marks = this.#batch !== undefined ? [] : this.#time!.tick();
      if (marks.length > 0) {
        this.#batch = { items: [], times: [], marks };
        this.#events.ready();
      }
      this.#setTick();
    });
  }
}
