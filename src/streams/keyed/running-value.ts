/** One value of each key, made anew with each of its elements: `reduce`, `scanBy`, `latest`. */
import type { Key } from '../../base/hash-key.ts';
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { KeyTable } from '../windows/key-table.ts';
import type { Change } from './change.ts';
import { IdleKeys } from './idle-keys.ts';

/** How the value of a key goes on. */
export interface RunningValueOptions {
  readonly kind: 'reduce' | 'scan-by' | 'latest';
  /** The value with the first element of a key. */
  readonly first: (item: unknown, key: Key) => unknown;
  /** The value with one more. */
  readonly next: (value: unknown, item: unknown, key: Key) => unknown;
  /** Whether an element counts only if its event time is not below that of the one before. */
  readonly newestOnly: boolean;
  /** How long a key stays without an element; Infinity for ever. */
  readonly ttlMs: number;
}

export function runningValue(options: RunningValueOptions): ProcessorSpec {
  const { kind, ttlMs } = options;
  return { kind, text: ttlText(kind, ttlMs), make: (context) => new RunningValue(options, context) };
}

/** The text of a stage whose keys may go. */
export function ttlText(text: string, ttlMs: number): string {
  return ttlMs === Infinity ? text : `${text}, ttl ${ttlMs}`;
}

class RunningValue implements Processor {
  readonly #options: RunningValueOptions;
  readonly #context: ProcessorContext;
  readonly #keyOf: (item: unknown) => Key;
  readonly #keys = new KeyTable();
  #values: unknown[] = [];
  #times: number[] = [];
  readonly #idle: IdleKeys;
  #watermarkMs = -Infinity;

  constructor(options: RunningValueOptions, context: ProcessorContext) {
    this.#options = options;
    this.#context = context;
    this.#keyOf = context.keyOf[0]!;
    this.#idle = new IdleKeys(options.ttlMs, context, (slot) => this.#forget(slot));
  }

  get held(): StateHeld {
    const { size, bytes } = this.#keys;
    return { keys: size, stateBytes: bytes + this.#idle.bytes + size * (this.#options.newestOnly ? 16 : 8) };
  }

  get groups(): readonly GroupHeld[] {
    return this.#keys.groups(this.held.stateBytes - this.#keys.bytes);
  }

  get due(): boolean {
    return this.#idle.due;
  }

  add(item: unknown, timeMs: number): boolean {
    const { first, next, newestOnly } = this.#options;
    const key = this.#keyOf(item);
    const keys = this.#keys;
    let known = keys.find(key);
    if (known !== undefined && this.#idle.over(known)) known = undefined;
    const slot = known ?? keys.slotOf(key);
    const previous = known === undefined ? undefined : this.#values[slot];
    if (newestOnly) {
      if (known !== undefined && timeMs < this.#times[slot]!) return true;
      this.#times[slot] = timeMs;
    }
    this.#idle.touch(slot, timeMs);
    const value = known === undefined ? first(item, key) : next(previous, item, key);
    this.#values[slot] = value;
    if (known === undefined || value !== previous) {
      const change = { key, value, previous } satisfies Change<Key, unknown>;
      this.#context.emit(change, Math.max(timeMs, this.#watermarkMs));
    }
    return true;
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#idle.advance(watermarkMs);
  }

  work(): boolean {
    if (this.#idle.work()) return true;
    this.#keys.trim();
    return false;
  }

  stop(): void {
    this.#idle.stop();
  }

  #forget(slot: number): void {
    this.#values[slot] = undefined;
    this.#keys.delete(slot);
    if (this.#keys.size > 0) return;
    this.#values = [];
    this.#times = [];
  }
}
