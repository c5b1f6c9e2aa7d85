/**
 * Actors: a protocol given its state and its handlers.
 *
 * An actor with explicit state can be started anywhere by name; a closure actor keeps its state in a closure.
 */
import type * as z from 'zod';
import { ActorBehavior, type Parts } from './behavior.ts';
import type { ActorContext, ClosureHandlers, Handlers } from './context.ts';
import type { Deliveries } from './delivery/deliveries.ts';
import { checkFunction, checkKeys, checkResources, checkSignals } from './given.ts';
import { compiledProtocol } from './operation.ts';
import type { AnyProtocol, Operations, Out, Protocol } from './protocol.ts';
import type { IdleEvent } from './receive-timeout.ts';
import type { Resource } from './resource.ts';
import type { Strategy, Supervise } from './supervise.ts';
import type { Terminated } from './watch.ts';

type Schema = z.ZodType;

/** An operation with its message, told apart by the operation's name. */
export type LaneArguments<P extends Operations> = {
  [K in keyof P & string]: [operation: K, message: Out<P[K]['input']>];
}[keyof P & string];

/** How an actor's queue is bounded, and in which order it is handled. */
export interface MailboxOptions<P extends Operations = Operations> {
  /** Messages above which a tell returns `false` and an offer waits; 1,024 unless given. */
  highWater?: number;
  /** Messages above which the overflow policy acts; 65,536 unless given. */
  capacity?: number;
  /**
   * What happens to a message at the capacity, `reject` unless given. Every message that is not handled becomes a dead
   * letter; an ask is answered with `Rejected(full)`. With lanes, `drop-oldest` drops the oldest message of the least
   * urgent lane, and the newcomer where it is less urgent than all.
   */
  overflow?: 'reject' | 'drop-oldest' | 'drop-newest';
  /** Messages that `ctx.stash()` may set aside, beside the queue and its capacity; 1,024 unless given. */
  stash?: number;
  /**
   * How many priority lanes there are, from 2 to 32: a message is handled after all of the lanes below its own, and the
   * order of its sender holds within its lane. Bounds count over all lanes. One unless given.
   */
  lanes?: number;
  /**
   * The lane of a message, from 0, the most urgent, to `lanes - 1`. It is called when the message waits behind another,
   * as often as needed: it must be quick and depend on nothing else. Where it throws or gives no lane that exists, the
   * message takes the last lane, and the failure is logged. Name both parameters, also where one is not used: a function
   * of one does not compile.
   */
  laneOf?: (...of: LaneArguments<P>) => number;
}

/** Moments in an actor's life. Each may be asynchronous and holds the actor like a message. */
export interface Signals<St, C> {
  /** Before its first message, and after each restart: `generation` counts these. */
  started?: (state: St, event: { readonly generation: number }, context: C) => void | Promise<void>;
  /** After its last message, unless it is killed. */
  stopping?: (state: St, event: { readonly reason: 'stopped' | 'failed' }, context: C) => void | Promise<void>;
  /** An actor that it watches has ended. Comes after the last message of that actor. */
  terminated?: (state: St, event: Terminated, context: C) => void | Promise<void>;
  /**
   * It has handled no message for `idleMs`, and no stream of it is open. Called once for each quiet time: again only
   * after something was handled. Waits in the mailbox like a message, and holds no process alive.
   */
  idle?: (state: St, event: IdleEvent, context: C) => void | Promise<void>;
}

/** What every definition with explicit state may have, whatever its state is. */
export interface DefinitionOptions<A extends Schema, PO extends Operations, N extends Operations> {
  /** The schema of its arguments. */
  args: A;
  /** Private operations, offered by `ctx.self` alone. */
  internal?: N & { readonly [K in keyof N]: K extends keyof PO ? 'already an operation of the protocol' : unknown };
  /** The name it is registered under; its protocol's unless given. */
  name?: string;
  /** Resources of its place that it needs. */
  uses?: readonly Resource<string, unknown>[];
  /** How its queue is bounded, and in which order it is handled. */
  mailbox?: MailboxOptions<PO & NoInfer<N>>;
  /** How long it handles nothing before `signals.idle` is called, in ms. */
  idleMs?: number;
  /** What becomes of it when it fails: restarted at most 5 times in 60 s, then stopped, unless given. */
  supervise?: Supervise;
  /** How its children hang together; `one-for-one` unless given. */
  strategy?: Strategy;
  /**
   * True when a call that comes back to this actor, from one that it waits for itself, is let in and handled beside the
   * run that waits; it is `Rejected(cycle)` otherwise. The run that waits may then find its state changed. As in
   * Orleans.
   */
  callChainReentrancy?: boolean;
}

/**
 * What `actor` takes beside protocol and handlers. It may hold more than an options object should: it is a definition.
 */
export interface ActorOptions<
  A extends Schema,
  St,
  PO extends Operations,
  N extends Operations,
  PN extends string,
  B extends string = never,
> extends DefinitionOptions<A, PO, N> {
  /** Makes the state from the arguments; may be asynchronous. Throwing fails the start. */
  state: (args: z.output<A>) => St | Promise<St>;
  /**
   * Names of what it can become, such as `['closed']`. Their handlers are a fourth argument of `actor`, by name; what
   * these leave out is handled as in the third.
   */
  behaviors?: readonly B[];
  /**
   * Where its state keeps what reliable producers delivered, such as `(state) => state.deliveries`, which begins as `{}`.
   * Then the two are one: a state that comes back knows what it has handled already. The runtime remembers it
   * otherwise, for as long as the actor lives, its restarts and moves included.
   */
  deliveries?: (state: NoInfer<St>) => Deliveries;
  /** What it does at moments of its life that no message brings about. */
  signals?: Signals<NoInfer<St>, ActorContext<PO & NoInfer<N>, NoInfer<St>, PN, NoInfer<B>>>;
}

/** What `system.spawn` and `registry` take. */
export interface ActorDefinition<T, A extends Schema> {
  /** Tells definitions of actors from flows and resources in a registry. */
  readonly kind: 'actor';
  /** The name that it is registered under, and that other places find its code by. */
  readonly name: string;
  /** What refs to it speak. */
  readonly protocol: T;
  /** The schema of its arguments: plain data, since they travel to where it runs. */
  readonly args: A;
}

/** An argument more where behaviors are declared: their handlers, each a part of all. */
export type BehaviorsArgument<B extends string, H> = [B] extends [never]
  ? []
  : [behaviors: { readonly [K in NoInfer<B>]: Partial<H> }];

/** Options of a spawn; they may be left out where the arguments may. */
export type SpawnArguments<A extends Schema, X> =
  {} extends z.input<A> ? [options?: { args?: z.input<A> } & X] : [options: { args: z.input<A> } & X];

/**
 * Declares an actor with explicit state.
 *
 * The handlers are an argument of their own: in one literal with `state`, the state would infer as unknown and wrong
 * replies would compile.
 *
 * @param behaviors For each name in `options.behaviors` the handlers that differ there; see `ctx.become`.
 * @throws UsageError for a missing handler, a bad name, and a schema that cannot be sent.
 */
export function actor<
  const PN extends string,
  PO extends Operations,
  A extends Schema,
  St,
  N extends Operations = {},
  const B extends string = never,
>(
  protocol: Protocol<PN, PO>,
  options: ActorOptions<A, St, PO, N, PN, B>,
  handlers: Handlers<NoInfer<St>, PO & NoInfer<N>, PO & NoInfer<N>, PN, NoInfer<B>>,
  ...behaviors: BehaviorsArgument<B, Handlers<NoInfer<St>, PO & NoInfer<N>, PO & NoInfer<N>, PN, NoInfer<B>>>
): ActorDefinition<Protocol<PN, PO>, A> {
  const parts = definitionParts<A, PO, N>(options, protocol, ['state', 'behaviors', 'deliveries']);
  checkFunction(options.state, `${parts.name}: state`);
  if (options.deliveries !== undefined) checkFunction(options.deliveries, `${parts.name}: deliveries`);
  checkKeys(handlers, Object.keys({ ...protocol.ops, ...parts.internal }), `${parts.name}: handlers`);
  return new ActorBehavior<Protocol<PN, PO>, A>(protocol, {
    ...parts,
    createState: options.state as (args: unknown) => unknown,
    signals: (options.signals ?? {}) as Signals<unknown, unknown>,
    handlers: handlers as unknown as Readonly<Record<string, unknown>>,
    behaviors: options.behaviors ?? [],
    behaviorHandlers: (behaviors[0] ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    closure: false,
    deliveries: options.deliveries as ((state: unknown) => unknown) | undefined,
  });
}

const shared: readonly string[] = [
  'args',
  'internal',
  'name',
  'uses',
  'mailbox',
  'idleMs',
  'supervise',
  'strategy',
  'callChainReentrancy',
  'signals',
];

/**
 * The options that all definitions share, with their defaults.
 *
 * @param more options that only this kind of definition has
 * @throws UsageError for an option that there is none of
 */
export function definitionParts<A extends Schema, PO extends Operations, N extends Operations>(
  options: DefinitionOptions<A, PO, N> & { readonly signals?: unknown },
  protocol: AnyProtocol,
  more: readonly string[],
): Pick<
  Parts<A>,
  'args' | 'internal' | 'name' | 'uses' | 'mailbox' | 'idleMs' | 'supervise' | 'strategy' | 'reentrant'
> {
  const what = compiledProtocol(protocol).name;
  checkKeys(options, [...shared, ...more], `${what}: the options of an actor`);
  checkSignals(options.signals ?? {}, what);
  checkResources(options.uses ?? [], what);
  return {
    args: options.args,
    internal: (options.internal ?? {}) as Operations,
    name: options.name ?? protocol.name,
    uses: options.uses ?? [],
    mailbox: (options.mailbox ?? {}) as MailboxOptions,
    idleMs: options.idleMs,
    supervise: options.supervise ?? {},
    strategy: options.strategy,
    reentrant: options.callChainReentrancy ?? false,
  };
}

/** What a closure actor may have beside its handlers. */
export interface ClosureActorOptions<P extends Operations = Operations> {
  /** How its queue is bounded, and in which order it is handled. */
  mailbox?: MailboxOptions<P>;
  /** As for `actor`; a restart calls `setup` again. */
  supervise?: Supervise;
  /** How its children hang together; `one-for-one` unless given. */
  strategy?: Strategy;
  /** As for `actor`: true lets calls in that come back from a call of its own. False unless given. */
  callChainReentrancy?: boolean;
}

const closureOptions: readonly string[] = ['mailbox', 'supervise', 'strategy', 'callChainReentrancy'];

/**
 * Declares an actor whose state is a closure: short to write, on any place, but never moved, recorded or replayed.
 *
 * @param setup makes the handlers; called when the actor starts, and at each restart.
 */
export function closureActor<PN extends string, PO extends Operations, A extends Schema>(
  protocol: Protocol<PN, PO>,
  args: A,
  setup: (args: z.output<A>, context: ActorContext<PO, unknown, PN>) => ClosureHandlers<PO, PN>,
  options: ClosureActorOptions<PO> = {},
): ActorDefinition<Protocol<PN, PO>, A> {
  const { name } = compiledProtocol(protocol);
  checkFunction(setup, `${name}: what makes the handlers of a closure actor`);
  checkKeys(options, closureOptions, `${name}: the options of a closure actor`);
  return new ActorBehavior<Protocol<PN, PO>, A>(protocol, {
    args,
    createState: setup as (args: unknown, context: unknown) => unknown,
    internal: {},
    name: protocol.name,
    uses: [],
    mailbox: (options.mailbox ?? {}) as MailboxOptions,
    idleMs: undefined,
    signals: {},
    supervise: options.supervise ?? {},
    strategy: options.strategy,
    reentrant: options.callChainReentrancy ?? false,
    handlers: {},
    behaviors: [],
    behaviorHandlers: {},
    closure: true,
  });
}
