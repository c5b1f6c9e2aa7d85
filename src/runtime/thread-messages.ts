/** What the threads of one process say to each other beside session frames, which go as bare bytes. */

import type { SpawnFailed } from '../actors/errors.ts';
import type { GuardianOptions } from '../actors/guardian.ts';
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { Where } from '../actors/placed/where.ts';
import type { ActorView, PlaceTree } from '../actors/tree.ts';
import type { BesideBytes } from '../base/beside-bytes.ts';
import type { NodeRights } from './node-rules.ts';
import type { StackTravel } from './router.ts';
import type { ShutdownPhase } from './shutdown-report.ts';
import type { Stall } from './stall.ts';
import type { StallMs } from './stall-watch.ts';
import type { PostedLetters } from './worker-letters.ts';
import type { StartFailure } from './worker-start.ts';

/** From the main thread to a worker. */
export type ToWorker =
  /** A direct channel to another worker. */
  | { readonly kind: 'peer'; readonly placeId: string; readonly port: unknown }
  /** A frame from a place of another node. */
  | { readonly kind: 'relay'; readonly placeId: string; readonly frame: Uint8Array }
  | { readonly kind: 'place-down'; readonly loss: PlaceLoss }
  | PlaceAnswer
  | NodeNews
  /** Whether it can be ended for want of actors, and if so, makes itself ready for that; answered with `retired`. */
  | { readonly kind: 'retire' }
  /** Lists its actors; answered with `tree`. */
  | { readonly kind: 'tree' }
  /** Somebody reads dead letters on the main thread, or nobody any more. */
  | { readonly kind: 'letters-wanted'; readonly wanted: boolean }
  /** A phase of the shutdown begins; answered with `phase-done`. */
  | { readonly kind: 'phase'; readonly phase: WorkerPhase; readonly deadlineMs: number };

/** What becomes of the link to another node. */
export type NodeNews =
  /**
   * There is a link to that node, which speaks that wire version; its epoch goes with every frame for it. It follows one that
   * was cut where it `resumes`.
   */
  | {
      readonly kind: 'node-up';
      readonly nodeId: string;
      readonly wire: number;
      readonly epoch: number;
      readonly resumes: boolean;
      readonly rights: NodeRights;
    }
  /** The link was cut, and another may come: sessions with its places wait. */
  | { readonly kind: 'node-away'; readonly nodeId: string; readonly wire: number }
  /** The node is lost, and all sessions with its places. */
  | { readonly kind: 'node-down'; readonly nodeId: string; readonly why: string };

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
  /** It has something for a node that it knows no link to; answered with `node-up` or `node-down`. */
  | { readonly kind: 'node-wanted'; readonly nodeId: string }
  | { readonly kind: 'failed'; readonly failure: StartFailure }
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
  /** What has the numbers from `first` on in its activity is called so. */
  | { readonly kind: 'operations-named'; readonly first: number; readonly labels: readonly string[] }
  /** Something held the thread, and does no more. */
  | { readonly kind: 'stall'; readonly stall: Stall }
  /** It holds no actor and takes none any more; or it does, and goes on. */
  | { readonly kind: 'retired'; readonly isEmpty: boolean }
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
  /** The version of the package on the main thread. */
  readonly version: string;
  readonly isolation: 'parse' | 'codec' | 'trusted';
  readonly guardian: GuardianOptions;
  readonly stacks: StackTravel;
  /** Where it writes what it is at, and the main thread reads; see `ThreadActivity`. */
  readonly activity: SharedArrayBuffer;
  readonly stallMs: StallMs;
  /** How often it beats. */
  readonly beatMs: number;
}

/** A frame as it is posted: bare, or with the memory of the bytes that belong to it. */
export type PostedFrame = Uint8Array | readonly [frame: Uint8Array, beside: readonly ArrayBufferLike[]];

/** True for a frame; everything else that threads post to each other says its kind. */
export function isPostedFrame(message: unknown): message is PostedFrame {
  return message instanceof Uint8Array || Array.isArray(message);
}

/** A frame leaves this thread: its buffer is transferred, and those beside it, but for memory that threads share. */
export function postFrame(
  port: { post(message: unknown, transfer?: readonly unknown[]): void },
  frame: Uint8Array,
  beside?: readonly BesideBytes[],
): void {
  if (beside === undefined || beside.length === 0) {
    port.post(frame, [frame.buffer]);
    return;
  }
  const transfer = new Set<ArrayBufferLike>([frame.buffer]);
  for (const bytes of beside) if (!bytes.isShared) transfer.add(bytes.buffer);
  port.post([frame, beside.map(({ buffer }) => buffer)] satisfies PostedFrame, [...transfer]);
}
