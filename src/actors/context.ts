/** What a handler gets beside its state and its message. Types only; `run.ts` is the object behind it. */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from './actor.ts';
import type { Receptionist } from './finding/receptionist.ts';
import type { ErrorSchemas } from './outcomes.ts';
import type { Where } from './placed/where.ts';
import type {
  AnyOperation,
  AnyProtocol,
  AnyRef,
  AskOperation,
  In,
  MessageAndOptions,
  OperationRef,
  Operations,
  Out,
  Protocol,
  Ref,
  StreamOperation,
  TellOperation,
} from './protocol.ts';
import type { Resource } from './resource.ts';

/** Options of `ctx.after` and `ctx.every`; they stand after the message. */
export interface TimerOptions {
  /** A timer of the same name replaces the one that is pending. */
  name?: string;
}
/** What the third argument of `ctx.run` receives when the work was rejected. */
export interface RunFailure {
  /** The error's `code`, such as `ENOENT`; `Error` where it has none. */
  readonly code: string;
  /** The text of the error, cut to a bound. */
  readonly message: string;
}
/** How a child is started. */
export interface ChildSpawnOptions {
  /** Unique among the children of its parent; for people and logs. */
  name?: string;
  /** Where it runs: `thread()`, `node({ role })` or `spread([…])`; `here()` unless given. */
  on?: Where;
}
/** How `ctx.observe` gives values. */
export interface ObserveOptions {
  /** Deliver every value in order instead of the latest; a reader that falls too far behind ends with `Lagged`. */
  every?: boolean;
}

/**
 * The context of one run of a handler.
 *
 * `signal`, `fail` and the call chain are this run's; the rest belongs to the actor. Keep it no longer than the run.
 *
 * @typeParam P all operations of the actor, private ones included
 * @typeParam E the errors that the operation declares
 * @typeParam B the behaviors that the actor declares
 */
export interface Context<
  P extends Operations,
  E = {},
  St = unknown,
  PN extends string = string,
  B extends string = never,
> {
  /** This actor, private operations included. */
  readonly self: Ref<Protocol<PN, P>>;
  /** Aborts when the caller gave up, the call's deadline passed, or the actor ends or restarts. */
  readonly signal: AbortSignal;
  /** Wall-clock time in ms since the epoch, from the environment. */
  now(): number;
  /** A uniform number in [0, 1), from the environment. */
  random(): number;
  /** Resolves after `ms`, 0 or more; rejects with `ActorFailed` when the actor ends or restarts first. */
  delay(ms: number): Promise<void>;
  /** Replies with one of the operation's declared errors. Throws, to leave the handler; that is no failure. */
  fail: [keyof E] extends [never]
    ? never
    : <K extends keyof E & string>(code: K, ...data: [In<E[K]>] extends [void] ? [] : [data: In<E[K]>]) => never;
  /** Tells an operation after `delayMs`. Returns a function that cancels it. Ends with the actor, and at its restart. */
  after<O extends TellOperation>(
    delayMs: number,
    operation: OperationRef<O>,
    ...message: MessageAndOptions<O['input'], TimerOptions>
  ): () => void;
  /**
   * Tells an operation every `periodMs`, at least 1, first after one period. Periods count from the call, so lateness does
   * not add up; what a blocked thread missed is skipped.
   */
  every<O extends TellOperation>(
    periodMs: number,
    operation: OperationRef<O>,
    ...message: MessageAndOptions<O['input'], TimerOptions>
  ): () => void;
  /**
   * Tells an operation what `work` resolves to. A rejection fails the actor unless `failed` names an operation for it.
   * What comes after a restart is counted, and told to nobody.
   */
  run<O extends TellOperation>(
    work: Promise<In<O['input']>>,
    operation: OperationRef<O>,
    failed?: OperationRef<TellOperation<z.ZodType<RunFailure, RunFailure>>>,
  ): void;
  /**
   * For stream handlers: how many values the reader has got already. 0, unless the actor has moved while the stream was
   * open: then the handler is called again at the new place with the same message, and goes on after so many values.
   * What it observes goes on by itself.
   */
  readonly delivered: number;
  /** What `select` gives now and after each message, whenever it changed. Latest wins. For stream handlers. */
  observe<T>(select: (state: Readonly<St>) => T, options?: ObserveOptions): AsyncIterable<T>;
  /** A resource that the actor named in `uses`. */
  use<V>(resource: Resource<string, V>): V;
  /**
   * Starts a child. The ref can be used at once, what is sent waits until the child has started; the child ends with this
   * actor.
   *
   * `on` says where it runs: here unless given. Elsewhere it is found by the name it is registered under, and supervised as
   * any child is: where its place is lost, it fails with `PlaceLost`, and a restart starts it on another place, with the same
   * ref, name and watchers.
   *
   * @throws SpawnFailed for arguments that do not fit, a name that is taken, and an actor that runs elsewhere and is not
   * registered. What fails later ends the child.
   * @throws UsageError for options that make no sense
   */
  spawn<Q extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<Q, A>,
    ...options: SpawnArguments<A, ChildSpawnOptions>
  ): Ref<Q>;
  /**
   * A ref to a name, as `system.ref` gives it; it belongs to this actor.
   *
   * @throws InvalidAddress
   */
  ref<Q extends AnyProtocol>(protocol: Q, address: string): Ref<Q>;
  /** Registers actors under typed keys, and finds them, on the whole node. Its refs belong to this actor. */
  readonly receptionist: Receptionist;
  /** Ends this actor after the current message. */
  stop(): void;
  /**
   * Has the handlers of that behavior handle what comes, from the next message on; what the behavior leaves out is
   * handled as in the definition. Behaviors stack, 64 deep at most. A restart goes back to the definition.
   */
  become: [B] extends [never] ? never : (behavior: B) => void;
  /** Goes back to what the actor was before its last `become`; does nothing where that is the definition. */
  unbecome: [B] extends [never] ? never : () => void;
  /**
   * Sets the message in hand aside and leaves the handler, as `fail` does: write `return ctx.stash()`. It was not
   * handled then: a tell is still to come, an ask is not answered and keeps its deadline and its cancellation.
   *
   * Nothing that the handler did before is undone. For a handler of messages, before it returns: a stream handler that
   * has returned its stream has no message any more.
   *
   * The stash holds `mailbox.stash` messages, apart from the capacity; one more fails the actor with `StashFull`. A
   * restart puts it back before the queue, a stop makes dead letters of it.
   */
  stash(): never;
  /** Puts everything that was set aside before the queue, in the order in which it came. */
  unstash(): void;
  /**
   * Has `signals.terminated` called once when that actor has ended: not when it restarts, at once where it has ended
   * already, and when its place is lost. Twice is the same as once. Outlives the restarts of this actor.
   *
   * @throws UsageError where this actor has no `signals.terminated`, or watches itself
   */
  watch(ref: AnyRef): void;
  /** Takes the watch back: `signals.terminated` is not called for that actor any more. */
  unwatch(ref: AnyRef): void;
  /**
   * Links this actor and that one, wherever it is: when one ends by a failure, a kill or the loss of its place, the other
   * fails with `LinkedActorFailed`, and its supervision decides. A stop ends the link without a word; restarts leave it.
   * Twice is the same as once. As in Erlang, a link to what has ended already fails this actor.
   *
   * @throws UsageError for what is no other actor
   */
  link(ref: AnyRef): void;
  /** Takes the link back, whichever of the two began it. What has ended by then has had its effect. */
  unlink(ref: AnyRef): void;
}

/** The part of a context that belongs to the actor and to no operation: what setup and hooks get. */
export type ActorContext<
  P extends Operations,
  St = unknown,
  PN extends string = string,
  B extends string = never,
> = Context<P, {}, St, PN, B>;

type Handler<St, O, P extends Operations, PN extends string, B extends string> =
  O extends TellOperation<infer I>
    ? (state: St, message: Out<I>, context: Context<P, {}, St, PN, B>) => void | Promise<void>
    : O extends AskOperation<infer I, infer R, infer E, infer RO>
      ? (
          state: [RO] extends [true] ? Readonly<St> : St,
          message: Out<I>,
          context: Context<P, E, St, PN, B>,
        ) => In<R> | Promise<In<R>>
      : O extends StreamOperation<infer I, infer R, infer E>
        ? (state: Readonly<St>, message: Out<I>, context: Context<P, E, St, PN, B>) => AsyncIterable<In<R>>
        : never;

/** One handler for each operation of `P`; `All` is what `ctx.self` offers. */
export type Handlers<St, P extends Operations, All extends Operations, PN extends string, B extends string = never> = {
  [K in keyof P & string]: Handler<St, P[K], All, PN, B>;
};

type ClosureHandler<O, P extends Operations, PN extends string> =
  O extends TellOperation<infer I>
    ? (message: Out<I>, context: Context<P, {}, unknown, PN>) => void | Promise<void>
    : O extends AskOperation<infer I, infer R, infer E>
      ? (message: Out<I>, context: Context<P, E, unknown, PN>) => In<R> | Promise<In<R>>
      : O extends StreamOperation<infer I, infer R, infer E>
        ? (message: Out<I>, context: Context<P, E, unknown, PN>) => AsyncIterable<In<R>>
        : never;

/** Handlers of a closure actor: the state is the closure. */
export type ClosureHandlers<P extends Operations, PN extends string> = {
  [K in keyof P & string]: ClosureHandler<P[K], P, PN>;
};

export type { AnyOperation, AnyRef, ErrorSchemas };
