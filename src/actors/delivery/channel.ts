/**
 * From one producer to one consumer: numbers its messages, keeps each until its outcome is known, and sends it again when
 * it was lost on the way.
 *
 * Every message is an ask without a time limit of its own, since the runtime settles an ask exactly when its answer can no
 * longer come. So nothing is sent twice because a consumer is slow; only what was lost is sent again, in order. After a
 * loss the oldest goes alone, and others follow as it is answered (TCP's slow start).
 */
import type { Cancel } from '../../base/environment/clock.ts';
import { hashKey } from '../../base/hash-key.ts';
import { limits } from '../../base/limits.ts';
import { isA } from '../../base/thrown.ts';
import { Cell } from '../cell.ts';
import { GoneTarget } from '../gone-target.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed, DeclaredError, NotDelivered, OutcomeUnknown, Rejected } from '../outcomes.ts';
import type { Owner, Target } from '../target.ts';
import { type DeliveredOperations, DeliveryCode, type Numbered } from './delivered-operation.ts';
import { NeutralOwner } from './neutral-owner.ts';
import type { Undelivered } from './undelivered.ts';

export interface ChannelOptions {
  readonly owner: Owner;
  readonly operations: DeliveredOperations;
  /** How many messages are under way at once. */
  readonly window: number;
  /** A message has its outcome. */
  readonly onOutcome: () => void;
  /**
   * The receiver has ended, or has been out of reach for so long, and nothing of it is under way any more. One that is out
   * of reach is tried again, until it is given another receiver or closed.
   */
  readonly onTrouble: (trouble: 'ended' | 'unreachable', forMs: number) => void;
}

const noTimeLimit = { timeoutMs: limits.askTimeoutMsMax };

export class Channel {
  #target: Target;
  readonly #owner: Owner;
  readonly #options: ChannelOptions;
  readonly #id: string;
  /** What has a number and no outcome yet, in order. */
  #flight: Undelivered[] = [];
  #next = 1;
  #asked = 0;
  /**
   * Of how many of these an ask may be open: one after a loss, or where the consumer had no room, then one more for each
   * that was answered. A whole window at once would throw itself out of a mailbox that drops its oldest, for ever.
   */
  #open: number;
  /** Nothing is sent before it fires. */
  #pause: Cancel | undefined = undefined;
  #pauseMs: number = limits.deliveryRetryMinMs;
  /** Since when nothing has got there, on the monotonic clock. */
  #lostSinceMs: number | undefined = undefined;
  #hasEnded = false;
  #isClosed = false;
  /** Told when a node is back: what waits for it need not wait for its time. */
  readonly #onReached = (nodeId: string): void => {
    if (!this.#target.address().place.startsWith(`${nodeId}/`)) return;
    this.#endPause();
    this.#goOn();
  };

  constructor(target: Target, options: ChannelOptions) {
    this.#target = target;
    this.#options = options;
    this.#open = options.window;
    this.#owner = new NeutralOwner(options.owner);
    const { placeId, random } = options.owner.host;
    // Places that share a seed, in tests, would name theirs alike.
    this.#id = `${hashKey(placeId).toString(36)}-${random.id()}`;
  }

  get target(): Target {
    return this.#target;
  }

  get size(): number {
    return this.#flight.length;
  }

  /** True where it takes another message: while its receiver is out of reach, one at a time and now and then. */
  get hasRoom(): boolean {
    if (this.#isClosed || this.#hasEnded) return false;
    if (this.#lostSinceMs !== undefined) return this.#flight.length === 0 && this.#pause === undefined;
    return this.#flight.length < this.#options.window;
  }

  get isReached(): boolean {
    return this.#lostSinceMs === undefined && !this.#hasEnded;
  }

  take(message: Undelivered): void {
    message.sequence = this.#next;
    this.#next += 1;
    this.#flight.push(message);
    this.#pump();
  }

  /** Goes on with another receiver, under the same numbers: it may know them. */
  retarget(target: Target): void {
    this.#target = target;
    this.#hasEnded = false;
    this.#lostSinceMs = undefined;
    this.#endPause();
    this.#pump();
  }

  /** Takes back all that it has, whatever became of it. Its numbers stay used. */
  takeBack(): Undelivered[] {
    const taken = this.#flight;
    this.#flight = [];
    return taken;
  }

  /** Takes back what has certainly not run, but for what comes before something that may have. */
  takeBackUntouched(): Undelivered[] {
    const taken: Undelivered[] = [];
    for (let last = this.#flight.at(-1); last !== undefined && !last.isAsked && !last.isInDoubt; ) {
      taken.unshift(last);
      this.#flight.pop();
      this.#next -= 1;
      last = this.#flight.at(-1);
    }
    return taken;
  }

  /** Sends nothing more. Returns what has no outcome yet; what comes of it is heard by nobody. */
  close(): Undelivered[] {
    const left = this.#flight;
    this.#flight = [];
    if (this.#isClosed) return left;
    this.#isClosed = true;
    this.#endPause();
    this.#sayFarewell();
    return left;
  }

  /** Not where nobody is left who would remember it. */
  #sayFarewell(): void {
    const isOver = this.#target instanceof Cell && this.#target.isOver && !this.#target.hasMoved;
    if (this.#next === 1 || this.#hasEnded || isOver) return;
    this.#lookAgain();
    this.#target.tell(this.#options.operations.over, this.#id);
  }

  #pump(): void {
    if (this.#isClosed || this.#hasEnded || this.#pause !== undefined) return;
    const flight = this.#flight;
    for (let at = 0; at < this.#open && at < flight.length; at += 1) {
      if (!flight[at]!.isAsked) void this.#ask(flight[at]!);
    }
  }

  async #ask(message: Undelivered): Promise<void> {
    const operation = this.#options.operations.of(message.operation)!;
    const from = this.#flight[0]!.sequence;
    const numbered: Numbered = { producer: this.#id, sequence: message.sequence, from, message: message.message };
    message.isAsked = true;
    this.#asked += 1;
    let value: unknown;
    try {
      value = await this.#target.ask(operation, numbered, noTimeLimit, this.#owner);
    } catch (error) {
      this.#asked -= 1;
      if (!this.#isClosed) this.#failed(message, error);
      return;
    }
    this.#asked -= 1;
    if (!this.#isClosed) this.#settle(message, () => message.resolve(value));
  }

  #settle(message: Undelivered, tell: () => void): void {
    this.#flight.splice(this.#flight.indexOf(message), 1);
    tell();
    this.#open = Math.min(this.#open + 1, this.#options.window);
    this.#pauseMs = limits.deliveryRetryMinMs;
    this.#answered();
    this.#pump();
    this.#options.onOutcome();
    // What came after it may have ended with its receiver before.
    this.#look();
  }

  /** The receiver is there: what comes next need not wait. */
  #answered(): void {
    if (this.#lostSinceMs === undefined) return;
    this.#lostSinceMs = undefined;
    this.#endPause();
  }

  #endPause(): void {
    this.#owner.host.reached.delete(this.#onReached);
    this.#pause?.();
    this.#pause = undefined;
    this.#pauseMs = limits.deliveryRetryMinMs;
  }

  // ── what did not arrive, or not in order ──

  #failed(message: Undelivered, error: unknown): void {
    const what = judge(error);
    if (what === 'outcome') {
      this.#settle(message, () => message.reject(outcomeOf(error, message.operation)));
      return;
    }
    message.isAsked = false;
    switch (what) {
      case 'gap':
        this.#answered();
        // Not before what is missing was answered: else it would come too early again and again, as fast as it can.
        this.#open = Math.max(1, Math.min(this.#open, this.#flight.indexOf(message)));
        this.#pump();
        break;
      case 'full':
        this.#answered();
        this.#rest();
        break;
      case 'ended':
        this.#hasEnded = true;
        break;
      case 'unknown':
        message.isInDoubt = true;
        message.mayHaveRun = true;
        // It had left, so the receiver was within reach until now.
        this.#lostSinceMs = undefined;
        this.#lost();
        break;
      case 'lost':
        this.#lost();
        break;
      default:
        what satisfies never;
    }
    this.#look();
  }

  #lost(): void {
    const { environment, reached } = this.#owner.host;
    this.#lostSinceMs ??= environment.clock.monotonicMs();
    reached.add(this.#onReached);
    this.#rest();
  }

  #rest(): void {
    this.#open = 1;
    if (this.#pause !== undefined) return;
    const { environment, random } = this.#owner.host;
    const pauseMs = this.#pauseMs * (0.5 + random.fraction() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, limits.deliveryRetryMaxMs);
    this.#pause = environment.clock.wake(pauseMs, () => {
      this.#pause = undefined;
      this.#goOn();
    });
  }

  #goOn(): void {
    this.#lookAgain();
    this.#pump();
    // One that has nothing under way may be given something to be tried with.
    if (this.#flight.length === 0) this.#options.onOutcome();
  }

  /** A ref that came while there was no way to its place leads nowhere; by now there may be one. */
  #lookAgain(): void {
    if (!(this.#target instanceof GoneTarget)) return;
    const { place, cell } = this.#target.address();
    const address = [place, cell, this.#target.branch()] as const;
    this.#target = this.#owner.host.targetAt(address, this.#target.protocolName);
  }

  /** Tells of trouble once nothing is under way: until then some of it may still be answered. */
  #look(): void {
    if (this.#isClosed || this.#asked > 0) return;
    if (this.#hasEnded) {
      this.#options.onTrouble('ended', 0);
    } else if (this.#lostSinceMs !== undefined) {
      const forMs = this.#owner.host.environment.clock.monotonicMs() - this.#lostSinceMs;
      this.#options.onTrouble('unreachable', forMs);
    }
  }
}

type Judgement = 'outcome' | 'gap' | 'full' | 'ended' | 'lost' | 'unknown';

/** What the end of an attempt means to its message. */
function judge(error: unknown): Judgement {
  if (isA(error, DeclaredError)) {
    if (error.code === DeliveryCode.gap) return 'gap';
    return error.code === DeliveryCode.full ? 'full' : 'outcome';
  }
  if (isA(error, Rejected)) return error.reason === 'full' ? 'full' : 'outcome';
  if (isA(error, OutcomeUnknown)) return 'unknown';
  if (isA(error, NotDelivered)) return error.reason === 'stopped' || error.reason === 'unknown' ? 'ended' : 'lost';
  return 'outcome';
}

/** The outcome of a message, as a plain ask of its operation would have had it. */
function outcomeOf(error: unknown, { label }: Operation): unknown {
  if (!isA(error, DeclaredError)) return error;
  if (error.code === DeliveryCode.failed) {
    return new ActorFailed(`${label}: its handler failed; of that nothing more is known: ${String(error.data)}`);
  }
  return new DeclaredError(error.code, error.data, label);
}
