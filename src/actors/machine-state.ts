/**
 * A finite state machine as it runs: the state of its actor.
 *
 * Which function handles what is settled at the definition, one table per state, so that an operation costs one look-up
 * more than in an actor without states. A transition takes effect where `ctx.goto` is called: the hooks run, the timer of
 * the old state ends, and what was set aside is tried again.
 */
import { UsageError } from '../base/errors.ts';
import { LeaveSignal } from './errors.ts';
import type { HandlerFunction } from './handler-tables.ts';
import type { Signal } from './signal.ts';
import type { Armed } from './timers.ts';

/** What the machine is in. The pair is new at each transition; the data is the handlers' to change. */
export interface Present {
  readonly state: string;
  readonly data: unknown;
}

/** One state, with a handler for every operation. */
export interface StateTable {
  readonly handlers: Readonly<Record<string, HandlerFunction>>;
  readonly entered: HandlerHook | undefined;
  readonly left: HandlerHook | undefined;
  readonly timeout: HandlerHook | undefined;
  readonly timeoutMs: number | undefined;
}
export type HandlerHook = (data: unknown, context: unknown) => unknown;

/** What the context of a run does for the machine. */
export interface MachineContextParts {
  unstash(): void;
  /** Has the actor told `signal` after `delayMs`. */
  stateTimer(delayMs: number, signal: Signal): Armed;
}

export interface StateTimedOut {
  readonly state: string;
}

/** A state has lasted for its `timeoutMs`. */
class StateTimeout implements Signal<StateTimedOut> {
  readonly #machine: Machine;
  readonly event: StateTimedOut;

  constructor(machine: Machine, state: string) {
    this.#machine = machine;
    this.event = { state };
  }

  take(): StateTimedOut | undefined {
    // It may have waited in the queue while the state was left.
    return this.#machine.awaits(this) ? this.event : undefined;
  }
}

export class Machine {
  readonly #tables: ReadonlyMap<string, StateTable>;
  #table: StateTable;
  #present: Present;
  #timeout: StateTimeout | undefined = undefined;
  #timer: Armed | undefined = undefined;
  #leaving = false;

  /** @throws UsageError where the first state is none */
  constructor(tables: ReadonlyMap<string, StateTable>, initial: unknown) {
    const { state, data } = (initial ?? {}) as Partial<Present>;
    this.#tables = tables;
    this.#table = this.#tableOf(state);
    this.#present = Object.freeze({ state: state as string, data });
  }

  get present(): Present {
    return this.#present;
  }

  /** True while the state lasts that `timeout` is for. */
  awaits(timeout: object): boolean {
    return this.#timeout === timeout;
  }

  handle(operation: string, message: unknown, context: unknown): unknown {
    return this.#table.handlers[operation]!(this, message, context);
  }

  timedOut(context: unknown): unknown {
    return this.#table.timeout?.(this.#present.data, context);
  }

  /** What is left of the present state's time; undefined where it has none, or it is over. */
  get leftMs(): number | undefined {
    return this.#timer?.leftMs();
  }

  /** Goes on in the present state, which began elsewhere and was entered there, with so much of its time left. */
  resume(leftMs: number | undefined, context: Pick<MachineContextParts, 'stateTimer'>): void {
    if (this.#table.timeout === undefined) return;
    this.#timeout ??= new StateTimeout(this, this.#present.state);
    if (leftMs !== undefined) this.#timer = context.stateTimer(leftMs, this.#timeout);
  }

  /** The end of the present state's time, where it waits in the queue already. */
  timeoutAgain(): Signal {
    this.#timeout ??= new StateTimeout(this, this.#present.state);
    return this.#timeout;
  }

  /** The first state is entered; called at each start. */
  begin(context: MachineContextParts): void {
    this.#enter(context);
  }

  /** @throws UsageError for a state that does not exist, and in a `left` hook */
  goto(state: unknown, data: unknown, context: MachineContextParts): void {
    const table = this.#tableOf(state);
    if (this.#leaving) throw new UsageError(`goto "${String(state)}" in a \`left\` hook: the transition is under way`);
    this.#leaving = true;
    try {
      runHook(this.#table.left, 'left', this.#present, context);
    } finally {
      this.#leaving = false;
    }
    this.#timer?.cancel();
    this.#table = table;
    this.#present = Object.freeze({ state: state as string, data });
    this.#enter(context);
    context.unstash();
  }

  #enter(context: MachineContextParts): void {
    const { entered, timeoutMs } = this.#table;
    // Before the hook, which may go on to another state.
    this.#timeout = timeoutMs === undefined ? undefined : new StateTimeout(this, this.#present.state);
    this.#timer = this.#timeout && context.stateTimer(timeoutMs!, this.#timeout);
    runHook(entered, 'entered', this.#present, context);
  }

  #tableOf(state: unknown): StateTable {
    const table = typeof state === 'string' ? this.#tables.get(state) : undefined;
    if (table !== undefined) return table;
    throw new UsageError(
      `the machine has no state ${JSON.stringify(state)}; it has ${[...this.#tables.keys()].join(', ')}`,
    );
  }
}

function runHook(hook: HandlerHook | undefined, what: string, { state, data }: Present, context: unknown): void {
  const result = hook?.(data, context) as { readonly then?: unknown } | undefined;
  if (typeof result?.then !== 'function') return;
  // Nobody waits for it, so what it may still reject with must not end the process.
  Promise.resolve(result).then(undefined, () => undefined);
  throw new UsageError(
    `the \`${what}\` hook of state "${state}" is asynchronous, and a transition does not wait; ` +
      'have the work come back as a message with ctx.run',
  );
}

// ── the tables ──

type Given = Readonly<Record<string, unknown>>;

/** How a machine is declared, as far as its tables need it. */
export interface TableParts {
  readonly name: string;
  readonly operations: readonly string[];
  /** Options of each state, by name. */
  readonly states: Readonly<Record<string, { readonly timeoutMs?: unknown }>>;
  /** Handlers and hooks of each state, by name. */
  readonly handlers: Readonly<Record<string, Given>>;
  readonly common: Given;
  readonly unhandled: 'stash' | 'refuse';
}

/** @throws UsageError for what fits no state, no operation or no hook */
export function stateTables(parts: TableParts): ReadonlyMap<string, StateTable> {
  const { name, states, handlers } = parts;
  const tables = new Map<string, StateTable>();
  for (const [state, options] of Object.entries(states)) {
    tables.set(state, stateTable(parts, state, options.timeoutMs));
  }
  if (tables.size === 0) throw new UsageError(`${name}: a machine needs at least one state`);
  for (const state of Object.keys(handlers)) {
    if (!tables.has(state)) throw new UsageError(`${name}: "${state}" has handlers, and is not among its \`states\``);
  }
  return tables;
}

const parts = new Set(['on', 'entered', 'left', 'timeout']);

function stateTable(machine: TableParts, state: string, timeoutMs: unknown): StateTable {
  const what = `${machine.name}: state "${state}"`;
  const given = Object.hasOwn(machine.handlers, state) ? machine.handlers[state] : undefined;
  if (typeof given !== 'object' || given === null) {
    throw new UsageError(`${what} has no handlers; give it {} where it handles nothing`);
  }
  for (const key of Object.keys(given)) {
    if (!parts.has(key)) throw new UsageError(`${what} has "${key}"; its operations stand under \`on\``);
  }
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && (timeoutMs as number) >= 1)) {
    throw new UsageError(`${what}: timeoutMs must be a whole number of at least 1; it was given ${String(timeoutMs)}`);
  }
  const timeout = hookOf(given, 'timeout', what);
  if ((timeout === undefined) !== (timeoutMs === undefined)) {
    throw new UsageError(`${what} needs both a timeoutMs and a \`timeout\`, or neither`);
  }
  return {
    handlers: handlersOf(machine, (given.on ?? {}) as Given, what),
    entered: hookOf(given, 'entered', what),
    left: hookOf(given, 'left', what),
    timeout,
    timeoutMs: timeoutMs as number | undefined,
  };
}

function hookOf(given: Given, name: string, what: string): HandlerHook | undefined {
  const hook = given[name];
  if (hook === undefined || typeof hook === 'function') return hook as HandlerHook | undefined;
  throw new UsageError(`${what}: \`${name}\` is no function`);
}

function handlersOf(machine: TableParts, on: Given, what: string): Record<string, HandlerFunction> {
  const known = new Set(machine.operations);
  for (const [where, given] of [[what, on] as const, [`${machine.name}: common`, machine.common] as const]) {
    for (const [name, handler] of Object.entries(given)) {
      if (!known.has(name)) throw new UsageError(`${where} handles "${name}", which is no operation of the actor`);
      if (typeof handler !== 'function') throw new UsageError(`${where}: the handler of "${name}" is no function`);
    }
  }
  const handlers: Record<string, HandlerFunction> = Object.create(null);
  for (const name of machine.operations) {
    const own = Object.hasOwn(on, name) ? (on[name] as HandlerFunction) : undefined;
    const common = Object.hasOwn(machine.common, name) ? (machine.common[name] as HandlerFunction) : undefined;
    if (own !== undefined) handlers[name] = (self, message, context) => own(presentOf(self).data, message, context);
    else if (common !== undefined)
      handlers[name] = (self, message, context) => common(presentOf(self), message, context);
    else handlers[name] = machine.unhandled === 'stash' ? setAside : refuse;
  }
  return handlers;
}

function presentOf(machine: unknown): Present {
  return (machine as Machine).present;
}

function setAside(_machine: unknown, _message: unknown, context: unknown): never {
  return (context as { stash(): never }).stash();
}

function refuse(): never {
  throw new LeaveSignal('unhandled');
}
