/**
 * The backlog of a mailbox with priority lanes: the most urgent lane first, and first come first served within a lane.
 *
 * A lane is strict: what is urgent always goes before what is less so. Messages that nobody sent (`signal.ts`) go to the
 * end of the last lane, so that the news of an actor's end comes after all that it sent, in whatever lane. Only a
 * definition that declares lanes has such a queue, in place of the plain one.
 */
import type { Envelope } from './mailbox.ts';
import { PairQueue } from './pair-queue.ts';

/** What a mailbox queues behind its first message in. */
export interface MessageQueue {
  readonly size: number;
  push(envelope: Envelope, message: unknown): void;
  /** Puts a message before the others, of its lane where there are lanes. */
  unshift(envelope: Envelope, message: unknown): void;
  /** The envelope of the message that is next. The queue must not be empty. */
  peekFirst(): Envelope;
  /** The envelopes of all, in the order in which they are next. */
  firsts(): Iterable<Envelope>;
  /** Takes out the message that is next; read `peekFirst` before. */
  shiftSecond(): unknown;
}

/** What the queue asks of its mailbox. */
export interface LaneOwner {
  /** The lane of a message, a number from 0 on; whatever the definition says, it is one that exists. */
  laneOf(envelope: Envelope, message: unknown): number;
  isSignal(envelope: Envelope): boolean;
  /** Gives the message that waits in the mailbox's slot, if there is one, to `queue`: a slot knows no lanes. */
  emptySlotInto(queue: LaneQueue): void;
}

export class LaneQueue implements MessageQueue {
  readonly #owner: LaneOwner;
  readonly #lanes: readonly PairQueue<Envelope, unknown>[];
  size = 0;

  constructor(owner: LaneOwner, lanes: number) {
    this.#owner = owner;
    this.#lanes = Array.from({ length: lanes }, () => new PairQueue<Envelope, unknown>());
  }

  push(envelope: Envelope, message: unknown): void {
    this.#owner.emptySlotInto(this);
    this.#lanes[this.#owner.laneOf(envelope, message)]!.push(envelope, message);
    this.size += 1;
  }

  unshift(envelope: Envelope, message: unknown): void {
    this.#lanes[this.#owner.laneOf(envelope, message)]!.unshift(envelope, message);
    this.size += 1;
  }

  peekFirst(): Envelope {
    return this.#next().peekFirst();
  }

  shiftSecond(): unknown {
    const message = this.#next().shiftSecond();
    this.size -= 1;
    return message;
  }

  *firsts(): Generator<Envelope> {
    for (const lane of this.#lanes) yield* lane.firsts();
  }

  #next(): PairQueue<Envelope, unknown> {
    const lanes = this.#lanes;
    let index = 0;
    while (lanes[index]!.size === 0) index += 1;
    return lanes[index]!;
  }

  /**
   * Takes out the oldest message of the least urgent lane, to make room for one of lane `newcomer`; undefined where the
   * newcomer is less urgent than all. Signals stay.
   */
  takeLeastUrgent(newcomer: number): { readonly envelope: Envelope; readonly message: unknown } | undefined {
    for (let index = this.#lanes.length - 1; index >= newcomer; index -= 1) {
      const found = this.#takeOldest(this.#lanes[index]!);
      if (found === undefined) continue;
      this.size -= 1;
      return found;
    }
    return undefined;
  }

  /** True where a message, and no signal, waits in that lane or in one that is less urgent. */
  hasMessageFrom(lane: number): boolean {
    for (let index = lane; index < this.#lanes.length; index += 1) {
      for (const envelope of this.#lanes[index]!.firsts()) if (!this.#owner.isSignal(envelope)) return true;
    }
    return false;
  }

  #takeOldest(lane: PairQueue<Envelope, unknown>): { envelope: Envelope; message: unknown } | undefined {
    const signals: [Envelope, unknown][] = [];
    let found: { envelope: Envelope; message: unknown } | undefined;
    while (lane.size > 0 && found === undefined) {
      const envelope = lane.peekFirst();
      const message = lane.shiftSecond();
      if (this.#owner.isSignal(envelope)) signals.push([envelope, message]);
      else found = { envelope, message };
    }
    for (const [envelope, message] of signals.reverse()) lane.unshift(envelope, message);
    return found;
  }
}
