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
  start(system: ActorSystem, args: unknown): Promise<R>;
}

/** Options of a run; they may be left out where the arguments may. */
export type RunArguments<A extends z.ZodType> =
  {} extends z.input<A> ? [options?: { args?: z.input<A> }] : [options: { args: z.input<A> }];
