/**
 * What a ref points to: a cell of this place, or an actor elsewhere. A ref knows no more of its actor than this.
 *
 * Messages arrive here as the caller gave them; the target validates them once, and copies or encodes them in the same
 * step.
 */
import type { Host } from './host.ts';
import type { Operation } from './operation.ts';
import type { PlaceLoss } from './place-lost.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import type { Run } from './run.ts';
import type { StreamProducer, StreamReader } from './stream-reader.ts';

/** Where an actor lives: the id of its place, and its number there, which is never used again. */
export interface Address {
  readonly place: string;
  readonly cell: number;
}

/** In place of an actor's number: whichever actor has the name by then. */
export const byNameCell = -1;

/** True for the target of a name, and no actor. */
export function isByName(target: Target): boolean {
  return target.address().cell === byNameCell;
}

/** Which life of which actor: the same text in every place, never used again. For a name it is the name. */
export function incarnationOf(target: Target): string {
  const { place, cell } = target.address();
  return cell === byNameCell ? `${place}${target.branch()}` : `${place}#${cell}`;
}

/**
 * Whose ref it is. Refs belong to the actor that got them, so that the caller of every message is known after any
 * `await`; refs outside of actors belong to their system.
 */
export interface Owner {
  /** The run that a call through its refs is made by; undefined when none is open, or it cannot be told which. */
  readonly openRun: Run | undefined;
  readonly host: Host;
  address(): Address;
  path(): string;
  /** A ref to the same actor that belongs to this owner. */
  adopt(ref: object): object;
}

/** How an actor is stopped. */
export interface StopOptions {
  /** How long to wait for the actor's end, in ms. */
  readonly deadlineMs?: number;
  /**
   * Handle what is queued now, then stop. What comes meanwhile is refused: nothing is taken that will not be handled.
   * Children are drained after their parent. False unless given.
   */
  readonly drain?: boolean;
}

/** How an actor ended, as those who watch it are told. */
export type EndReason = 'stopped' | 'failed' | 'killed' | 'place-lost' | 'unknown';

/** One watch. Told once. */
export interface Watcher {
  /** @param loss what is known of the loss of its place, where that is the reason */
  terminated(reason: EndReason, loss?: PlaceLoss): void;
}

/** The side of a link that began it. */
export type Linked = Target & Owner;

export interface Target {
  readonly protocolName: string;
  /** `troupe://place/name#incarnation`, for people, logs and keys. */
  path(): string;
  address(): Address;
  /** The path below its place: the actor's name, below its parents' names. */
  branch(): string;
  /** Messages that wait for it or are in work, as far as this place can tell; for another place, those under way there. */
  readonly load: number;
  /** @throws InvalidMessage. False: the target's queue is above its high water, or the message was refused. */
  tell(operation: Operation, message: unknown): boolean;
  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void>;
  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown>;
  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown>;
  /** Ends the actor after its current message, or at once when `kill`; resolves when it has ended. */
  stop(kill: boolean, options: StopOptions | undefined): Promise<void>;
  /**
   * Has `watcher` told when the actor has ended; at once where it has, then as `unknown`, unless it goes on with a watch
   * that began elsewhere, `again`.
   *
   * @throws Rejected where it cannot be watched
   */
  watch(watcher: Watcher, again?: boolean): void;
  /** Takes a watch back; what has been told already stays told. */
  unwatch(watcher: Watcher): void;
  /** Has the actor linked to `other`, an actor of this place that is linked to it. */
  linkBack(other: Linked): void;
  unlinkBack(other: Linked): void;

  // ── for actors that move ──

  /** Opens a stream for a reader that is there already. */
  open(operation: Operation, message: unknown, owner: Owner, reader: StreamReader<unknown>): StreamProducer;
  /** Has the actor move to that place. @throws MoveRefused */
  move(placeId: string, deadlineMs: number): Promise<void>;
  /** Resolves when everything that was sent here before has arrived, wherever the actor lives, or is lost. */
  fence(): Promise<void>;
  /** Goes on with a stream that moved with the actor, and is kept for its reader under `token`. */
  attach(token: string, operation: Operation, owner: Owner, reader: StreamReader<unknown>): StreamProducer;
}
