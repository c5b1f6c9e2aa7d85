/** A processor at the head of a segment: what goes in and comes out is counted, and what fails says which stage it was. */
import type { Clock } from '../base/environment/clock.ts';
import { asStageFailure } from './errors.ts';
import type { ProcessorHead } from './plan.ts';
import type { GroupHeld, Processor, StateHeld } from './processor.ts';
import type { ProcessorCounts } from './stage-counts.ts';

/** What it is joined to within its segment. */
export interface ProcessingEvents {
  readonly emit: (value: unknown, timeMs: number) => void;
  /** To a side output of the stage, or to the one for what is late. */
  readonly side: (name: string, value: unknown, timeMs: number) => void;
  readonly wake: () => void;
  readonly hold: (port: number, held: boolean) => void;
}

export class Processing implements ProcessorCounts {
  readonly #processor: Processor;
  readonly #stage: string;
  readonly #lateOutput: string | undefined;
  readonly #events: ProcessingEvents;
  #watermarkMs = -Infinity;
  taken = 0;
  given = 0;
  late = 0;

  constructor({ stage, spec, timed, keyOf, late }: ProcessorHead, clock: Clock, events: ProcessingEvents) {
    this.#stage = stage;
    this.#lateOutput = late;
    this.#events = events;
    this.#processor = spec.make({
      stage,
      timed,
      keyOf,
      clock,
      emit: (value, timeMs) => {
        this.given += 1;
        events.emit(value, timeMs);
      },
      side: events.side,
      wake: events.wake,
      hold: events.hold,
    });
  }

  get due(): boolean {
    return this.#processor.due;
  }

  get held(): StateHeld {
    return this.#processor.held;
  }

  get groups(): readonly GroupHeld[] {
    return this.#processor.groups;
  }

  /** @throws FlowError where the user's code throws. */
  add(item: unknown, timeMs: number, port: number): void {
    this.taken += 1;
    let inTime: boolean;
    try {
      inTime = this.#processor.add(item, timeMs, port);
    } catch (thrown) {
      throw asStageFailure(this.#stage, thrown);
    }
    if (inTime) return;
    this.late += 1;
    if (this.#lateOutput !== undefined) this.#events.side(this.#lateOutput, item, timeMs);
  }

  portsAt(port: number, marks: readonly number[]): void {
    for (const mark of marks) this.#processor.portAt?.(port, mark);
  }

  /** Event time got to `watermarkMs`, if it had not before. */
  advance(watermarkMs: number): void {
    if (!(watermarkMs > this.#watermarkMs)) return;
    this.#watermarkMs = watermarkMs;
    this.#processor.advance(watermarkMs);
  }

  /** Does a piece of what is due; false where nothing is. @throws FlowError where the user's code throws. */
  work(): boolean {
    try {
      return this.#processor.work();
    } catch (thrown) {
      throw asStageFailure(this.#stage, thrown);
    }
  }

  query(question: unknown): unknown {
    return this.#processor.query?.(question);
  }

  stop(): void {
    this.#processor.stop?.();
  }
}
