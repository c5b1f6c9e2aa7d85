/**
 * Work-pulling pools: workers of one definition, and one queue of jobs for all of them.
 *
 * The ref of a pool is one of its workers' protocol, and every message through it is a job. A job waits in the pool, in
 * order, until a worker has nothing to do; a worker has one at a time. Workers may run elsewhere: the pool then hears from
 * there when a job was dealt with.
 */
import * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { ActorDefinition, MailboxOptions } from '../actor.ts';
import { ActorBehavior } from '../behavior.ts';
import { checkKeys } from '../given.ts';
import { isBehavior } from '../host.ts';
import { checkWhere, type Where } from '../placed/where.ts';
import type { Operations, Protocol } from '../protocol.ts';
import { frontOf } from './front.ts';
import { PoolCell } from './pool-cell.ts';
import type { Managed } from './routees.ts';
import { checkedCount } from './router-options.ts';
import { type PoolSize, Workers } from './workers.ts';

type Schema = z.ZodType;

/** What `pool` takes beside the definition of its workers. */
export type PoolOptions<A extends Schema> = {
  /** How many workers it begins with; 1 to 1,024. `resize` changes it. */
  readonly size: number;
  /** The fewest, to which the pool lets workers go that had nothing to do for 10 s; it lets none go unless given. */
  readonly min?: number;
  /** The most, up to which the pool starts another worker when a job would wait; it starts none unless given. */
  readonly max?: number;
  /** The bounds of the queue of jobs, as of any mailbox: 1,024, 65,536 and `reject` unless given. */
  readonly queue?: MailboxOptions;
  /**
   * Where the workers run, such as `thread()` or `spread([…])`: each is placed anew, also when it restarts since its place
   * was lost; on the pool's own place unless given. They must be registered then.
   */
  readonly on?: Where;
  /** The name it is registered under; that of the worker and `-pool` unless given. */
  readonly name?: string;
} & ({} extends z.input<A> ? { readonly args?: z.input<A> } : { readonly args: z.input<A> });

/** A pool takes no arguments: those of its workers are an option of the pool. */
export type PoolArguments = z.ZodObject<{}>;

/**
 * Declares a pool, whose workers pull their jobs. Spawn it like any actor. The idea is Akka's work pulling.
 *
 * A worker that fails is restarted by its own supervision and its job follows its poison policy; one that has ended for
 * good is replaced after a second. `resize` changes their number, within `min` and `max` where they are given; those that
 * are too many finish their job first. An ask from within a job is rejected as a cycle where every worker waits for it already.
 *
 * @throws UsageError
 */
export function pool<PN extends string, O extends Operations, A extends Schema>(
  worker: ActorDefinition<Protocol<PN, O>, A>,
  options: PoolOptions<A>,
): ActorDefinition<Protocol<PN, O>, PoolArguments> {
  if (!isBehavior(worker)) throw new UsageError('pool takes the definition of an actor, and its options');
  checkKeys(
    options,
    ['size', 'min', 'max', 'args', 'name', 'queue', 'on'],
    `the options of a pool of "${worker.name}"`,
  );
  const name = options.name ?? `${worker.name}-pool`;
  const what = `pool "${name}"`;
  const size = checkedCount(options.size, 1, limits.routeesMax, `${what}: size`);
  const bounds: PoolSize = {
    size,
    min: options.min === undefined ? undefined : checkedCount(options.min, 1, size, `${what}: min`),
    max: options.max === undefined ? undefined : checkedCount(options.max, size, limits.routeesMax, `${what}: max`),
  };
  const { args, on } = options;
  if (on !== undefined) checkWhere(on, `${what}: on`);
  const front = frontOf(
    PoolCell,
    (_none, context) => new Workers({ definition: worker, args, on }, bounds, context as Managed),
    (state, event, context) => (state as Workers).terminated(event, context),
  );
  const protocol = worker.protocol as unknown as Protocol<PN, O>;
  const queue = new ActorBehavior(protocol, {
    ...front,
    args: z.object({}),
    name,
    mailbox: options.queue ?? {},
  }) as unknown as ActorBehavior;
  return new ActorBehavior<Protocol<PN, O>, PoolArguments>(protocol, {
    ...front,
    front: { ...front.front, bounds: queue },
    args: z.object({}),
    name,
  });
}
