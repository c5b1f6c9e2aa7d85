/**
 * Refs: one class per protocol, whose getters bind an operation to its target at first use.
 *
 * `ref.inc(m)` calls a function made for the ref; `.offer` and `.outcome` live on the shared prototype of these functions
 * and re-enter them with a mode, since a function does not show what it has captured. The class is flat, and
 * not renamed at run time: a derived or renamed class made each `new` cost 700–900 ns (measured). What a ref keeps is
 * keyed by symbols, because every string is free for operation names.
 */
import { type CompiledProtocol, compiledProtocol, type Operation } from './operation.ts';
import type { AnyProtocol, AnyRef, CallOptions } from './protocol.ts';
import { refProtocolName, refRebind, refToWire, type SendableRef } from './schema/ref-rules.ts';
import type { Owner, Target } from './target.ts';

const TARGET: unique symbol = Symbol('troupe.target');
const OWNER: unique symbol = Symbol('troupe.owner');
/** The operation that was used first, and what it is bound as; the others in a list by their index. */
const FIRST: unique symbol = Symbol('troupe.first');
const FIRST_BOUND: unique symbol = Symbol('troupe.firstBound');
const MORE: unique symbol = Symbol('troupe.more');
const PUBLIC: unique symbol = Symbol('troupe.public');
const PROTOCOL: unique symbol = Symbol('troupe.protocol');
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** What every ref is, behind its operations. */
export interface InternalRef extends SendableRef {
  readonly [TARGET]: Target;
  readonly [OWNER]: Owner;
}
export interface RefClass {
  new (target: Target, owner: Owner): InternalRef;
  /** For the class of `ctx.self`: the class that anybody else gets, without the private operations. */
  readonly [PUBLIC]: RefClass | undefined;
  /** What it speaks; undefined for the class of `ctx.self`. */
  readonly [PROTOCOL]: CompiledProtocol | undefined;
}

/** How a bound operation is entered other than by a plain call. */
const OFFER: unique symbol = Symbol('offer');
const OUTCOME: unique symbol = Symbol('outcome');
const REVEAL: unique symbol = Symbol('reveal');
type Mode = typeof OFFER | typeof OUTCOME | typeof REVEAL | undefined;
type Bound = (message?: unknown, options?: unknown, mode?: Mode) => unknown;
type Binder = (ref: InternalRef) => Bound;

/**
 * What a ref has bound so far. Two fields for the first and a list for the rest, and no property an operation: a look-up
 * by a name that varies leaves compiled code (a sixth of a tell, measured), and all refs of a protocol keep one shape.
 */
interface BoundOperations {
  [FIRST]: Operation | undefined;
  [FIRST_BOUND]: Bound | undefined;
  [MORE]: Bound[] | undefined;
}

/** A bound operation taken apart: what timers, `ctx.run` and flows deliver to. */
export interface BoundOperation {
  readonly target: Target;
  readonly owner: Owner;
  readonly operation: Operation;
}

/** The class of a protocol's refs, made at the first. */
export function refClassOf(protocol: AnyProtocol): RefClass {
  const compiled = compiledProtocol(protocol);
  compiled.refClass ??= makeRefClass(compiled.operations, undefined, compiled);
  return compiled.refClass;
}

export function makeRefClass(
  operations: ReadonlyMap<string, Operation>,
  publicClass?: RefClass,
  protocol?: CompiledProtocol,
): RefClass {
  class ActorRef implements InternalRef {
    static readonly [PUBLIC]: RefClass | undefined = publicClass;
    static readonly [PROTOCOL]: CompiledProtocol | undefined = protocol;
    readonly [TARGET]: Target;
    readonly [OWNER]: Owner;
    [FIRST]: Operation | undefined;
    [FIRST_BOUND]: Bound | undefined;
    [MORE]: Bound[] | undefined;

    constructor(target: Target, owner: Owner) {
      this[TARGET] = target;
      this[OWNER] = owner;
      this[FIRST] = undefined;
      this[FIRST_BOUND] = undefined;
      this[MORE] = undefined;
    }

    get [refProtocolName](): string {
      return this[TARGET].protocolName;
    }

    [refRebind](owner: object): object {
      return this[OWNER] === owner ? this : (owner as Owner).adopt(this);
    }

    [refToWire](): unknown {
      const { place, cell } = this[TARGET].address();
      return [place, cell, this[TARGET].branch()];
    }

    toJSON(): string {
      return this[TARGET].path();
    }

    toString(): string {
      return this[TARGET].path();
    }

    [inspect](): string {
      return `Ref<${this[TARGET].protocolName}> ${this[TARGET].path()}`;
    }
  }
  for (const operation of operations.values()) defineOperation(ActorRef.prototype, operation);
  return ActorRef;
}

function defineOperation(prototype: object, operation: Operation): void {
  const bind = binderOf(operation);
  const get = getterOf(operation, FIRST, FIRST_BOUND, (ref) => boundOf(ref, operation, bind));
  Object.defineProperty(prototype, operation.name, { enumerable: true, get });
}

/**
 * Small enough (27 bytes of bytecode) to be inlined wherever an operation is called, which takes parameters: reading a
 * `const` from a closure is a check each time.
 */
function getterOf(
  operation: Operation,
  first: typeof FIRST,
  firstBound: typeof FIRST_BOUND,
  another: (ref: InternalRef & BoundOperations) => Bound,
): (this: InternalRef & BoundOperations) => Bound {
  return function get(this: InternalRef & BoundOperations): Bound {
    if (this[first] === operation) return this[firstBound]!;
    return another(this);
  };
}

function boundOf(ref: InternalRef & BoundOperations, operation: Operation, bind: Binder): Bound {
  if (ref[FIRST] === undefined) {
    ref[FIRST] = operation;
    ref[FIRST_BOUND] = bind(ref);
    return ref[FIRST_BOUND];
  }
  ref[MORE] ??= [];
  ref[MORE][operation.index] ??= bind(ref);
  return ref[MORE][operation.index]!;
}

function methodsOf(operation: Operation): object {
  const methods = Object.create(Function.prototype, {
    op: { value: operation.declared },
  }) as Record<string, unknown>;
  if (operation.kind === 'tell') {
    methods.offer = function offer(this: Bound, message?: unknown, options?: unknown): unknown {
      return this(message, options, OFFER);
    };
  }
  if (operation.kind === 'ask') {
    methods.outcome = function outcome(this: Bound, message?: unknown, options?: unknown): unknown {
      return this(message, options, OUTCOME);
    };
  }
  return methods;
}

/**
 * Binds an operation for a ref. An operation that takes no message takes its options first.
 *
 * Closures and not `Function.bind`, since compiled code sees through them (a sixth of a ping-pong, measured), and one for
 * each kind, so that each learns of one kind of call only.
 */
function binderOf(operation: Operation): Binder {
  const methods = methodsOf(operation);
  const bind = operation.takesMessage ? withMessage(operation) : withoutMessage(operation);
  return (ref) => Object.setPrototypeOf(bind(ref), methods) as Bound;
}

function withMessage(operation: Operation): Binder {
  switch (operation.kind) {
    case 'tell':
      return (ref) => (message, options, mode) => tell(operation, ref[TARGET], ref[OWNER], message, options, mode);
    case 'ask':
      return (ref) => (message, options, mode) => ask(operation, ref[TARGET], ref[OWNER], message, options, mode);
    case 'stream':
      return (ref) => (message, options, mode) => stream(operation, ref[TARGET], ref[OWNER], message, options, mode);
    default:
      return operation.kind satisfies never;
  }
}

function withoutMessage(operation: Operation): Binder {
  switch (operation.kind) {
    case 'tell':
      return (ref) => (options, _, mode) => tell(operation, ref[TARGET], ref[OWNER], undefined, options, mode);
    case 'ask':
      return (ref) => (options, _, mode) => ask(operation, ref[TARGET], ref[OWNER], undefined, options, mode);
    case 'stream':
      return (ref) => (options, _, mode) => stream(operation, ref[TARGET], ref[OWNER], undefined, options, mode);
    default:
      return operation.kind satisfies never;
  }
}

function tell(operation: Operation, target: Target, owner: Owner, message: unknown, options: unknown, mode: Mode) {
  const given = message === undefined ? operation.emptyMessage : message;
  if (mode === undefined) return target.tell(operation, given);
  if (mode === OFFER) return target.offer(operation, given, options as CallOptions | undefined, owner);
  return { target, owner, operation } satisfies BoundOperation;
}

function ask(operation: Operation, target: Target, owner: Owner, message: unknown, options: unknown, mode: Mode) {
  if (mode === REVEAL) return { target, owner, operation } satisfies BoundOperation;
  const given = message === undefined ? operation.emptyMessage : message;
  const reply = target.ask(operation, given, options as CallOptions | undefined, owner);
  return mode === OUTCOME ? reply.then(succeeded, failed) : reply;
}

function stream(operation: Operation, target: Target, owner: Owner, message: unknown, options: unknown, mode: Mode) {
  if (mode === REVEAL) return { target, owner, operation } satisfies BoundOperation;
  const given = message === undefined ? operation.emptyMessage : message;
  return target.stream(operation, given, options as CallOptions | undefined, owner);
}

const succeeded = (value: unknown): unknown => ({ ok: true, value });
const failed = (error: unknown): unknown => ({ ok: false, error });

/** True for a ref of any actor, made by this copy of the package. */
export function isRef(value: unknown): value is AnyRef & InternalRef {
  return typeof value === 'object' && value !== null && TARGET in value;
}

export function targetOf(ref: unknown): Target {
  return (ref as InternalRef)[TARGET];
}

/** Whose ref it is. */
export function ownerOf(ref: unknown): Owner {
  return (ref as InternalRef)[OWNER];
}

/** Takes `ref.op` apart. Undefined when the value is not an operation of a ref. */
export function reveal(bound: unknown): BoundOperation | undefined {
  if (typeof bound !== 'function' || !('op' in bound)) return undefined;
  return (bound as unknown as Bound)(undefined, undefined, REVEAL) as BoundOperation;
}

/** The same actor's ref for another owner; the ref itself where it already belongs to it. */
export function refFor(ref: InternalRef, owner: Owner): InternalRef {
  if (ref[OWNER] === owner) return ref;
  return new (publicClassOf(ref))(ref[TARGET], owner);
}

/** The class of the ref as others than the actor itself have it. */
export function publicClassOf(ref: InternalRef): RefClass {
  const own = ref.constructor as RefClass;
  return own[PUBLIC] ?? own;
}

/** The protocol that others know the actor of the ref by. */
export function protocolOfRef(ref: InternalRef): CompiledProtocol {
  return publicClassOf(ref)[PROTOCOL]!;
}
