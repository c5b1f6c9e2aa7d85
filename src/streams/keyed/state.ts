/**
 * The state of a process: what each key keeps, as its handlers see it.
 *
 * It is declared by {@link valueState}, {@link listState}, {@link mapState} and {@link sortedState}. What handlers are given reads and writes
 * the state of the key whose element or timer it is, during their call only.
 */
import { checkKeys } from '../../actors/given.ts';
import { UsageError } from '../../base/errors.ts';
import { streamLimits } from '../limits.ts';
import { checkTtl } from './expiry.ts';

/** What every state may be told. */
export interface StateOptions {
  /**
   * The version of its schema, a whole number from 1 on; 1 unless given. Raise it when what is kept changes its meaning:
   * places that run a flow with different versions refuse each other.
   */
  readonly version?: number;
  /**
   * How long it stays when it is not written, in whole ms of event time, or by the clock where the flow has none; for
   * ever unless given. Reading does not count. A value goes as a whole, of the others each item or entry by itself.
   */
  readonly ttlMs?: number;
}

/** How many of a key there may be. */
export interface CollectionOptions extends StateOptions {
  /** Items or entries of one key, from 1 to 1,000,000; 1,024 of a list and 65,536 of a map unless given. */
  readonly max?: number;
}

/** What a list does with more than its `max`. */
export interface ListOptions extends CollectionOptions {
  /** Fail the run with {@link StateOverflow}, the default, or let go of the oldest, which is counted as `dropped`. */
  readonly overflow?: 'fail' | 'drop-oldest';
}

export declare const stateOf: unique symbol;
/** A declared state, and what handlers are given of it. */
export interface StateSpec<S> {
  /** What it is. */
  readonly kind: 'value' | 'list' | 'map' | 'sorted';
  /** The version of its schema. */
  readonly version: number;
  /** How long it stays when it is not written, in ms; Infinity for ever. */
  readonly ttlMs: number;
  /** The most items or entries of a key. */
  readonly max: number;
  /** What a list does with more. */
  readonly overflow: 'fail' | 'drop-oldest';
  /** Makes what a value is before it is set. */
  readonly initial: () => unknown;
  readonly [stateOf]?: S;
}

/** The states of a process by name. */
export type StateSpecs = { readonly [name: string]: StateSpec<unknown> };
/** What handlers are given of them. */
export type States<S> = { readonly [N in keyof S]: S[N] extends StateSpec<infer V> ? V : never };

/** One value of a key. */
export interface ValueState<T> {
  /** What it is: as it began unless it was set. */
  get(): T;
  /** Replaces it. An object that was changed in place is set again too: else it does not count as written. */
  set(value: T): void;
  /** Sets it to what `update` makes of it, and answers that. */
  update(update: (value: T) => T): T;
  /** As if it had never been set. */
  clear(): void;
}

/** Items of a key, in the order in which they were pushed. */
export interface ListState<T> {
  /** How many there are. */
  readonly length: number;
  /** @throws StateOverflow above `max`, unless it drops the oldest. */
  push(item: T): void;
  /** The items, as a copy. */
  items(): T[];
  /** Lets go of all. */
  clear(): void;
}

/** Entries of a key. */
export interface MapState<K extends string | number, V> {
  /** How many there are. */
  readonly size: number;
  /** What is at `key`; undefined for nothing. */
  get(key: K): V | undefined;
  /** Whether there is something at `key`. */
  has(key: K): boolean;
  /** @throws StateOverflow above `max`. */
  set(key: K, value: V): void;
  /** Whether there was something. */
  delete(key: K): boolean;
  /** All entries, as a copy, in the order in which they were first set; those with a time to live, last set. */
  entries(): [K, V][];
  /** Lets go of all. */
  clear(): void;
}

/** Which entries: from `from` on, up to but without `to`, at most `limit`; all where one is not given. */
export interface StateRange<K> {
  /** The lowest key, itself included; from the first on unless given. */
  readonly from?: K;
  /** The key at which it ends, itself not included; after the last unless given. */
  readonly to?: K;
  /** The most entries; all of them unless given. */
  readonly limit?: number;
}

/** Entries of a key, in the order of their keys: numbers by size, text by its UTF-16 code units. */
export interface SortedState<K extends string | number, V> extends MapState<K, V> {
  /** The entry with the lowest key. */
  first(): [K, V] | undefined;
  /** The entry with the highest key. */
  last(): [K, V] | undefined;
  /** Entries in order, as a copy. */
  range(range?: StateRange<K>): [K, V][];
  /** Lets go of entries, and answers how many they were. */
  deleteRange(range: StateRange<K>): number;
  /** All entries, as a copy, in order. */
  entries(): [K, V][];
}

/** What a value may begin as: what cannot be changed in place. */
type Plain = string | number | bigint | boolean | null | undefined;

/**
 * One value of each key. Numbers are kept in a typed column of 16 bytes a key, anything else by reference.
 *
 * @param initial what it is before it is set, or a function that makes that: an object needs one, since it would be
 *   shared by all keys. Undefined unless given.
 * @throws UsageError for an object, or options that are none.
 */
export function valueState(initial: number, options?: StateOptions): StateSpec<ValueState<number>>;
export function valueState(initial: string, options?: StateOptions): StateSpec<ValueState<string>>;
export function valueState(initial: boolean, options?: StateOptions): StateSpec<ValueState<boolean>>;
export function valueState<T>(initial: () => T, options?: StateOptions): StateSpec<ValueState<T>>;
export function valueState<T extends Plain>(initial: T, options?: StateOptions): StateSpec<ValueState<T>>;
export function valueState<T>(initial?: undefined, options?: StateOptions): StateSpec<ValueState<T | undefined>>;
export function valueState(initial?: unknown, options: StateOptions = {}): StateSpec<ValueState<unknown>> {
  if (typeof initial === 'object' && initial !== null) {
    throw new UsageError(
      'valueState(…) was given an object, which all keys would share; give a function: valueState(() => ({ … }))',
    );
  }
  checkKeys(options, ['version', 'ttlMs'], 'valueState(…, options)');
  const make = typeof initial === 'function' ? (initial as () => unknown) : () => initial;
  return spec<ValueState<unknown>>('value', options, 1, make);
}

/**
 * Items of each key, in the order in which they were pushed.
 *
 * @throws UsageError for options that are none.
 */
export function listState<T>(options: ListOptions = {}): StateSpec<ListState<T>> {
  checkKeys(options, ['version', 'ttlMs', 'max', 'overflow'], 'listState(options)');
  const { overflow = 'fail' } = options;
  if (overflow !== 'fail' && overflow !== 'drop-oldest') {
    throw new UsageError(`listState({ overflow }) takes 'fail' or 'drop-oldest'; it was given ${String(overflow)}`);
  }
  return spec<ListState<T>>('list', options, streamLimits.listStateMax, nothing, overflow);
}

/**
 * Entries of each key.
 *
 * @throws UsageError for options that are none.
 */
export function mapState<K extends string | number, V>(options: CollectionOptions = {}): StateSpec<MapState<K, V>> {
  checkKeys(options, ['version', 'ttlMs', 'max'], 'mapState(options)');
  return spec<MapState<K, V>>('map', options, streamLimits.mapStateMax, nothing);
}

/**
 * Entries of each key, in the order of their own keys. Reading one costs the logarithm of how many there are; setting one
 * that is not the last moves those behind it, which for 65,536 takes some microseconds.
 *
 * @throws UsageError for options that are none.
 */
export function sortedState<K extends string | number, V>(
  options: CollectionOptions = {},
): StateSpec<SortedState<K, V>> {
  checkKeys(options, ['version', 'ttlMs', 'max'], 'sortedState(options)');
  return spec<SortedState<K, V>>('sorted', options, streamLimits.mapStateMax, nothing);
}

/** What the states of a process are, in words: two places with different ones run different flows. */
export function statesText(specs: StateSpecs): string {
  const text = ([name, { kind, version, ttlMs }]: [string, StateSpec<unknown>]): string =>
    `${name} ${kind} v${version}${ttlMs === Infinity ? '' : ` ttl ${ttlMs}`}`;
  return Object.entries(specs).map(text).join(', ');
}

const nothing = (): undefined => undefined;

function spec<S>(
  kind: StateSpec<S>['kind'],
  options: CollectionOptions,
  usual: number,
  initial: () => unknown,
  overflow: StateSpec<S>['overflow'] = 'fail',
): StateSpec<S> {
  const { version = 1, ttlMs = Infinity, max = usual } = options;
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new UsageError(`${kind}State({ version }) takes a whole number from 1 on; it was given ${String(version)}`);
  }
  checkTtl(kind, ttlMs);
  if (!Number.isSafeInteger(max) || max < 1 || max > streamLimits.stateMaxLimit) {
    throw new UsageError(`${kind}State({ max }) takes 1 to ${streamLimits.stateMaxLimit}; it was given ${String(max)}`);
  }
  return Object.freeze({ kind, version, ttlMs, max, overflow, initial });
}
