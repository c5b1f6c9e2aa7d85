/**
 * Supervision as it is declared: what becomes of an actor whose code failed.
 *
 * As in OTP, an actor that fails is restarted by the one above it, with a budget, so that a failure that keeps coming
 * back ends in a stop or goes further up. The child's definition says how it wants to be supervised, its parent's how
 * the children hang together. Compiled once per definition; `supervised.ts` acts on it.
 */
import * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/**
 * What to do with an actor that failed: `restart` rebuilds its state from its arguments, `resume` goes on with the state
 * as the failure left it, `stop` ends it, `escalate` ends it and fails its parent.
 */
export type Directive = 'restart' | 'resume' | 'stop' | 'escalate';

/**
 * Who shares the fate of a child that is restarted or stopped: nobody else, all its siblings, or those that were started
 * after it. The strategies of OTP.
 */
export type Strategy = 'one-for-one' | 'all-for-one' | 'rest-for-one';

/** What a directive decides upon. */
export interface ActorFailure {
  /** What was thrown, as it was thrown. */
  readonly error: unknown;
  /** The operation whose handler threw, such as `counter.inc`; undefined for a start, a stream, or `ctx.run`. */
  readonly operation: string | undefined;
}

/** How an actor is supervised, as in OTP, but that every actor has a budget of its own. */
export interface Supervise {
  /** Decides for each failure; always `restart` unless given. One that throws itself means `stop`. */
  directive?: (failure: ActorFailure) => Directive;
  /** Restarts in any window of `withinMs`; 5 unless given, 0 for none. */
  restartsMax?: number;
  /** The length of that window in ms; 60,000 unless given. */
  withinMs?: number;
  /** What happens at the failure after the last restart of the budget; `stop` unless given. */
  exhausted?: 'stop' | 'escalate';
  /**
   * How long to wait before a restart: from `minMs`, doubled with each restart of the window up to `maxMs`, with jitter.
   * At once unless given. The mailbox accepts meanwhile.
   */
  backoff?: { minMs: number; maxMs: number };
  /**
   * What happens to the message whose handler failed: `drop` makes it a dead letter with the reason `poison`; `retry`
   * hands it out again, before all others, `retry` times at most, while its caller waits; `quarantine` keeps it in
   * `system.quarantine` with its error and the state, to be looked at and replayed. `afterwards` is for what failed once more
   * after its retries. `drop` unless given.
   */
  poison?: 'drop' | 'quarantine' | { retry: number; afterwards?: 'drop' | 'quarantine' };
}

/** The declaration with its defaults, as the runtime asks it. */
export interface SupervisionPolicy {
  readonly directive: (failure: ActorFailure) => Directive;
  readonly restartsMax: number;
  readonly withinMs: number;
  readonly exhausted: 'stop' | 'escalate';
  readonly backoff: { readonly minMs: number; readonly maxMs: number } | undefined;
  /** How often a message is handed out again after its handler failed. */
  readonly retries: number;
  /** True where a message that fails then is kept; else it is dropped. */
  readonly quarantines: boolean;
}

const milliseconds = z.int().min(1).max(limits.askTimeoutMsMax);
const superviseSchema = z.strictObject({
  directive: z.custom<Supervise['directive']>((given) => typeof given === 'function', 'a function').optional(),
  restartsMax: z.int().min(0).max(limits.restartsMaxAllowed).optional(),
  withinMs: milliseconds.optional(),
  exhausted: z.enum(['stop', 'escalate']).optional(),
  backoff: z
    .strictObject({ minMs: milliseconds, maxMs: milliseconds })
    .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs lies above maxMs')
    .optional(),
  poison: z
    .union([
      z.enum(['drop', 'quarantine']),
      z.strictObject({
        retry: z.int().min(1).max(limits.poisonRetriesMax),
        afterwards: z.enum(['drop', 'quarantine']).optional(),
      }),
    ])
    .optional(),
});
const strategySchema = z.enum(['one-for-one', 'all-for-one', 'rest-for-one']);

/** @throws UsageError for a declaration that makes no sense */
export function supervisionPolicy(given: Supervise, actorName: string): SupervisionPolicy {
  const checked = superviseSchema.safeParse(given);
  if (!checked.success) throw new UsageError(`${actorName}: supervise: ${z.prettifyError(checked.error)}`);
  const { poison } = given;
  return Object.freeze({
    directive: given.directive ?? (() => 'restart' as const),
    restartsMax: given.restartsMax ?? limits.restartsMax,
    withinMs: given.withinMs ?? limits.restartsWithinMs,
    exhausted: given.exhausted ?? 'stop',
    backoff: given.backoff === undefined ? undefined : Object.freeze({ ...given.backoff }),
    retries: typeof poison === 'object' ? poison.retry : 0,
    quarantines: (typeof poison === 'object' ? poison.afterwards : poison) === 'quarantine',
  });
}

/** @throws UsageError for a strategy that does not exist */
export function strategyOf(given: Strategy | undefined, actorName: string): Strategy {
  const checked = strategySchema.safeParse(given ?? 'one-for-one');
  if (checked.success) return checked.data;
  throw new UsageError(`${actorName}: strategy: ${z.prettifyError(checked.error)}`);
}

/** What a directive gave, if it is one. */
export function isDirective(given: unknown): given is Directive {
  return given === 'restart' || given === 'resume' || given === 'stop' || given === 'escalate';
}
