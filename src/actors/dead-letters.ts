/**
 * Dead letters: every message that reached no handler, or whose handler failed, with the reason.
 *
 * They are counted by reason, logged at most once a second for each reason, and can be read as a stream. A reader that
 * falls behind misses the oldest; the counters miss nothing.
 */
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { hotStream } from './hot-stream.ts';
import type { Stream } from './protocol.ts';

/** Protocols of the runtime itself begin with this. */
const ownProtocols = 'troupe.';

export type DeadLetterReason =
  | 'stopped'
  | 'failed'
  | 'full'
  | 'dropped'
  | 'expired'
  | 'poison'
  | 'invalid'
  | 'unknown'
  | 'unreachable'
  | 'no-routee'
  | 'place-lost';

export interface DeadLetter {
  /** Path of the actor that the message was for. */
  readonly path: string;
  /** The operation, such as `counter.inc`. */
  readonly operation: string;
  readonly reason: DeadLetterReason;
  readonly message: unknown;
}

/** Messages that another place had received but not handled when it was lost; their content went with it. */
export interface LostWithPlace {
  readonly place: string;
  readonly count: number;
}

export class DeadLetters {
  readonly counts: Map<DeadLetterReason, number> = new Map();
  /** Messages lost with the places that had received them. */
  lostWithPlace = 0;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #loggedAt = new Map<string, number>();
  readonly #readers = new Set<(letter: DeadLetter) => void>();
  readonly #lostReaders = new Set<(lost: LostWithPlace) => void>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  add(letter: DeadLetter): void {
    const count = (this.counts.get(letter.reason) ?? 0) + 1;
    this.counts.set(letter.reason, count);
    for (const read of this.#readers) read(letter);
    // What the runtime's own actors say to each other at their end is no news.
    if (letter.operation.startsWith(ownProtocols)) return;
    const now = this.#clock.monotonicMs();
    const key = letter.reason;
    if (now - (this.#loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < limits.deadLetterLogMs) return;
    this.#loggedAt.set(key, now);
    this.#log.warn(
      { path: letter.path, operation: letter.operation, reason: letter.reason, count },
      `dead letter: ${letter.operation} for ${letter.path} was not handled (${letter.reason}); ${count} so far`,
    );
  }

  lost(lost: LostWithPlace): void {
    this.lostWithPlace += lost.count;
    for (const read of this.#lostReaders) read(lost);
    this.#log.warn(
      { place: lost.place, count: lost.count, code: 'LostWithPlace' },
      `${lost.count} messages were received by ${lost.place} but not handled when it was lost`,
    );
  }

  /** Every dead letter from now on, for as long as it is read. */
  stream(): Stream<DeadLetter> {
    return hotStream(this.#readers, limits.deadLettersBuffered);
  }

  /** Every loss of a place from now on. */
  losses(): Stream<LostWithPlace> {
    return hotStream(this.#lostReaders, limits.deadLettersBuffered);
  }
}
