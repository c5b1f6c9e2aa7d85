/**
 * Routers: actors that pass messages on to one of many, or to all.
 *
 * The ref of a router is one of the protocol that it spreads. A call through it picks a routee on the caller's own turn
 * and is then that routee's: reply, errors, deadline, cancellation and call chain are as if it had been called itself,
 * and an offer waits for its room. How a router is managed is in `router-control.ts`.
 */
import * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { ActorDefinition } from '../actor.ts';
import { ActorBehavior } from '../behavior.ts';
import type { ServiceKey } from '../finding/service-key.ts';
import { checkKeys } from '../given.ts';
import { isBehavior } from '../host.ts';
import { compiledProtocol } from '../operation.ts';
import { checkWhere, type Where } from '../placed/where.ts';
import type { Operations, Protocol, Ref } from '../protocol.ts';
import { refOf } from '../schema/ref-schema.ts';
import { ChildRoutees } from './child-routees.ts';
import { frontOf } from './front.ts';
import { GivenRoutees } from './given-routees.ts';
import { KeyRoutees } from './key-routees.ts';
import type { Managed, Routees } from './routees.ts';
import { RouterCell } from './router-cell.ts';
import { checkedCount } from './router-options.ts';
import { checkStrategy, type Strategy } from './strategy.ts';

type Schema = z.ZodType;

/** Children of one definition, started by the router. */
export type ChildrenOf<PN extends string, O extends Operations, A extends Schema> = {
  /** What each child is. */
  readonly of: ActorDefinition<Protocol<PN, O>, A>;
  /** How many; `resize` changes it. 1 to 1,024. */
  readonly count: number;
  /** Where they run, such as `thread()` or `spread([…])`: each is placed anew; on the router's own place unless given. */
  readonly on?: Where;
} & ({} extends z.input<A> ? { readonly args?: z.input<A> } : { readonly args: z.input<A> });

/** What `router` takes beside the protocol. At most one of `children` and `key`. */
export interface RouterOptions<PN extends string, O extends Operations, A extends Schema> {
  /**
   * How it chooses: `roundRobin()`, `random()`, `leastMailbox()`, `consistentHash(key)`, `broadcast()` or
   * `scatterGatherFirst()`.
   */
  readonly strategy: Strategy<NoInfer<O>>;
  /** The name it is registered under; that of the protocol and `-router` unless given. */
  readonly name?: string;
  /** Routees of its own: it starts, supervises and replaces them. */
  readonly children?: ChildrenOf<PN, NoInfer<O>, A>;
  /** Everybody registered under this key. */
  readonly key?: ServiceKey<Protocol<PN, NoInfer<O>>>;
}

/** The arguments of a router: the routees that it begins with, where it has neither children nor a key. */
export type RouterArguments<PN extends string, O extends Operations> = z.ZodType<
  { routees: Ref<Protocol<PN, O>>[] },
  { routees?: Ref<Protocol<PN, O>>[] }
>;

/**
 * Declares a router of a protocol. Its routees are its `children`, everybody under a `key`, or those given as the argument
 * `routees` when it is spawned, wherever they live, and then added and taken out by `addRoutee` and `removeRoutee`. A
 * routee leaves when it ends. Without any, a tell is a dead letter with the reason `no-routee`, and an ask settles at once
 * as `NotDelivered` with that reason.
 *
 * @throws UsageError where the strategy has no way with an operation, such as `broadcast` with an ask
 */
export function router<const PN extends string, O extends Operations, A extends Schema = z.ZodType<{}, {}>>(
  protocol: Protocol<PN, O>,
  options: RouterOptions<PN, O, A>,
): ActorDefinition<Protocol<PN, O>, RouterArguments<PN, O>> {
  checkKeys(
    options,
    ['strategy', 'name', 'children', 'key'],
    `the options of a router of "${compiledProtocol(protocol).name}"`,
  );
  const { children, key } = options;
  const strategy = options.strategy as Strategy<never>;
  const name = options.name ?? `${protocol.name}-router`;
  checkStrategy(strategy, compiledProtocol(protocol).operations.values(), `router "${name}"`);
  if (children !== undefined) {
    if (key !== undefined) throw new UsageError(`router "${name}" has children or a key, not both`);
    if (!isBehavior(children.of) || children.of.protocol.name !== protocol.name) {
      throw new UsageError(`router "${name}": children.of must be an actor of the protocol "${protocol.name}"`);
    }
    checkKeys(children, ['of', 'count', 'args', 'on'], `router "${name}": children`);
    if (children.on !== undefined) checkWhere(children.on, `router "${name}": children.on`);
    checkedCount(children.count, 0, limits.routeesMax, `router "${name}": children.count`);
  }
  if (key !== undefined && key.protocol?.name !== protocol.name) {
    throw new UsageError(`router "${name}": key must be a service key of the protocol "${protocol.name}"`);
  }
  const args = z.object({ routees: z.array(refOf(protocol)).max(limits.routeesMax).default([]) });
  const createState = (given: unknown, context: unknown): Routees => {
    const managed = context as Managed;
    const { routees } = given as { routees: readonly unknown[] };
    if (children === undefined && key === undefined) return new GivenRoutees(strategy, protocol, routees, managed);
    if (routees.length > 0) throw new UsageError(`router "${name}" finds its routees itself; it can be given none`);
    return key === undefined ? new ChildRoutees(strategy, children!, managed) : new KeyRoutees(strategy, key, managed);
  };
  return new ActorBehavior<Protocol<PN, O>, RouterArguments<PN, O>>(protocol, {
    ...frontOf(RouterCell, createState, (state, event, context) => (state as Routees).terminated(event, context)),
    args: args as unknown as RouterArguments<PN, O>,
    name,
  });
}
