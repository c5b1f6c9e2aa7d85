/** The options of `testSystem`, checked once. */
import * as z from 'zod';
import type { Isolation } from '../actors/isolation.ts';
import type { Registry } from '../actors/registry.ts';
import { UsageError } from '../base/errors.ts';
import type { FakesOf } from './fakes.ts';

/** Options of `testSystem`. */
export interface TestSystemOptions<R extends Registry | URL = Registry | URL> {
  /** The registry, as its value or as the URL of its module. Only the value lets the compiler check the fakes. */
  registry?: R;
  /** Fakes by the name of the resource that each stands for. A fake is neither opened nor closed. */
  resources?: FakesOf<R>;
  /**
   * Any whole number: who runs next is chosen by chance, the same for the same seed, one message a turn. Without it first
   * come, first served. It also seeds `ctx.random()`; 1 unless given.
   */
  seed?: number;
  /** `manual` leaves every turn to `step()` and `settle()`, one message a turn; `automatic` unless given. */
  stepping?: 'automatic' | 'manual';
  /** How messages become the receiver's own; `codec` unless given, the strictest. */
  isolation?: Isolation;
  /** How long settling waits for handlers that wait for the outside, in real ms; 1,000 unless given. */
  outsideMs?: number;
}

/** @throws UsageError */
export function checkTestOptions(options: object): void {
  const checked = optionsSchema.safeParse(options);
  if (!checked.success) throw new UsageError(`testSystem: ${z.prettifyError(checked.error)}`);
}

const optionsSchema = z.strictObject({
  registry: z.unknown().optional(),
  resources: z.record(z.string(), z.unknown()).optional(),
  seed: z.int().optional(),
  stepping: z.enum(['automatic', 'manual']).optional(),
  isolation: z.enum(['parse', 'codec', 'trusted']).optional(),
  outsideMs: z.number().min(0).optional(),
});
