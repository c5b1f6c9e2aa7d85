/**
 * Where operators keep what must outlive them: by stage, name of the state, version of its schema, key group and key.
 *
 * An operator reads and writes its tables while it works, and a snapshot is plain data that the codecs of messages can
 * carry, so that state can be saved with a checkpoint and moved by key group when a flow is rescaled.
 */
import type { Key } from '../../base/hash-key.ts';

/** A key; undefined for what belongs to the instance of the stage as a whole, and so to no key group. */
export type StateKey = Key | undefined;

/** The state of one name in one stage. */
export interface StateTable<V> {
  readonly size: number;
  get(key: StateKey): V | undefined;
  set(key: StateKey, value: V): void;
  delete(key: StateKey): void;
  entries(): Iterable<readonly [StateKey, V]>;
}

/** What an operator says about its state. */
export interface StateSchema<V> {
  readonly name: string;
  /** The version of what its values are made of. */
  readonly version: number;
  /** Makes a value of one that was kept by another version. */
  readonly migrate?: ((kept: unknown, version: number) => V) | undefined;
}

export interface StateStore {
  /**
   * The table of a state, the same at each call; what was kept of it before is in it.
   *
   * @throws StateMismatch where that is of another version and nothing migrates it.
   */
  table<V>(stage: string, schema: StateSchema<V>): StateTable<V>;
  /**
   * All that is kept now, in copies.
   *
   * @throws StateMismatch where something is no plain data.
   */
  snapshot(): StateSnapshot;
}

/** All states of an instance, as plain data. */
export interface StateSnapshot {
  readonly states: readonly SavedState[];
}

export interface SavedState {
  readonly stage: string;
  readonly name: string;
  readonly version: number;
  /** What belongs to the instance as a whole: one value or none. */
  readonly instance: readonly unknown[];
  readonly groups: readonly SavedGroup[];
}

/** The keys of one key group and their values, in the order in which they came. */
export interface SavedGroup {
  readonly group: number;
  readonly keys: readonly Key[];
  readonly values: readonly unknown[];
}
