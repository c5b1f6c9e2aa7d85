/** What an instance of a segment is waiting for, as of its last report: what `explain` walks along. */

/** An operator that holds elements, which wait for time or I/O. */
export interface Holding {
  /** The name of the via. */
  readonly stage: string;
  /** The operator, as it is imported. */
  readonly operator: string;
  /** Elements that the stage holds. */
  readonly held: number;
  /** At so many nothing more is taken in. */
  readonly heldMax: number;
  /** How long the one that it has held longest has been there, in ms. */
  readonly oldestMs: number;
  /** Its key, where the operator works by key. */
  readonly key: string | undefined;
}

/** A write of a sink that is under way. */
export interface Writing {
  /** The name of the stage. */
  readonly stage: string;
  /** The name of the sink. */
  readonly sink: string;
  /** Elements of the write. */
  readonly elements: number;
  /** How long it has been under way, in ms. */
  readonly sinceMs: number;
}

/** What an instance is waiting for, as of its last report. */
export interface Condition {
  /** `room`: queues behind are full. `input`: nothing to do. `source`: the source was asked. `ended`: nothing is left. */
  readonly waitsFor: 'room' | 'input' | 'source' | 'work' | 'ended';
  /** How long its source has not answered, in ms. */
  readonly sourceMs: number;
  /** Outputs, as in the wiring, whose reader gives no credit. The side outputs are behind. */
  readonly fullOutputs: readonly number[];
  /** Inputs, as in the wiring, that have nothing and have not ended. */
  readonly emptyInputs: readonly number[];
  /** Operators that hold elements. */
  readonly holding: readonly Holding[];
  /** Writes that are under way. */
  readonly writing: readonly Writing[];
}

/** What deliveries put together, each its part. */
export interface ConditionParts {
  readonly holding: Holding[];
  readonly writing: Writing[];
}

export const noCondition: Condition = {
  waitsFor: 'input',
  sourceMs: 0,
  fullOutputs: [],
  emptyInputs: [],
  holding: [],
  writing: [],
};
