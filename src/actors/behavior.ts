/**
 * A definition as the runtime runs it: operations by number, one handler each.
 *
 * Made once per definition and shared by all its cells, so a cell holds one pointer to it.
 */
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ActorDefinition, MailboxOptions, Signals } from './actor.ts';
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
import { type Strategy, type Supervise, type SupervisionPolicy, strategyOf, supervisionPolicy } from './supervise.ts';
import type { Watch } from './watch.ts';

const overflowPolicies: readonly string[] = ['reject', 'drop-oldest', 'drop-newest'];

export type HandlerFunction = (state: unknown, message: unknown, context: unknown) => unknown;

interface Parts<A> {
  readonly args: A;
  readonly createState: (args: unknown, context: unknown) => unknown;
  readonly internal: Operations;
  readonly name: string;
  readonly uses: readonly Resource<string, unknown>[];
  readonly mailbox: MailboxOptions;
  readonly signals: Signals<unknown, unknown>;
  readonly supervise: Supervise;
  readonly strategy: Strategy | undefined;
  readonly reentrant: boolean;
  readonly handlers: Readonly<Record<string, unknown>>;
  readonly closure: boolean;
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
  /** By the operation's index; that of `terminated`, where there is one, is the last. */
  readonly handlers: readonly HandlerFunction[];
  readonly argsType: MessageType;
  readonly createState: (args: unknown, context: unknown) => unknown;
  /** True where the state is what `createState` returned: an object of handlers. */
  readonly closure: boolean;
  readonly uses: readonly Resource<string, unknown>[];
  readonly signals: Signals<unknown, unknown>;
  /** The envelope of `signals.terminated`, which waits in the mailbox like a message. */
  readonly terminated: TellEnvelope | undefined;
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
  readonly overflow: NonNullable<MailboxOptions['overflow']>;
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
    const internal = compileOperations(protocol.name, parts.internal, this.compiled.operations.size);
    this.operations = new Map([...this.compiled.operations, ...internal]);
    this.argsType = compileMessageType(parts.args, `arguments of actor "${parts.name}"`);
    this.createState = parts.createState;
    this.closure = parts.closure;
    const operations = [...this.operations.values()];
    this.interleaves = parts.reentrant || operations.some(({ interleaves }) => interleaves > 0);
    this.severalRuns = this.interleaves || operations.some(({ kind }) => kind === 'stream');
    const handlers = operations.map((operation) => {
      const handler = parts.closure ? closureHandler(operation.name) : handlerOf(parts.handlers, operation);
      return this.severalRuns ? withOwnRefs(handler, operation) : handler;
    });
    const { terminated } = parts.signals;
    this.terminated =
      terminated === undefined
        ? undefined
        : new Operation(protocol.name, 'terminated', handlers.push(terminatedHandler(terminated)) - 1, tell()).envelope;
    this.handlers = handlers;
    this.supervision = supervisionPolicy(parts.supervise, parts.name);
    this.strategy = strategyOf(parts.strategy, parts.name);
    this.reentrant = parts.reentrant;
    this.uses = parts.uses;
    this.signals = parts.signals;
    this.highWater = count(parts.mailbox.highWater, limits.mailboxHighWater, `${parts.name}: mailbox.highWater`);
    this.capacity = count(parts.mailbox.capacity, limits.mailboxCapacity, `${parts.name}: mailbox.capacity`);
    if (parts.mailbox.highWater === undefined) this.highWater = Math.min(this.highWater, this.capacity);
    if (this.highWater > this.capacity) {
      throw new UsageError(
        `${parts.name}: mailbox.highWater is ${this.highWater}, above its capacity of ${this.capacity}`,
      );
    }
    this.overflow = parts.mailbox.overflow ?? 'reject';
    if (!overflowPolicies.includes(this.overflow)) {
      throw new UsageError(`${parts.name}: mailbox.overflow must be one of ${overflowPolicies.join(', ')}`);
    }
    this.refClass = refClassOf(protocol);
    this.selfClass = internal.size === 0 ? this.refClass : makeRefClass(this.operations, this.refClass);
  }

  /** The shape of the actor as seen from other places: equal text, equal operations and arguments. */
  describe(): string {
    const operations = [...this.compiled.operations.values()].map((operation) => operation.describe()).sort();
    return `actor ${this.name}(${this.argsType.describe()}) of ${this.protocol.name}{${operations.join(';')}}`;
  }
}

function handlerOf(handlers: Readonly<Record<string, unknown>>, operation: Operation): HandlerFunction {
  const handler = Object.hasOwn(handlers, operation.name) ? handlers[operation.name] : undefined;
  if (typeof handler !== 'function') {
    throw new UsageError(`${operation.label} has no handler; give the actor a function named "${operation.name}"`);
  }
  return handler as HandlerFunction;
}

function closureHandler(name: string): HandlerFunction {
  return (state, message, context) =>
    (state as Record<string, (message: unknown, context: unknown) => unknown>)[name]!(message, context);
}

/** An exclusive run gets refs of its own as well; `Cell` gives them to the runs beside it. */
function withOwnRefs(handler: HandlerFunction, { input, interleaves, kind }: Operation): HandlerFunction {
  if (!input.holdsRefs || interleaves > 0 || kind === 'stream') return handler;
  return (state, message, context) => handler(state, input.rebind(message, (context as Run).owner), context);
}

function terminatedHandler(terminated: NonNullable<Signals<unknown, unknown>['terminated']>): HandlerFunction {
  return (state, message, context) => {
    const watch = message as Watch;
    const event = watch.take();
    return event === undefined ? undefined : terminated(state, event, context);
  };
}

function count(given: number | undefined, byDefault: number, what: string): number {
  if (given === undefined) return byDefault;
  if (Number.isSafeInteger(given) && given >= 1) return given;
  throw new UsageError(`${what} must be a whole number of at least 1; it was given ${String(given)}`);
}
