/**
 * A definition of an actor at one host: what all its actors of a place have in common, behind one field of each.
 *
 * An actor that takes nothing more, or that is to end, points to another form of the same, so that the common case of a
 * message asks no further question and such an actor needs no field for it.
 */
import type { ActorBehavior } from './behavior.ts';
import type { HandlerTable } from './handler-tables.ts';
import type { Host } from './host.ts';

interface Form {
  readonly isClosed: boolean;
  readonly stopAsked: boolean;
  readonly isLeaving: boolean;
}

export class HostedBehavior {
  readonly host: Host;
  readonly behavior: ActorBehavior;
  readonly handlers: HandlerTable;
  /** Where a turn writes what it is at. */
  readonly activity: Int32Array;
  /** The number of its first operation there. */
  readonly firstOperation: number;
  /** From so many messages on a sender is told to slow down, or what else there is to say. */
  readonly highWater: number;
  /** Signals come on top of it. */
  readonly capacity: number;
  readonly interleaves: boolean;
  /** True where no further messages are taken. */
  readonly isClosed: boolean;
  /** True where the actor is to begin nothing more, and to end, or to leave, as soon as no run is open. */
  readonly stopAsked: boolean;
  /** True where it is to leave for another place. */
  readonly isLeaving: boolean;
  /** True for either. */
  readonly isLast: boolean;
  #closed: HostedBehavior | undefined = undefined;
  #stopping: HostedBehavior | undefined = undefined;
  #leaving: HostedBehavior | undefined = undefined;

  constructor(
    host: Host,
    behavior: ActorBehavior,
    firstOperation: number,
    { isClosed, stopAsked, isLeaving }: Form = { isClosed: false, stopAsked: false, isLeaving: false },
  ) {
    this.host = host;
    this.behavior = behavior;
    this.handlers = behavior.handlers;
    this.activity = host.activity;
    this.firstOperation = firstOperation;
    this.highWater = isClosed ? 0 : behavior.highWater;
    this.capacity = isClosed ? 0 : behavior.capacity;
    this.interleaves = behavior.interleaves;
    this.isClosed = isClosed;
    this.stopAsked = stopAsked;
    this.isLeaving = isLeaving;
    this.isLast = isClosed || stopAsked;
  }

  /** The same for an actor that takes no further messages. */
  get closed(): HostedBehavior {
    this.#closed ??= this.isClosed ? this : this.#form({ ...this, isClosed: true });
    return this.#closed;
  }

  /** The same for an actor that is to end. */
  get stopping(): HostedBehavior {
    this.#stopping ??= this.stopAsked ? this : this.#form({ ...this, stopAsked: true });
    return this.#stopping;
  }

  /** The same for an actor that is to leave for another place: it takes messages, and begins none. */
  get leaving(): HostedBehavior {
    this.#leaving ??= this.#form({ ...this, stopAsked: true, isLeaving: true });
    return this.#leaving;
  }

  /** The number of its start, as `activity` has it; that of its end is the next. */
  get startNumber(): number {
    return this.firstOperation + this.behavior.handlers.length;
  }

  /** What that number stands for. */
  labelOf(operation: number): string | undefined {
    return this.behavior.labels()[operation - this.firstOperation];
  }

  #form(form: Form): HostedBehavior {
    return new HostedBehavior(this.host, this.behavior, this.firstOperation, form);
  }
}
