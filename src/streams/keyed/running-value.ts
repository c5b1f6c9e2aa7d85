/** One value of each key, made anew with each of its elements: `reduce`, `scanBy`, `latest`. */
import type { Key } from '../../base/hash-key.ts';
import type { Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { KeyTable } from '../windows/key-table.ts';
import type { Change } from './change.ts';

/** How the value of a key goes on. */
export interface RunningValueOptions {
  readonly kind: 'reduce' | 'scan-by' | 'latest';
  /** The value with the first element of a key. */
  readonly first: (item: unknown, key: Key) => unknown;
  /** The value with one more. */
  readonly next: (value: unknown, item: unknown, key: Key) => unknown;
  /** Whether an element counts only if its event time is not below that of the one before. */
  readonly newestOnly: boolean;
}

export function runningValue(options: RunningValueOptions): ProcessorSpec {
  return { kind: options.kind, text: options.kind, make: (context) => new RunningValue(options, context) };
}

class RunningValue implements Processor {
  readonly #options: RunningValueOptions;
  readonly #context: ProcessorContext;
  readonly #keyOf: (item: unknown) => Key;
  readonly #keys = new KeyTable();
  readonly #values: unknown[] = [];
  readonly #times: number[] = [];
  readonly due = false;

  constructor(options: RunningValueOptions, context: ProcessorContext) {
    this.#options = options;
    this.#context = context;
    this.#keyOf = context.keyOf[0]!;
  }

  get held(): StateHeld {
    const { size, bytes } = this.#keys;
    return { keys: size, stateBytes: bytes + size * (this.#options.newestOnly ? 16 : 8) };
  }

  add(item: unknown, timeMs: number): boolean {
    const { first, next, newestOnly } = this.#options;
    const key = this.#keyOf(item);
    const keys = this.#keys;
    const known = keys.find(key);
    const slot = known ?? keys.slotOf(key);
    const previous = known === undefined ? undefined : this.#values[slot];
    if (newestOnly) {
      if (known !== undefined && timeMs < this.#times[slot]!) return true;
      this.#times[slot] = timeMs;
    }
    const value = known === undefined ? first(item, key) : next(previous, item, key);
    this.#values[slot] = value;
    if (known === undefined || value !== previous) {
      this.#context.emit({ key, value, previous } satisfies Change<Key, unknown>, timeMs);
    }
    return true;
  }

  advance(): void {
    // Nothing waits for event time.
  }

  work(): boolean {
    return false;
  }
}
