/**
 * Dead letters: every message that reached no handler, or whose handler failed, with the reason.
 *
 * They are counted by reason, logged at most once a second for each reason, and can be read as a stream. A reader that
 * falls behind misses the oldest; the counters miss nothing.
 */
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { HotReaders } from './hot-stream.ts';
import type { Operation } from './operation.ts';
import { NotDelivered } from './outcomes.ts';
import type { PlaceLostReason } from './place-lost.ts';
import type { AnyRef, Stream } from './protocol.ts';
import { operationOf, send } from './replay.ts';
import type { Owner, Target } from './target.ts';

/** Protocols of the runtime itself begin with this. */
const ownProtocols = 'troupe.';

/**
 * Why a message reached no handler, or was not handled by it.
 *
 * - `stopped`, `draining`: its actor had ended, or handles only what was there before it was told to end.
 * - `failed`: its actor ended by a failure before the message came up, or a router could not choose a routee for it.
 * - `full`: refused at the capacity of the mailbox, or one stream too many. `dropped`: it or an older one had to go there.
 * - `expired`: its caller had given up before it came up.
 * - `poison`: its handler failed. `unhandled`: the actor does not handle it in its present state.
 * - `invalid`: it does not fit its operation, as the receiver sees it. `unknown`: no such actor or operation there.
 * - `unreachable`: no link to its place. `place-lost`: its place was lost before it had received it.
 * - `no-routee`: the router had nobody to pass it on to.
 */
export type DeadLetterReason =
  | 'stopped'
  | 'draining'
  | 'failed'
  | 'full'
  | 'dropped'
  | 'expired'
  | 'poison'
  | 'unhandled'
  | 'invalid'
  | 'forbidden'
  | 'unknown'
  | 'unreachable'
  | 'no-routee'
  | 'place-lost';

/** A message that was not handled, with its reason. The name is that of Akka. */
export interface DeadLetter {
  /** Path of the actor that the message was for. */
  readonly path: string;
  /** The operation, such as `counter.inc`. */
  readonly operation: string;
  /** Why it was not handled. */
  readonly reason: DeadLetterReason;
  /** The message as its handler would have got it, or as it was sent where it does not fit its operation. */
  readonly message: unknown;
  /**
   * True where large bytes of the message had been transferred to a thread that was lost, and are gone with it: they are
   * empty in `message`, which cannot be replayed.
   */
  readonly bytesGone: boolean;
  /**
   * Sends the message once more: to the same incarnation, or to the actor that is given, which must have an operation of
   * that name. It is checked again, since it may have been changed. A tell waits for room like an offer.
   *
   * A caller has been told already that its ask failed, and hears nothing of this: the new reply is what this resolves to.
   *
   * @returns what the call resolves to; rejects as the call does, so with `NotDelivered` where the actor has ended.
   * @throws UsageError for a stream, whose reader is gone, and where the other actor has no such operation
   */
  replay(to?: AnyRef): Promise<unknown>;
}

/** A message that reached no handler, as it is found. */
export interface LostMessage {
  readonly path: string;
  readonly operation: string;
  readonly reason: DeadLetterReason;
  readonly message: unknown;
  /** What it was sent to, where that is known. */
  readonly target?: Target | undefined;
  readonly of?: Operation | undefined;
  /** Gives the message where `message` is its wire form; called only when somebody reads. */
  readonly read?: (() => unknown) | undefined;
  /** True where bytes of it were transferred before it was lost. */
  readonly bytesGone?: boolean;
}

/** Messages that another place had received but not handled when it was lost; their content went with it. */
export interface LostWithPlace {
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  /** How many messages it had received and not settled. */
  readonly count: number;
  /** How it was lost. */
  readonly reason: PlaceLostReason;
}

export class DeadLetters {
  readonly counts: Map<DeadLetterReason, number> = new Map();
  /** The same without what the runtime's own actors say to each other. */
  readonly countsOfUsers: Map<DeadLetterReason, number> = new Map();
  /** Messages lost with the places that had received them. */
  lostWithPlace = 0;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #loggedAt = new Map<string, number>();
  readonly readers: HotReaders<DeadLetter> = new HotReaders(limits.deadLettersBuffered);
  readonly #lostReaders = new HotReaders<LostWithPlace>(limits.deadLettersBuffered);
  /** Called after each that is news to users; a thread posts them to its main thread by it. */
  onLetter: ((letter: LostMessage) => void) | undefined = undefined;
  /** The same for what was lost with a place. */
  onLost: ((lost: LostWithPlace) => void) | undefined = undefined;
  /** As whom letters are replayed. */
  owner: Owner | undefined = undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether anybody may look at what a letter holds. */
  get areRead(): boolean {
    return this.readers.areSome || this.onLetter !== undefined;
  }

  add(letter: LostMessage): void {
    const count = (this.counts.get(letter.reason) ?? 0) + 1;
    this.counts.set(letter.reason, count);
    this.relay(letter);
    // What the runtime's own actors say to each other at their end is no news.
    if (letter.operation.startsWith(ownProtocols)) return;
    this.countsOfUsers.set(letter.reason, (this.countsOfUsers.get(letter.reason) ?? 0) + 1);
    this.onLetter?.(letter);
    const now = this.#clock.monotonicMs();
    const key = letter.reason;
    if (now - (this.#loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < limits.deadLetterLogMs) return;
    this.#loggedAt.set(key, now);
    this.#log.warn(
      { path: letter.path, operation: letter.operation, reason: letter.reason, count },
      `dead letter: ${letter.operation} for ${letter.path} was not handled (${letter.reason}); ${count} so far`,
    );
  }

  /** Shows a letter to those who read, without counting it: it was counted in its own thread. */
  relay(letter: LostMessage): void {
    if (this.readers.areSome) this.readers.tell(new Letter(letter, this.owner));
  }

  lost(lost: LostWithPlace): void {
    this.lostWithPlace += lost.count;
    this.relayLost(lost);
    this.onLost?.(lost);
    this.#log.warn(
      { place: lost.place, count: lost.count, reason: lost.reason, code: 'LostWithPlace' },
      `${lost.count} messages were received by ${lost.place} but not handled when it was lost (${lost.reason})`,
    );
  }

  /** Tells those who read of a loss, without counting it: it was counted in its own thread. */
  relayLost(lost: LostWithPlace): void {
    this.#lostReaders.tell(lost);
  }

  /** Every dead letter from now on, for as long as it is read. */
  stream(): Stream<DeadLetter> {
    return this.readers.stream();
  }

  /** Every loss of a place from now on. */
  losses(): Stream<LostWithPlace> {
    return this.#lostReaders.stream();
  }
}

/** What readers get: the message itself where it can be read, else what of it there is. */
class Letter implements DeadLetter {
  readonly path: string;
  readonly operation: string;
  readonly reason: DeadLetterReason;
  readonly message: unknown;
  readonly bytesGone: boolean;
  readonly #lost: LostMessage;
  readonly #owner: Owner | undefined;

  constructor(lost: LostMessage, owner: Owner | undefined) {
    this.path = lost.path;
    this.operation = lost.operation;
    this.reason = lost.reason;
    this.message = messageOf(lost);
    this.bytesGone = lost.bytesGone === true;
    this.#lost = lost;
    this.#owner = owner;
  }

  async replay(to?: AnyRef): Promise<unknown> {
    if (this.bytesGone) {
      const why = 'large bytes of it had been transferred to the thread that was lost';
      throw new NotDelivered('unreachable', `${this.operation} to ${this.path} cannot be replayed: ${why}`);
    }
    const { target, of } = this.#lost;
    const goal = to === undefined ? { target, operation: of } : operationOf(to, this.operation);
    if (this.#owner === undefined || goal.target === undefined || goal.operation === undefined) {
      throw new NotDelivered(
        'unknown',
        `${this.operation} to ${this.path} cannot be replayed there: the actor or its operation is not known here; name another by replay(ref)`,
      );
    }
    return send(goal.target, goal.operation, this.message, this.#owner);
  }
}

function messageOf({ message, read }: LostMessage): unknown {
  try {
    return read === undefined ? message : read();
  } catch {
    // It does not fit its operation, which may be why it is here.
    return message;
  }
}
