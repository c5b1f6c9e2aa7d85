/**
 * A definition of an actor at one host: what all its actors of a place have in common, behind one field of each.
 *
 * An actor that takes nothing more points to the closed form of the same, so that the common case of a message asks no
 * further question.
 */
import type { ActorBehavior } from './behavior.ts';
import type { HandlerFunction } from './handler-tables.ts';
import type { Host } from './host.ts';

export class HostedBehavior {
  readonly host: Host;
  readonly behavior: ActorBehavior;
  readonly handlers: readonly HandlerFunction[];
  /** From so many messages on a sender is told to slow down, or what else there is to say. */
  readonly highWater: number;
  /** Signals come on top of it. */
  readonly capacity: number;
  readonly interleaves: boolean;
  readonly #open: HostedBehavior;
  #closed: HostedBehavior | undefined = undefined;

  constructor(host: Host, behavior: ActorBehavior, open?: HostedBehavior) {
    this.host = host;
    this.behavior = behavior;
    this.handlers = behavior.handlers;
    this.highWater = open === undefined ? behavior.highWater : 0;
    this.capacity = open === undefined ? behavior.capacity : 0;
    this.interleaves = behavior.interleaves;
    this.#open = open ?? this;
  }

  /** The same for an actor that takes no further messages. */
  get closed(): HostedBehavior {
    if (this.isClosed) return this;
    this.#closed ??= new HostedBehavior(this.host, this.behavior, this);
    return this.#closed;
  }

  get isClosed(): boolean {
    return this.#open !== this;
  }
}
