/**
 * The seam to other places: what the runtime hands in so that an actor can start children there, and what each side of
 * such a child knows of the other.
 *
 * At the parent's place stands a stand-in (`placed-cell.ts`), at the child's a deputy of the parent (`deputy.ts`). How the
 * two reach each other is the runtime's.
 */

import type { Envelope } from '../mailbox.ts';
import type { PlaceLost } from '../place-lost.ts';
import type { EndReason, Target, Watcher } from '../target.ts';
import type { PlacedCell } from './placed-cell.ts';
import type { Where } from './where.ts';

/** Starts actors at other places. */
export interface Placement {
  /** @throws SpawnFailed for an actor that no other place could find the code of */
  check(actorName: string): void;
  /**
   * Starts an actor for a stand-in, where that one says. Resolves once it has started.
   *
   * @throws SpawnFailed where it does not start, PlaceLost where its place was lost meanwhile: nothing of it is left then
   */
  place(request: PlaceRequest): Promise<Placed>;
}

export interface PlaceRequest {
  readonly where: Where;
  /** The name that the actor is registered under. */
  readonly actor: string;
  /** Its own name, unique among its parent's children. */
  readonly name: string | undefined;
  readonly args: unknown;
  readonly standIn: PlacedCell;
  /** Told once how it ended; with `lost` where it went with its place. May come before the promise resolves. */
  readonly ended: (reason: EndReason, lost?: PlaceLost) => void;
}

/** An actor that runs for a stand-in, as that one sees it. */
export interface Placed {
  readonly target: Target;
  /** Hands on a message that the stand-in accepted. False where it should wait for room before the next. */
  pass(envelope: Envelope, message: unknown): boolean;
  /** Resolves when there is room again, or it does not matter any more. */
  whenRoom(): Promise<void>;
  /** It takes no more turns until it is restarted; its queue waits. */
  takeDown(): void;
  /** Makes its state anew where it is. @throws PlaceLost */
  restart(): Promise<void>;
  /** Has it end; `ended` of its request tells when it has. */
  stop(kill: boolean, drain: boolean): void;
}

/** The stand-in of an actor of this place, as that actor's deputy sees it. */
export interface PlaceOwner {
  /** The id of its place. */
  readonly placeId: string;
  /** Its path. */
  readonly path: string;
  /** Its path below its place. */
  readonly branch: string;
  /** True where its system ends together with this place, and drains it. */
  readonly isOfNode: boolean;
  watch(watcher: Watcher): void;
  unwatch(watcher: Watcher): void;
  /** The actor ends, and its parent fails with it. To be told before it is known that the actor has ended. */
  escalated(error: unknown): void;
}
