/** What a shutdown leaves behind, as its caller is told it. */
import type { DeadLetterReason } from '../actors/dead-letters.ts';
import type { ActorView } from '../actors/tree.ts';

/**
 * The phases of a shutdown, in order: no more spawns, connections and joins; actors handle what is queued; actors stop,
 * children first and the last started first; resources close; links and threads end.
 */
export const shutdownPhases = ['stop-accepting', 'drain', 'stop-actors', 'close-resources', 'leave'] as const;
/**
 * A phase of the shutdown, in this order: `stop-accepting` (no more spawns, connections and joins), `drain` (actors
 * handle what is queued), `stop-actors` (children first, and the last started first), `close-resources`, `leave` (links
 * and threads end). The idea is Akka's coordinated shutdown.
 */
export type ShutdownPhase = (typeof shutdownPhases)[number];

/** Why the system shuts down: it was asked to, it was told by a signal, or a top-level actor escalated its failure. */
export type ShutdownReason = 'called' | 'SIGINT' | 'SIGTERM' | 'escalated';

/** How one phase went. */
export interface PhaseReport {
  /** Which phase. */
  readonly phase: ShutdownPhase;
  /** How long it took, hooks included, in ms. */
  readonly durationMs: number;
  /** False where it took longer than it had. */
  readonly inTime: boolean;
}

/** A hook that threw, or was not done in time. */
export interface FailedHook {
  /** The phase that it was given for. */
  readonly phase: ShutdownPhase;
  /** As it was given, or the name of the function. */
  readonly name: string;
  /** `timed-out`: the shutdown went on without it. */
  readonly outcome: 'failed' | 'timed-out';
  /** What it threw, as text. */
  readonly error: string;
}

/** A resource that had not closed by the deadline. */
export interface UnclosedResource {
  /** The id of the place that it was open on. */
  readonly place: string;
  /** The name of the resource. */
  readonly name: string;
}

/** A place of another node that had not received everything when this one left. */
export interface UndeliveredTo {
  /** The id of that place. */
  readonly place: string;
  /** Messages, answers and the like that it did not acknowledge; messages among them are dead letters. */
  readonly items: number;
}

/** What was left when the system had shut down. Plain data; no message is in it. */
export interface ShutdownReport {
  /** True when nothing was left: all that is below is empty, but for dead letters that were refused while draining. */
  readonly clean: boolean;
  /** Why the system shut down. */
  readonly reason: ShutdownReason;
  /** How long it took, in ms. */
  readonly durationMs: number;
  /** How each phase went, in order. */
  readonly phases: readonly PhaseReport[];
  /** Actors that had not ended by the deadline and were killed, the lowest first, with what they were doing. */
  readonly killed: readonly ActorView[];
  /** Messages of this node's threads that became dead letters during the shutdown, by reason. */
  readonly deadLetters: { readonly [R in DeadLetterReason]?: number };
  /** Messages that were lost during the shutdown with places that had received them. */
  readonly lostWithPlace: number;
  /** Resources that had not closed by the deadline. */
  readonly resources: readonly UnclosedResource[];
  /** Worker threads that did not answer and were ended from outside. */
  readonly threads: readonly string[];
  /** Places of other nodes that did not acknowledge all that was sent to them. */
  readonly nodes: readonly UndeliveredTo[];
  /** Hooks that failed, or took too long. */
  readonly hooks: readonly FailedHook[];
}

/** The report in one line, for the log: empty where it is clean. */
export function describeReport({ killed, resources, threads, nodes, hooks, deadLetters }: ShutdownReport): string {
  const what: string[] = [];
  for (const { path, doing } of killed) what.push(`killed ${path}${doing === undefined ? '' : `, busy with ${doing}`}`);
  for (const { name, place } of resources) what.push(`resource "${name}" of ${place} did not close`);
  for (const thread of threads) what.push(`thread ${thread} did not answer`);
  for (const { place, items } of nodes) what.push(`${place} did not acknowledge ${items} items`);
  for (const { name, phase, outcome } of hooks) what.push(`hook "${name}" of ${phase} ${outcome}`);
  for (const [reason, count] of Object.entries(deadLetters)) what.push(`${count} messages not handled (${reason})`);
  return what.join('; ');
}
