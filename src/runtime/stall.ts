/** A stall: something held a thread, so that nothing else ran on it. What is known of it, and how people are told. */
import type { Suspect } from '../actors/outside-turns.ts';

/**
 * What is known of a stall.
 *
 * - `handler`: one call of a handler, a stream's generator or a hook held the thread; `path` and `operation` say which.
 * - `messages`: one of several messages did, or code between them. Every message is timed for 10 s from then on, so that
 *   the next one is known.
 * - `outside`: code outside of a turn did: a handler after an `await`, work of `ctx.run`, a `state` function, or code
 *   that is no actor's. `suspects` are those whose code ran there.
 * - `held`: a worker thread does not answer yet. `durationMs` is how long so far; it is told again after twice that.
 * - `starving`: no single call, but one actor's endless backlog of slow ones: it took at least 80 % of some seconds, and
 *   everything else on the thread waited for one of them each time. `messages` is in how many pieces.
 */
export type StallKind = 'handler' | 'messages' | 'outside' | 'held' | 'starving';

/** One time that a thread was held for longer than `stallMs`. */
export interface Stall {
  /** What is known of it. */
  readonly kind: StallKind;
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  /** Path of the actor that held it; of the last one where it was one of several; undefined where none is known. */
  readonly path: string | undefined;
  /** The operation, such as `hasher.hash`, or what else, such as `the end of hasher`; undefined where that is not known. */
  readonly operation: string | undefined;
  /** How long it was held, in whole ms. For `outside` at least so long, up to half of `stallMs` more. */
  readonly durationMs: number;
  /** Messages that were handled in that time, and may have been the reason. */
  readonly messages: number;
  /** For `outside`: whose code came to an end there, the newest first; at most 5. */
  readonly suspects: readonly Suspect[];
  /** What to do about it. */
  readonly advice: string;
}

/** What one line of the log is about: a stall, and those like it since the line before. */
export interface StallSum {
  readonly stall: Stall;
  readonly count: number;
  readonly longestMs: number;
  readonly totalMs: number;
}

export function adviceFor(kind: StallKind, place: string): string {
  const elsewhere = isMain(place)
    ? 'spawn it with { on: thread() }'
    : 'give it a thread of its own with { on: thread({ name }) }';
  switch (kind) {
    case 'handler':
      return `${elsewhere}, or split its work into messages`;
    case 'messages':
      return 'every message is timed for a while now, so that the next one is known by name';
    case 'outside':
      return isMain(place)
        ? 'move that work to an actor that is spawned with { on: thread() }, or break it up with await ctx.delay(0)'
        : 'move that work to an actor with a thread of its own, or break it up with await ctx.delay(0)';
    case 'held':
      return 'split that work into messages: until it returns no other actor of that thread runs, and none of them can be stopped';
    case 'starving':
      return `${elsewhere}, spread its work over pool(…), or have it give way with await ctx.delay(0)`;
    default:
      return kind satisfies never;
  }
}

/** One line for people. */
export function stallText({ stall, count, longestMs, totalMs }: StallSum): string {
  const { kind, place, durationMs, advice } = stall;
  const more =
    count === 1 ? '' : ` (${count} times since it was logged last, ${totalMs} ms in all, ${longestMs} ms at most)`;
  const thread = isMain(place) ? `the main thread of ${place}` : `the worker thread ${place}`;
  if (kind === 'held') return `${thread} has not answered for ${durationMs} ms: ${whatItIsAt(stall)}; ${advice}`;
  if (kind === 'starving') {
    const pieces = `in ${stall.messages} pieces of ${Math.round(durationMs / stall.messages)} ms`;
    return `${stall.path} took nearly all of the last seconds of ${thread}, ${durationMs} ms ${pieces}${more}, and all else there waited each time; ${advice}`;
  }
  return `${whatHeld(stall)} held ${thread} for ${durationMs} ms${more}, and nothing else ran there; ${advice}`;
}

/** `in hasher.hash of troupe://…`, as much of it as is known. */
export function whatItIsAt({ path, operation }: Pick<Stall, 'path' | 'operation'>): string {
  if (path === undefined) return 'it runs code outside of actors, or after an await in one';
  return operation === undefined ? `it is in the turn of ${path}` : `it is in ${operation} of ${path}`;
}

function whatHeld({ kind, path, operation, messages, suspects }: Stall): string {
  if (kind === 'handler') return operation === undefined ? `the turn of ${path}` : `${operation} of ${path}`;
  if (kind === 'messages') {
    const last = path === undefined ? '' : `, the last of them for ${path},`;
    return `one of ${messages} messages handled in a row${last} or code between them,`;
  }
  if (suspects.length === 0) return 'code outside of actors, or after an await in one,';
  const names = suspects.map((suspect) => `${suspect.operation} of ${suspect.path}`).join(', or ');
  return `code outside of a turn, such as after an await, probably ${names},`;
}

export function isMain(place: string): boolean {
  return place.endsWith('/main');
}
