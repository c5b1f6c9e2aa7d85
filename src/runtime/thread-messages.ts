/** What the threads of one process say to each other beside session frames, which go as bare bytes. */

import type { PlaceLost, SpawnFailed } from '../actors/errors.ts';
import type { GuardianOptions } from '../actors/guardian.ts';
import type { Where } from '../actors/placed/where.ts';
import type { ActorView, PlaceTree } from '../actors/tree.ts';
import type { StackTravel } from './router.ts';
import type { ShutdownPhase } from './shutdown-report.ts';
import type { PostedLetters } from './worker-letters.ts';

/** From the main thread to a worker. */
export type ToWorker =
  /** A direct channel to another worker. */
  | { readonly kind: 'peer'; readonly placeId: string; readonly port: unknown }
  /** A frame from a place of another node. */
  | { readonly kind: 'relay'; readonly placeId: string; readonly frame: Uint8Array }
  | {
      readonly kind: 'place-down';
      readonly placeId: string;
      readonly why: string;
      readonly reason: PlaceLost['reason'];
    }
  | PlaceAnswer
  /** There is a link to that node; its epoch goes with every frame for it. */
  | { readonly kind: 'node-up'; readonly nodeId: string; readonly epoch: number }
  | { readonly kind: 'node-down'; readonly nodeId: string; readonly why: string }
  /** Lists its actors; answered with `tree`. */
  | { readonly kind: 'tree' }
  /** Somebody reads dead letters on the main thread, or nobody any more. */
  | { readonly kind: 'letters-wanted'; readonly wanted: boolean }
  /** A phase of the shutdown begins; answered with `phase-done`. */
  | { readonly kind: 'phase'; readonly phase: WorkerPhase; readonly deadlineMs: number };

/** Where an actor is to run, for the worker that asked; or why nowhere. */
export interface PlaceAnswer {
  readonly kind: 'place-found';
  readonly question: number;
  readonly placeId?: string;
  readonly refused?: { readonly reason: SpawnFailed['reason']; readonly message: string };
}

/** From a worker to the main thread. */
export type FromWorker =
  /** A child of one of its actors is to run somewhere; answered with `place-found`. */
  | { readonly kind: 'place-wanted'; readonly question: number; readonly where: Where; readonly actor: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** A frame for a place of another node, meant for the link of that epoch. */
  | { readonly kind: 'relay'; readonly placeId: string; readonly frame: Uint8Array; readonly epoch: number }
  /** The session with that place broke the protocol. */
  | { readonly kind: 'broken'; readonly placeId: string; readonly what: string }
  | {
      readonly kind: 'log';
      readonly level: 'error' | 'warn' | 'info' | 'debug';
      readonly fields: Readonly<Record<string, unknown>>;
      readonly text: string;
    }
  /** A top-level actor escalated, and the guardian shuts the system down. */
  | { readonly kind: 'escalated' }
  | { readonly kind: 'tree'; readonly tree: PlaceTree }
  | { readonly kind: 'letters'; readonly posted: PostedLetters }
  /** What the phase left: actors that were killed, names of resources that did not close. */
  | {
      readonly kind: 'phase-done';
      readonly phase: WorkerPhase;
      readonly killed: readonly ActorView[];
      readonly unclosed: readonly string[];
    };

/** The phases of a shutdown that a worker thread goes through. */
export type WorkerPhase = Exclude<ShutdownPhase, 'leave'>;

/** What a worker is started with. */
export interface WorkerInit {
  readonly placeId: string;
  readonly mainPlaceId: string;
  /** URL of the registry module. */
  readonly registry: string;
  readonly isolation: 'parse' | 'codec' | 'trusted';
  readonly guardian: GuardianOptions;
  readonly stacks: StackTravel;
}

/** A frame leaves this thread: its buffer is transferred. */
export function postFrame(
  port: { post(message: unknown, transfer?: readonly unknown[]): void },
  frame: Uint8Array,
): void {
  port.post(frame, [frame.buffer]);
}
