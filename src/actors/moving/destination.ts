/**
 * What a move is made of, as the actor that leaves sees it: the place that it goes to, and what goes over, in order.
 *
 * First a snapshot of what does not change while the actor rests. Once the other place has taken that, everything else goes
 * in one go: streams, stash and queue as they stand, then what begins with them. All of it is plain data.
 */
import type { Operation } from '../operation.ts';
import type { CallOptions } from '../protocol.ts';
import type { QuietTime } from '../receive-timeout.ts';
import type { EndReason, Owner, Target } from '../target.ts';

/** An actor as others name it: its address, the path below its place, and its protocol's name. */
export type WireActor = readonly [place: string, cell: number, branch: string, protocol: string];

/** What an actor is, between two messages. */
export interface Snapshot {
  /** The name that its definition is registered under. */
  readonly definition: string;
  /** Its arguments in wire form; null where there are none. */
  readonly args: unknown;
  /** What it goes by: where it was spawned. */
  readonly place: string;
  readonly cell: number;
  readonly name: string | null;
  /** How often it has moved, this time included. */
  readonly hop: number;
  /** Self-describing data. */
  readonly state: unknown;
  /** What it has become, the first first. */
  readonly behaviors: readonly string[];
  readonly generation: number;
  /** How long ago it was restarted, for its budget. */
  readonly restarts: readonly number[];
  /** What it remembers of reliable producers, as self-describing data; null where its state does, or nothing is. */
  readonly deliveries: unknown;
}

/** A timer on its way. */
export interface MovingTimer {
  /** Whom it tells; null for the actor itself. */
  readonly to: WireActor | null;
  readonly operation: string;
  readonly message: unknown;
  readonly leftMs: number;
  readonly periodMs: number | null;
  readonly name: string | null;
}

/** What begins at the new place with the actor's first turn there. */
export interface Beginning {
  readonly timers: readonly MovingTimer[];
  readonly watches: readonly WireActor[];
  readonly links: readonly WireActor[];
  /** How its quiet time stands; null where it wants to know of none. */
  readonly quiet: QuietTime | null;
  /** What is left of its state's time; null where it has none. */
  readonly stateLeftMs: number | null;
}

/** A stream on its way. */
export interface MovingStream {
  readonly operation: Operation;
  readonly message: unknown;
  /** What its reader asks for it by. */
  readonly token: string;
  /** How many values more the reader takes. */
  readonly granted: number;
  /** How many it has. */
  readonly delivered: number;
  /** Values that were made for it and are still to be sent. */
  readonly unsent: readonly unknown[];
  /** What its handler observed: what was seen last, and what waits to be taken. */
  readonly seeds: readonly (readonly [last: unknown, waiting: readonly unknown[]])[];
  /** True where its handler was called already. */
  readonly begun: boolean;
}

/** News that waits in the queue and that nobody sent. */
export type MovingSignal =
  | readonly ['terminated', WireActor, EndReason]
  | readonly ['idle']
  /** The end of the present state's time. */
  | readonly ['timeout'];

/** How a message stands in the queue. */
export interface Standing {
  /** Set aside, and not in the queue. */
  readonly isStashed: boolean;
  /** How often it was handed out again after its handler had failed. */
  readonly retried: number;
}

/** The way to the actor at its new place. */
export interface Station extends Target {
  /** Sends a stream on, at its place in the order. */
  passStream(stream: MovingStream): void;
}

/** A move that the other place was asked for. Everything handed over arrives in order, and before the beginning. */
export interface Adoption {
  /** The way to it there, once its place has taken the snapshot. @throws MoveRefused */
  readonly taken: Promise<Station>;
  tell(operation: Operation, message: unknown, standing: Standing): void;
  ask(operation: Operation, message: unknown, options: CallOptions, owner: Owner, standing: Standing): Promise<unknown>;
  stream(stream: MovingStream): void;
  signal(signal: MovingSignal): void;
  /** It takes its turns over there from now on, and never here. Resolves when it does. @throws MoveRefused */
  begin(beginning: Beginning): Promise<void>;
  /** It stays after all. */
  cancel(): void;
}

/** Another place that an actor can move to. */
export interface Destination {
  /** @param timeoutMs how long the other place may take */
  adopt(snapshot: Snapshot, timeoutMs: number): Adoption;
}
