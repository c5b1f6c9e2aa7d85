/**
 * A definition as the runtime runs it: operations by number, one handler each.
 *
 * Made once per definition and shared by all its cells, so a cell holds one pointer to it.
 */
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ActorDefinition, MailboxOptions, Signals } from './actor.ts';
import type { Cell } from './cell.ts';
import { consumerHandler } from './delivery/consumer.ts';
import { deliveredOperations } from './delivery/delivered-operation.ts';
import { checkKeys } from './given.ts';
import {
  baseTable,
  behaviorTables,
  closureTable,
  type HandlerFunction,
  type HandlerTable,
  presentTable,
} from './handler-tables.ts';
import { type Lanes, lanesOf } from './lanes.ts';
import {
  type CompiledProtocol,
  checkName,
  compiledProtocol,
  compileOperations,
  Operation,
  type TellEnvelope,
} from './operation.ts';
import { type AnyProtocol, type Operations, tell } from './protocol.ts';
import { makeRefClass, type RefClass, refClassOf } from './ref.ts';
import type { Resource } from './resource.ts';
import type { Run } from './run.ts';
import { compileMessageType, type MessageType } from './schema/message-type.ts';
import { signalHandler } from './signal.ts';
import { type Strategy, type Supervise, type SupervisionPolicy, strategyOf, supervisionPolicy } from './supervise.ts';

const overflowPolicies: readonly string[] = ['reject', 'drop-oldest', 'drop-newest'];

/** For an actor that passes its messages on: a router, or a pool. */
export interface Front {
  readonly cellClass: new (...parts: ConstructorParameters<typeof Cell>) => Cell;
  /** How it is managed: the only messages that its own mailbox takes. */
  readonly control: CompiledProtocol;
  /** Its operations by number, to tell them from those that are passed on. */
  readonly own: readonly Operation[];
  /** A definition with the bounds of what waits in it, where anything does. */
  readonly bounds?: ActorBehavior;
}

const mailboxOptions: readonly string[] = ['highWater', 'capacity', 'overflow', 'stash', 'lanes', 'laneOf'];

type SignalFunction<E> = (state: unknown, event: E, context: unknown) => unknown;

/** A definition as it was given, with its defaults. */
export interface Parts<A> {
  readonly args: A;
  readonly createState: (args: unknown, context: unknown) => unknown;
  readonly internal: Operations;
  readonly name: string;
  readonly uses: readonly Resource<string, unknown>[];
  readonly mailbox: MailboxOptions;
  readonly idleMs: number | undefined;
  readonly signals: Signals<unknown, unknown>;
  readonly supervise: Supervise;
  readonly strategy: Strategy | undefined;
  readonly reentrant: boolean;
  readonly handlers: Readonly<Record<string, unknown>>;
  readonly behaviors: readonly string[];
  /** The handlers of each behavior. */
  readonly behaviorHandlers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly closure: boolean;
  readonly front?: Front;
  /** Handles the end of a state's time, where the actor is a machine. */
  readonly stateTimeout?: SignalFunction<unknown>;
  /** Where in its state it keeps what reliable producers delivered. */
  readonly deliveries?: ((state: unknown) => unknown) | undefined;
  /** Makes the state of its data, where the two differ. */
  readonly stateAgain?: (data: unknown) => unknown;
}

export class ActorBehavior<T extends AnyProtocol = AnyProtocol, A extends z.ZodType = z.ZodType>
  implements ActorDefinition<T, A>
{
  readonly kind = 'actor';
  readonly name: string;
  readonly protocol: T;
  readonly args: A;
  readonly compiled: CompiledProtocol;
  /** Public operations and private ones, by name. */
  readonly operations: ReadonlyMap<string, Operation>;
  /** By the operation's index; those of signals, which no ref offers, come last. */
  readonly handlers: HandlerTable;
  /** What it can become, by name. */
  readonly behaviors: ReadonlyMap<string, HandlerTable>;
  /** The index from which on operations are signals. */
  readonly signalsFrom: number;
  readonly argsType: MessageType;
  readonly createState: (args: unknown, context: unknown) => unknown;
  /** Makes the state of its data, which came from another place. */
  readonly stateAgain: (data: unknown) => unknown;
  /** True where the state is what `createState` returned: an object of handlers. */
  readonly closure: boolean;
  /** Where in its state it keeps what reliable producers delivered; undefined where its cell does. */
  readonly deliveries: ((state: unknown) => unknown) | undefined;
  readonly uses: readonly Resource<string, unknown>[];
  readonly signals: Signals<unknown, unknown>;
  /** The envelope of `signals.terminated`, which waits in the mailbox like a message. */
  readonly terminated: TellEnvelope | undefined;
  /** That of `signals.idle`. */
  readonly idle: TellEnvelope | undefined;
  /** How long nothing may be handled before it; endless where there is none. */
  readonly idleMs: number;
  /** That of the end of a state's time, in a machine. */
  readonly stateTimeout: TellEnvelope | undefined;
  readonly supervision: SupervisionPolicy;
  /** How its children hang together. */
  readonly strategy: Strategy;
  /** True where a call from one that it waits for is let in. */
  readonly reentrant: boolean;
  /** True where a message may begin while another run is open. */
  readonly interleaves: boolean;
  /** True where several runs may be open: then each has refs of its own. */
  readonly severalRuns: boolean;
  readonly highWater: number;
  readonly capacity: number;
  /** Messages that may be set aside. */
  readonly stashMax: number;
  /** Its priority lanes, if it has any. */
  readonly lanes: Lanes | undefined;
  readonly overflow: NonNullable<MailboxOptions['overflow']>;
  /** Undefined for a plain actor. */
  readonly front: Front | undefined;
  /** What outside refs are made of. */
  readonly refClass: RefClass;
  /** What `ctx.self` is made of: private operations too. */
  readonly selfClass: RefClass;

  constructor(protocol: T, parts: Parts<A>) {
    checkName(parts.name, 'the name of an actor');
    this.name = parts.name;
    this.protocol = protocol;
    this.args = parts.args;
    this.compiled = compiledProtocol(protocol);
    // The public operations, the one slot of what is delivered reliably, the private operations, and then signals.
    const deliveryIndex = this.compiled.operations.size;
    const internal = compileOperations(protocol.name, parts.internal, deliveryIndex + 1);
    this.operations = new Map([...this.compiled.operations, ...internal]);
    this.argsType = compileMessageType(parts.args, `arguments of actor "${parts.name}"`);
    this.createState = parts.createState;
    this.stateAgain = parts.stateAgain ?? ((data) => data);
    this.closure = parts.closure;
    this.front = parts.front;
    const handled = [...(this.front === undefined ? this.operations : this.front.control.operations).values()];
    const base = parts.closure ? closureTable(handled) : baseTable(parts.handlers, handled);
    this.deliveries = parts.deliveries;
    // Signals are told by their numbers, which are above those of what is passed on too.
    if (this.front !== undefined) while (base.length <= deliveryIndex) base.push(passedOn);
    else base.splice(deliveryIndex, 0, consumerHandler(this));
    this.behaviors = behaviorTables(parts.name, parts.behaviors, parts.behaviorHandlers, base, this.operations);
    const handlers: HandlerFunction[] = this.behaviors.size === 0 ? base : presentTable(base);
    this.interleaves = parts.reentrant || handled.some(({ interleaves }) => interleaves > 0);
    this.severalRuns = this.interleaves || handled.some(({ kind }) => kind === 'stream');
    if (this.severalRuns) {
      for (const operation of handled) handlers[operation.index] = withOwnRefs(handlers[operation.index]!, operation);
    }
    this.signalsFrom = handlers.length;
    const signalEnvelope = <E>(name: string, handle: SignalFunction<E> | undefined): TellEnvelope | undefined => {
      if (handle === undefined) return undefined;
      return new Operation(protocol.name, name, handlers.push(signalHandler(handle)) - 1, tell()).envelope;
    };
    this.terminated = signalEnvelope('terminated', parts.signals.terminated);
    this.idle = signalEnvelope('idle', parts.signals.idle);
    this.stateTimeout = signalEnvelope('timeout', parts.stateTimeout);
    this.handlers = handlers;
    this.idleMs = count(parts.idleMs, Number.POSITIVE_INFINITY, `${parts.name}: idleMs`);
    if ((parts.idleMs === undefined) !== (this.idle === undefined)) {
      throw new UsageError(`${parts.name}: \`idleMs\` and \`signals.idle\` need each other; give both or neither`);
    }
    this.supervision = supervisionPolicy(parts.supervise, parts.name);
    this.strategy = strategyOf(parts.strategy, parts.name);
    this.reentrant = parts.reentrant;
    this.uses = parts.uses;
    this.signals = parts.signals;
    checkKeys(parts.mailbox, mailboxOptions, `${parts.name}: mailbox`);
    this.highWater = count(parts.mailbox.highWater, limits.mailboxHighWater, `${parts.name}: mailbox.highWater`);
    this.capacity = count(parts.mailbox.capacity, limits.mailboxCapacity, `${parts.name}: mailbox.capacity`);
    if (parts.mailbox.highWater === undefined) this.highWater = Math.min(this.highWater, this.capacity);
    if (this.highWater > this.capacity) {
      throw new UsageError(
        `${parts.name}: mailbox.highWater is ${this.highWater}, above its capacity of ${this.capacity}`,
      );
    }
    this.stashMax = count(parts.mailbox.stash, limits.stashMax, `${parts.name}: mailbox.stash`);
    this.lanes = lanesOf(parts.mailbox, parts.name);
    this.overflow = parts.mailbox.overflow ?? 'reject';
    if (!overflowPolicies.includes(this.overflow)) {
      throw new UsageError(`${parts.name}: mailbox.overflow must be one of ${overflowPolicies.join(', ')}`);
    }
    this.refClass = refClassOf(protocol);
    if (this.front !== undefined) this.selfClass = refClassOf(this.front.control);
    else this.selfClass = internal.size === 0 ? this.refClass : makeRefClass(this.operations, this.refClass);
  }

  /** What its handlers are called, by their numbers; then its start, and its end. For people, and made when they look. */
  labels(): readonly string[] {
    const labels: string[] = this.handlers.map(() => this.name);
    if (this.front === undefined) labels[this.compiled.operations.size] = `${this.name}, delivered reliably`;
    const handled = this.front === undefined ? this.operations : this.front.control.operations;
    for (const { index, label } of handled.values()) labels[index] = label;
    for (const signal of [this.terminated, this.idle, this.stateTimeout]) {
      if (signal !== undefined) labels[signal.operation.index] = signal.operation.label;
    }
    labels.push(`the start of ${this.name}`, `the end of ${this.name}`);
    return labels;
  }

  /** The operation that another place names so. */
  labelled(label: string): Operation | undefined {
    const operation = this.compiled.byLabel.get(label);
    if (operation !== undefined) return operation;
    // A router would spread what belongs to one receiver.
    return this.front === undefined
      ? deliveredOperations(this.compiled).labelled(label)
      : this.front.control.byLabel.get(label);
  }

  /** Any operation by its label, also a private one: between threads, for an actor that has moved. */
  labelledAny(label: string): Operation | undefined {
    const operation = this.operations.get(label.slice(label.lastIndexOf('.') + 1));
    return operation?.label === label ? operation : deliveredOperations(this.compiled).labelled(label);
  }

  /** The shape of the actor as seen from other places: equal text, equal operations and arguments. */
  describe(): string {
    const operations = [...this.compiled.operations.values()].map((operation) => operation.describe()).sort();
    return `actor ${this.name}(${this.argsType.describe()}) of ${this.protocol.name}{${operations.join(';')}}`;
  }
}

/** An exclusive run gets refs of its own as well; `Cell` gives them to the runs beside it. */
function withOwnRefs(handler: HandlerFunction, { input, interleaves, kind }: Operation): HandlerFunction {
  if (!input.holdsRefs || interleaves > 0 || kind === 'stream') return handler;
  return (state, message, context) => handler(state, input.rebind(message, (context as Run).owner), context);
}

function count(given: number | undefined, byDefault: number, what: string): number {
  if (given === undefined) return byDefault;
  if (Number.isSafeInteger(given) && given >= 1) return given;
  throw new UsageError(`${what} must be a whole number of at least 1; it was given ${String(given)}`);
}

/** In place of a handler for what a router or pool passes on: its own cell sees to it that none of it is handled here. */
function passedOn(): never {
  throw new Error('a message that is passed on was handled by its router');
}
