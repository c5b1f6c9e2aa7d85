/**
 * Finite state machines: an actor whose handlers depend on the state it is in, each state with data of its own type.
 *
 * What a handler sees is exactly the data of its state, so what a state does not have cannot be read in it. What a state
 * does not handle is not left to chance: the machine says whether it waits for another state or is refused. The ideas are
 * those of Erlang's gen_statem: state timeouts, hooks at the entry of a state, postponed events.
 */
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { type ActorDefinition, type DefinitionOptions, definitionParts, type Signals } from './actor.ts';
import { ActorBehavior } from './behavior.ts';
import type { Context } from './context.ts';
import { checkFunction, isObject, kindOf } from './given.ts';
import type { HandlerFunction } from './handler-tables.ts';
import { isThenable } from './lifecycle.ts';
import { Machine, type MachineContextParts, stateTables } from './machine-state.ts';
import type { AskOperation, In, Operations, Out, Protocol, StreamOperation, TellOperation } from './protocol.ts';

type Schema = z.ZodType;

declare const dataType: unique symbol;
/** Says of which type the data of a state is; types only. */
export interface DataOf<D> {
  readonly [dataType]: D;
}

/**
 * Names the type of a state's data: `states: { online: { data: dataOf<{ session: string }>() } }`.
 *
 * As with the state of an actor, the type is all there is to it: nothing is checked or copied when the program runs.
 */
export function dataOf<D>(): DataOf<D> {
  return Object.freeze({}) as DataOf<D>;
}

/** One state of a machine; `{}` for one without data that lasts as long as it likes. */
export interface StateOptions {
  /** The type of its data; see `dataOf`. */
  readonly data?: DataOf<unknown>;
  /** How long it may last before its `timeout` handler is called, in ms. Entering it anew begins anew. */
  readonly timeoutMs?: number;
}
/** The states of a machine, by name. */
export type MachineStates = { readonly [state: string]: StateOptions };

type DataIn<O> = O extends { readonly data: DataOf<infer D> } ? D : undefined;
type Pair<K, D> = [D] extends [undefined]
  ? { readonly state: K; readonly data?: undefined }
  : { readonly state: K; readonly data: D };

/** A state with its data, told apart by `state`: what `initial` returns, and what `ctx.observe` looks at. */
export type MachineState<S extends MachineStates> = {
  [K in keyof S & string]: Pair<K, DataIn<S[K]>>;
}[keyof S & string];

/** What a handler of a machine gets. */
export interface MachineContext<
  P extends Operations,
  E = {},
  S extends MachineStates = MachineStates,
  PN extends string = string,
> extends Context<P, E, MachineState<S>, PN> {
  /**
   * Goes to a state, at once: the `left` hook of the old state and the `entered` hook of the new one are called before it
   * returns, the timeout of the old state ends, that of the new one begins, and what was set aside comes before the
   * queue again. The handler runs on to its end; what it holds is the data of the old state.
   *
   * A state may be gone to from itself: that is a transition like any other.
   *
   * @throws UsageError where there is no such state, and in a `left` hook
   */
  goto: <K extends keyof S & string>(
    state: K,
    ...data: [DataIn<S[K]>] extends [undefined] ? [] : [data: DataIn<S[K]>]
  ) => void;
}

type MachineHandler<D, O, P extends Operations, S extends MachineStates, PN extends string> =
  O extends TellOperation<infer I>
    ? (data: D, message: Out<I>, context: MachineContext<P, {}, S, PN>) => void | Promise<void>
    : O extends AskOperation<infer I, infer R, infer E>
      ? (data: D, message: Out<I>, context: MachineContext<P, E, S, PN>) => In<R> | Promise<In<R>>
      : O extends StreamOperation<infer I, infer R, infer E>
        ? (data: Readonly<D>, message: Out<I>, context: Context<P, E, MachineState<S>, PN>) => AsyncIterable<In<R>>
        : never;

/** Handlers of some operations, which get `D` and may go to other states. */
export type MachineHandlers<D, P extends Operations, S extends MachineStates, PN extends string> = {
  [K in keyof P & string]?: MachineHandler<D, P[K], P, S, PN>;
};

type TimeoutHandler<D, O, P extends Operations, S extends MachineStates, PN extends string> = O extends {
  readonly timeoutMs: number;
}
  ? {
      /** The state has lasted for its `timeoutMs`. Called once for each time it is entered. */
      timeout: (data: D, context: MachineContext<P, {}, S, PN>) => void | Promise<void>;
    }
  : { timeout?: never };

/** What a machine does in one state. */
export type StateHandlers<O, P extends Operations, S extends MachineStates, PN extends string> = {
  /**
   * Called when the state is entered, at the start of the actor and at its restarts too; synchronous, since a transition
   * does not wait. It may go on to another state.
   */
  entered?: (data: DataIn<O>, context: MachineContext<P, {}, S, PN>) => void;
  /** Called when the state is left for another or for itself; synchronous. Not called when the actor ends or restarts. */
  left?: (data: DataIn<O>, context: Context<P, {}, MachineState<S>, PN>) => void;
  /** The operations that it handles. */
  on?: MachineHandlers<DataIn<O>, P, S, PN>;
} & TimeoutHandler<DataIn<O>, O, P, S, PN>;

/** What `machine` takes beside protocol and handlers. */
export interface MachineOptions<
  A extends Schema,
  S extends MachineStates,
  PO extends Operations,
  N extends Operations,
  PN extends string,
> extends DefinitionOptions<A, PO, N> {
  /** The states that it can be in, by name. */
  states: S;
  /** The state that it begins in, made from the arguments, at each restart anew; may be asynchronous. */
  initial: (args: z.output<A>) => MachineState<NoInfer<S>> | Promise<MachineState<NoInfer<S>>>;
  /**
   * What happens to a message that neither the present state nor `common` handles: `stash` sets it aside until the next
   * transition, as `ctx.stash` does and with the same bound; `refuse` makes it a dead letter with the reason `unhandled`,
   * and answers an ask or a stream with `Rejected(unhandled)` at once.
   */
  unhandled: 'stash' | 'refuse';
  /** As for an actor; the state that they get is `{ state, data }`. */
  signals?: Signals<MachineState<NoInfer<S>>, MachineContext<PO & NoInfer<N>, {}, NoInfer<S>, PN>>;
}

/**
 * Declares an actor that is a finite state machine. It is an actor like any other to those who spawn, call, watch and
 * supervise it.
 *
 * @param handlers What it does in each state, by the state's name; handlers get the data of that state, to change in
 *   place.
 * @param common Handlers for all states that do not handle the operation themselves; they get `{ state, data }`.
 * @throws UsageError for handlers of what is no state or no operation, and where a state has only one of `timeoutMs` and
 *   `timeout`
 */
export function machine<
  const PN extends string,
  PO extends Operations,
  A extends Schema,
  const S extends MachineStates,
  N extends Operations = {},
>(
  protocol: Protocol<PN, PO>,
  options: MachineOptions<A, S, PO, N, PN>,
  handlers: { readonly [K in keyof S & string]: StateHandlers<S[K], PO & NoInfer<N>, NoInfer<S>, PN> },
  common: MachineHandlers<MachineState<NoInfer<S>>, PO & NoInfer<N>, NoInfer<S>, PN> = {},
): ActorDefinition<Protocol<PN, PO>, A> {
  const shared = definitionParts<A, PO, N>(options, protocol, ['states', 'initial', 'unhandled']);
  const { states, initial, unhandled } = options;
  checkFunction(initial, `${shared.name}: initial`);
  if (!isObject(states))
    throw new UsageError(`${shared.name}: states must be an object; it was given ${kindOf(states)}`);
  if (!isObject(handlers))
    throw new UsageError(`${shared.name}: a machine takes the handlers of each state, by its name`);
  if (unhandled !== 'stash' && unhandled !== 'refuse') {
    throw new UsageError(`${shared.name}: unhandled must be "stash" or "refuse"; it was given ${String(unhandled)}`);
  }
  const operations = [...Object.keys(protocol.ops), ...Object.keys(shared.internal)];
  const tables = stateTables({ name: shared.name, operations, states, handlers, common, unhandled });
  return new ActorBehavior<Protocol<PN, PO>, A>(protocol, {
    ...shared,
    createState: (args) => {
      const first: unknown = initial(args as z.output<A>);
      return isThenable(first) ? first.then((state) => new Machine(tables, state)) : new Machine(tables, first);
    },
    signals: signalsOf((options.signals ?? {}) as Signals<unknown, unknown>, [...tables.values()].some(actsAtEntry)),
    handlers: Object.fromEntries(operations.map((name) => [name, handlerOf(name)])),
    behaviors: [],
    behaviorHandlers: {},
    closure: false,
    stateTimeout: (state, _event, context) => (state as Machine).timedOut(context),
    stateAgain: (present) => new Machine(tables, present),
  });
}

function handlerOf(name: string): HandlerFunction {
  return (state, message, context) => (state as Machine).handle(name, message, context);
}

/** True where something happens when the state is entered, so that the start must wait for it. */
function actsAtEntry({ entered, timeoutMs }: { readonly entered: unknown; readonly timeoutMs: unknown }): boolean {
  return entered !== undefined || timeoutMs !== undefined;
}

/** The hooks of the definition, which see the present state and not the machine. */
function signalsOf(given: Signals<unknown, unknown>, beginsByHook: boolean): Signals<unknown, unknown> {
  const { started, stopping, terminated, idle } = given;
  const seen = (state: unknown): unknown => (state as Machine | undefined)?.present;
  const signals: Signals<unknown, unknown> = {};
  if (started !== undefined || beginsByHook) {
    signals.started = (state, event, context) => {
      (state as Machine).begin(context as MachineContextParts);
      return started?.(seen(state), event, context);
    };
  }
  if (stopping !== undefined) signals.stopping = (state, event, context) => stopping(seen(state), event, context);
  if (terminated !== undefined) signals.terminated = (state, event, context) => terminated(seen(state), event, context);
  if (idle !== undefined) signals.idle = (state, event, context) => idle(seen(state), event, context);
  return signals;
}
