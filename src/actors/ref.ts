/**
 * Refs: one class per protocol, whose getters bind an operation to its target at first use.
 *
 * `ref.inc(m)` calls a function bound to the ref; `.offer` and `.outcome` live on the shared prototype of the bound
 * function and re-enter it with a mode, since a bound function does not show what it is bound to. The class is flat, and
 * not renamed at run time: a derived or renamed class made each `new` cost 700–900 ns (measured). What a ref keeps is
 * keyed by symbols, because every string is free for operation names.
 */
import { compiledProtocol, type Operation } from './operation.ts';
import type { AnyProtocol, AnyRef, CallOptions } from './protocol.ts';
import { refProtocolName, refRebind, refToWire, type SendableRef } from './schema/ref-rules.ts';
import type { Owner, Target } from './target.ts';

const TARGET: unique symbol = Symbol('troupe.target');
const OWNER: unique symbol = Symbol('troupe.owner');
const PUBLIC: unique symbol = Symbol('troupe.public');
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
}

/** How a bound operation is entered other than by a plain call. */
const OFFER: unique symbol = Symbol('offer');
const OUTCOME: unique symbol = Symbol('outcome');
const REVEAL: unique symbol = Symbol('reveal');
type Mode = typeof OFFER | typeof OUTCOME | typeof REVEAL | undefined;
type Bound = (message?: unknown, options?: unknown, mode?: Mode) => unknown;

/** A bound operation taken apart: what timers, `ctx.run` and flows deliver to. */
export interface BoundOperation {
  readonly target: Target;
  readonly owner: Owner;
  readonly operation: Operation;
}

/** The class of a protocol's refs, made at the first. */
export function refClassOf(protocol: AnyProtocol): RefClass {
  const compiled = compiledProtocol(protocol);
  compiled.refClass ??= makeRefClass(compiled.operations);
  return compiled.refClass;
}

export function makeRefClass(operations: ReadonlyMap<string, Operation>, publicClass?: RefClass): RefClass {
  class ActorRef implements InternalRef {
    static readonly [PUBLIC]: RefClass | undefined = publicClass;
    readonly [TARGET]: Target;
    readonly [OWNER]: Owner;

    constructor(target: Target, owner: Owner) {
      this[TARGET] = target;
      this[OWNER] = owner;
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
  const slot = Symbol(operation.name);
  const implementation = operation.takesMessage ? withMessage(operation) : withoutMessage(operation);
  Object.setPrototypeOf(implementation, methodsOf(operation));
  Object.defineProperty(prototype, operation.name, {
    enumerable: true,
    get(this: InternalRef & Record<symbol, Bound | undefined>): Bound {
      const bound = this[slot];
      if (bound !== undefined) return bound;
      const made = (implementation as Bound).bind(this) as Bound;
      this[slot] = made;
      return made;
    },
  });
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

/** An operation that takes no message takes its options first. */
function withoutMessage(
  operation: Operation,
): (this: InternalRef, options?: unknown, _?: unknown, mode?: Mode) => unknown {
  const call = withMessage(operation);
  return function operate(this: InternalRef, options, _, mode) {
    return call.call(this, undefined, options, mode);
  };
}

function withMessage(
  operation: Operation,
): (this: InternalRef, message?: unknown, options?: unknown, mode?: Mode) => unknown {
  switch (operation.kind) {
    case 'tell':
      return function tell(this: InternalRef, message, options, mode) {
        const given = message === undefined ? operation.emptyMessage : message;
        if (mode === undefined) return this[TARGET].tell(operation, given);
        if (mode === OFFER) {
          return this[TARGET].offer(operation, given, options as CallOptions | undefined, this[OWNER]);
        }
        return { target: this[TARGET], owner: this[OWNER], operation } satisfies BoundOperation;
      };
    case 'ask':
      return function ask(this: InternalRef, message, options, mode) {
        if (mode === REVEAL) return { target: this[TARGET], owner: this[OWNER], operation } satisfies BoundOperation;
        const given = message === undefined ? operation.emptyMessage : message;
        const reply = this[TARGET].ask(operation, given, options as CallOptions | undefined, this[OWNER]);
        return mode === OUTCOME ? reply.then(succeeded, failed) : reply;
      };
    case 'stream':
      return function stream(this: InternalRef, message, options, mode) {
        if (mode === REVEAL) return { target: this[TARGET], owner: this[OWNER], operation } satisfies BoundOperation;
        const given = message === undefined ? operation.emptyMessage : message;
        return this[TARGET].stream(operation, given, options as CallOptions | undefined, this[OWNER]);
      };
    default:
      return operation.kind satisfies never;
  }
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
