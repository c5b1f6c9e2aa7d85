/** What `system.run` needs of a flow. The dataflow itself is `streams/`, a floor above. */
import type * as z from 'zod';
import type { Registrable } from '../actors/registry.ts';
import type { ActorSystem } from './actor-system.ts';

/** A flow that a system can run; `R` is the handle of a run. */
export interface RunnableFlow<A extends z.ZodType, R> extends Registrable {
  /** Tells flows from actors and resources in a registry. */
  readonly kind: 'flow';
  /** The schema of its arguments. */
  readonly args: A;
  /** Starts all its stages. Resolves once they run. */
  start(system: ActorSystem, args: unknown, options?: RunOptions): Promise<R>;
}

/** When a run that failed begins anew. */
export interface RunRestarts {
  /** How often, at most, within `withinMs`. */
  readonly max: number;
  /** In ms; 60,000 unless given. */
  readonly withinMs?: number;
  /** The wait before each, in ms, doubled from `minMs` to `maxMs` with half of it left to chance; 100 and 5,000 unless given. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
}

/** How a run goes on. */
export interface RunOptions {
  /**
   * A run that fails by what may be gone the next time (a place that was lost, an edge, a server: errors that are
   * `retryable`) begins anew, from the start of its sources, with the same outputs and readers. What its sinks were given
   * before comes again, so they had better begin anew too, as files do. Never unless given.
   */
  readonly restart?: RunRestarts;
}

/** Options of a run; they may be left out where the arguments may. */
export type RunArguments<A extends z.ZodType> =
  {} extends z.input<A> ? [options?: { args?: z.input<A> } & RunOptions] : [options: { args: z.input<A> } & RunOptions];
