/**
 * What stands at the head of a segment and keeps state by key: windows, joins, processes, running aggregates.
 *
 * Elements with their times go in by ports, results come out by `emit`. A processor never waits and never gives more
 * than about {@link resultsAtATime} results at once: what is left makes it `due`, and its segment calls `work` while
 * the queues behind have room. Equal input gives equal output, in equal order.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Key } from '../base/hash-key.ts';

/** Results, or rows looked at without one, between which the segment looks whether there is room behind it. */
export const resultsAtATime = 256;

export interface Processor {
  /**
   * Takes an element, whose time is NaN where the flow has no event time. False where it came too late to count, and is
   * for the late output.
   *
   * @throws FlowError where the user's code throws.
   */
  add(item: unknown, timeMs: number, port: number): boolean;
  /** Something is due although event time did not go on: by what was added, or by the clock. */
  readonly due: boolean;
  /** Event time got to `watermarkMs` on all ports, which is higher than before; Infinity at the end of all input. */
  advance(watermarkMs: number): void;
  /** One port is at `mark`: a watermark, `idle`, or Infinity at its end. Called where there are several. */
  portAt?(port: number, mark: number): void;
  /** Does a piece of what is due; false where nothing is. @throws FlowError where the user's code throws. */
  work(): boolean;
  /** Answers somebody outside of the flow, now or later. */
  query?(question: unknown): unknown;
  /** The segment stops: timers of the clock are cleared. */
  stop?(): void;
  readonly held: StateHeld;
  /** The same by key group, of those that hold something; empty where state is not split by key. */
  readonly groups: readonly GroupHeld[];
}

/** What the keys of a group hold. */
export interface GroupHeld {
  /** In [0, 128): the unit in which keys move. */
  readonly group: number;
  /** Keys that have state. */
  readonly keys: number;
  /** An estimate of what their keys, rows and values take, in bytes, without what is kept for more. */
  readonly stateBytes: number;
}

/** What an instance of a stage keeps, in numbers. */
export interface StateHeld {
  /** Keys that have state. */
  readonly keys: number;
  /** What is kept of them, in the unit of the stage: open windows, elements that wait for others, entries. */
  readonly [unit: string]: number;
  /** An estimate of what it takes, in bytes, without what values hold beyond an object each. */
  readonly stateBytes: number;
}

/** What a processor is given by the segment whose head it is. */
export interface ProcessorContext {
  /** What errors call the stage. */
  readonly stage: string;
  /** Whether elements have event times. */
  readonly timed: boolean;
  /** The key of an element, by its port; a port that is not split by key has none. */
  readonly keyOf: readonly ((item: unknown) => Key)[];
  readonly clock: Clock;
  /** A result and its event time, which is not below a watermark that was given to `advance` before. */
  emit(value: unknown, timeMs: number): void;
  /** To a side output of the stage. */
  side(name: string, value: unknown, timeMs: number): void;
  /** The processor is due by the clock. */
  wake(): void;
  /** Whether elements of a port are left where they are, so that their writers wait. */
  hold(port: number, held: boolean): void;
}

/** How a processor is made: what a node of the graph keeps of it. */
export interface ProcessorSpec {
  /** What stages of this kind are called unless they are given a name. */
  readonly kind: string;
  /** What it is, without its functions: two places with different ones run different flows. */
  readonly text: string;
  make(context: ProcessorContext): Processor;
}
