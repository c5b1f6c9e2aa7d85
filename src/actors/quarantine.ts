/**
 * Quarantine: messages whose handler failed, kept with their error and the state as the failure left it, so that people
 * can look at them and send them again once the cause is mended.
 *
 * Bounded: the oldest falls out, as a dead letter. A message in quarantine was accepted and is neither handled nor dead,
 * so the counters have a place for it.
 */
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { HotReaders } from './hot-stream.ts';
import type { Stream } from './protocol.ts';

/** One message whose handler failed. */
export interface Quarantined {
  /** Path of the actor. */
  readonly path: string;
  /** The operation, such as `counter.inc`. */
  readonly operation: string;
  /** The message as the handler left it. */
  readonly message: unknown;
  /** What was thrown, as it was thrown. */
  readonly error: unknown;
  /** The actor's state as the failure left it: look at it, and change nothing. */
  readonly state: unknown;
  /**
   * True where the actor went on with this very state (`resume`) and it could not be copied, so that it may have changed
   * since.
   */
  readonly stateIsShared: boolean;
  /** When it failed, in ms since the epoch. */
  readonly atMs: number;
  /**
   * Puts it at the head of its actor's queue. The caller of an ask was told of the failure then; the new reply is what this
   * resolves to. A tell resolves at once: whether it fails again is seen here.
   *
   * @throws NotDelivered where the actor has ended (it stays in quarantine), UsageError for a stream, and where it was
   *   replayed or discarded already
   */
  replay(): Promise<unknown>;
  /** Makes it a dead letter with the reason `poison`. @throws UsageError where it was replayed or discarded already */
  discard(): void;
}

/** What the actor does with a message that leaves. */
export interface QuarantinedParts {
  readonly path: string;
  readonly operation: string;
  readonly message: unknown;
  readonly error: unknown;
  readonly state: unknown;
  readonly stateIsShared: boolean;
  /** @throws where it cannot be sent again */
  readonly again: () => Promise<unknown>;
  readonly die: () => void;
}

/** The quarantine of one thread, as users have it. */
export interface QuarantineView {
  /** What is in it, the oldest first. */
  list(): readonly Quarantined[];
  /** What comes from now on; a reader that is 1,024 behind misses the oldest. */
  stream(): Stream<Quarantined>;
}

export class Quarantine implements QuarantineView {
  /** In the order they came. */
  readonly #kept = new Set<Kept>();
  readonly #readers = new HotReaders<Quarantined>(limits.deadLettersBuffered);

  get size(): number {
    return this.#kept.size;
  }

  list(): readonly Quarantined[] {
    return [...this.#kept];
  }

  stream(): Stream<Quarantined> {
    return this.#readers.stream();
  }

  add(parts: QuarantinedParts, atMs: number): void {
    const kept = new Kept(parts, atMs, this.#kept);
    this.#kept.add(kept);
    this.#readers.tell(kept);
    if (this.#kept.size <= limits.quarantinedMax) return;
    const [oldest] = this.#kept;
    oldest?.discard();
  }
}

class Kept implements Quarantined {
  readonly path: string;
  readonly operation: string;
  readonly message: unknown;
  readonly error: unknown;
  readonly state: unknown;
  readonly stateIsShared: boolean;
  readonly atMs: number;
  readonly #again: () => Promise<unknown>;
  readonly #die: () => void;
  /** Where it is kept, until it leaves. */
  readonly #all: Set<Kept>;

  constructor(parts: QuarantinedParts, atMs: number, all: Set<Kept>) {
    this.path = parts.path;
    this.operation = parts.operation;
    this.message = parts.message;
    this.error = parts.error;
    this.state = parts.state;
    this.stateIsShared = parts.stateIsShared;
    this.atMs = atMs;
    this.#again = parts.again;
    this.#die = parts.die;
    this.#all = all;
  }

  async replay(): Promise<unknown> {
    this.#refuseIfGone();
    const sent = this.#again();
    this.#all.delete(this);
    return sent;
  }

  discard(): void {
    this.#refuseIfGone();
    this.#all.delete(this);
    this.#die();
  }

  #refuseIfGone(): void {
    if (this.#all.has(this)) return;
    throw new UsageError(`${this.operation} for ${this.path} is in quarantine no more: it was replayed or discarded`);
  }
}

/** The state for keeping: a copy where the actor goes on with it and it can be copied. */
export function stateForKeeping(
  state: unknown,
  goesOn: boolean,
): { readonly state: unknown; readonly isShared: boolean } {
  if (!goesOn || typeof state !== 'object' || state === null) return { state, isShared: false };
  try {
    return { state: structuredClone(state), isShared: false };
  } catch {
    return { state, isShared: true };
  }
}
