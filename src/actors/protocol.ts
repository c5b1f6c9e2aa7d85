/**
 * Protocols: what can be said to an actor, declared apart from how it behaves.
 *
 * A protocol is imported by the actor, by its callers, by workers and by other machines alike; it holds schemas and no
 * code. Its operations become the methods of a ref.
 */
import * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { checkKeys } from './given.ts';
import { CompiledProtocol } from './operation.ts';
import type { DeclaredFailure, ErrorSchemas, Outcome, RuntimeCode } from './outcomes.ts';

type Schema = z.ZodType;

/** One-way: the sender does not wait and gets no reply. */
export interface TellOperation<I extends Schema = Schema> {
  /** Tells the kinds of operations apart. */
  readonly kind: 'tell';
  /** The schema of its message; `z.void()` where it takes none. */
  readonly input: I;
}
/** A request with one reply, or one of the errors it declares. */
export interface AskOperation<
  I extends Schema = Schema,
  O extends Schema = Schema,
  E extends ErrorSchemas = ErrorSchemas,
  R extends boolean = boolean,
> {
  /** Tells the kinds of operations apart. */
  readonly kind: 'ask';
  /** The schema of its message; `z.void()` where it takes none. */
  readonly input: I;
  /** The schema of its reply. */
  readonly output: O;
  /** The errors that it declares: code to the schema of its data. */
  readonly errors: E;
  /** True where the handler only reads the state, and so interleaves with other runs. */
  readonly readonly: R;
  /** How many runs of it may interleave; undefined where nothing is said. */
  readonly concurrent: number | undefined;
}
/** A request that is answered by many values, against credit. */
export interface StreamOperation<
  I extends Schema = Schema,
  O extends Schema = Schema,
  E extends ErrorSchemas = ErrorSchemas,
> {
  /** Tells the kinds of operations apart. */
  readonly kind: 'stream';
  /** The schema of its message; `z.void()` where it takes none. */
  readonly input: I;
  /** The schema of each element. */
  readonly output: O;
  /** The errors that it may end with: code to the schema of its data. */
  readonly errors: E;
}
export type AnyOperation = TellOperation | AskOperation | StreamOperation;
export type Operations = { readonly [name: string]: AnyOperation };

/** What can be said to an actor: a name and operations. Made by {@link protocol}; holds no code. */
export interface Protocol<N extends string, O extends Operations> {
  /** How it is found in other places. */
  readonly name: N;
  /** The operations by name; they become the methods of refs. */
  readonly ops: O;
}
/** Any protocol, whatever its operations. */
export type AnyProtocol = Protocol<string, Operations>;

/** Names that every object has, or that would make a ref something else (a ref must never be thenable). */
type ReservedName =
  | 'then'
  | 'constructor'
  | 'toJSON'
  | 'toString'
  | 'toLocaleString'
  | 'valueOf'
  | 'hasOwnProperty'
  | 'isPrototypeOf'
  | 'propertyIsEnumerable'
  | '__proto__';

/**
 * Declares a protocol.
 *
 * @param name How it is found in other places: letters, digits, `-`, `_`, `.`; at most 128 characters.
 * @param ops Operation name to `tell(…)`, `ask(…)` or `stream(…)`. Names that every object has are refused.
 * @throws UsageError for a bad name, and for a schema that cannot be parsed twice to the same value (transforms).
 */
export function protocol<const N extends string, O extends Operations>(
  name: N,
  ops: O & { readonly [K in keyof O]: K extends ReservedName ? 'reserved operation name' : unknown },
): Protocol<N, O> {
  return new CompiledProtocol<N, O>(name, ops);
}

/**
 * Declares a one-way operation, `tell()` or `tell(schema)`.
 *
 * One signature with a rest tuple: overloads would answer a wrong schema with "No overload matches".
 */
export function tell<A extends readonly [input?: Schema]>(
  ...input: A
): TellOperation<A extends readonly [infer I extends Schema] ? I : z.ZodVoid> {
  const schema = checkedSchema(input.length === 0 ? undefined : input[0], 'tell(…)');
  return { kind: 'tell', input: schema as A extends readonly [infer I extends Schema] ? I : z.ZodVoid };
}

type InputOf<D> = D extends { input: infer I extends Schema } ? I : z.ZodVoid;
type ErrorsOf<D> = D extends { errors: infer E extends ErrorSchemas } ? E : {};
type NoReservedCodes<D> = D extends { errors: infer E }
  ? { readonly errors: { readonly [K in keyof E]: K extends RuntimeCode ? 'reserved error code' : unknown } }
  : unknown;
type ReadonlyOf<D> = D extends { readonly: true } ? true : false;
type ReplySpec = { readonly input?: Schema; readonly output: Schema; readonly errors?: ErrorSchemas };
type AskSpec = ReplySpec & { readonly readonly?: boolean; readonly concurrent?: number };

/**
 * Declares a request with a reply: `ask({ input?, output, errors?, readonly?, concurrent? })`.
 *
 * An actor handles one message at a time, across awaits. Two options let an operation in between, so that it may begin
 * while another run of the actor waits, and others may begin while it waits:
 *
 * - `readonly: true`: its handler only reads the state, which its type makes sure of. At most 1,024 runs at once.
 * - `concurrent: n`: at most `n` runs at once (1 to 1,024). Its handler may find the state changed after each `await`.
 *
 * Handlers still begin in the order of acceptance; where `n` runs are open, what comes behind waits. The idea is that of
 * Orleans (`ReadOnly`, `AlwaysInterleave`).
 *
 * @throws UsageError for a `concurrent` out of range, and for error codes of the runtime.
 */
export function ask<const D extends AskSpec>(
  spec: D & NoReservedCodes<D>,
): AskOperation<InputOf<D>, D['output'], ErrorsOf<D>, ReadonlyOf<D>> {
  checkKeys(spec, ['input', 'output', 'errors', 'readonly', 'concurrent'], 'ask({ … })');
  return {
    kind: 'ask',
    input: checkedSchema(spec.input, 'ask({ input })') as InputOf<D>,
    output: checkedSchema(spec.output, 'ask({ output })') as D['output'],
    errors: (spec.errors ?? {}) as ErrorsOf<D>,
    readonly: (spec.readonly ?? false) as ReadonlyOf<D>,
    concurrent: spec.concurrent,
  };
}

/** Declares a request that is answered by a stream: `stream({ input?, output, errors? })`. */
export function stream<const D extends ReplySpec>(
  spec: D & NoReservedCodes<D>,
): StreamOperation<InputOf<D>, D['output'], ErrorsOf<D>> {
  checkKeys(spec, ['input', 'output', 'errors'], 'stream({ … })');
  return {
    kind: 'stream',
    input: checkedSchema(spec.input, 'stream({ input })') as InputOf<D>,
    output: checkedSchema(spec.output, 'stream({ output })') as D['output'],
    errors: (spec.errors ?? {}) as ErrorsOf<D>,
  };
}

function checkedSchema(schema: unknown, where: string): Schema {
  if (schema === undefined) return z.void();
  if (typeof schema === 'object' && schema !== null && '~standard' in schema) return schema as Schema;
  throw new UsageError(`${where} takes a schema, such as z.object({ … }); it was given ${typeof schema}`);
}

// ── refs: what a protocol looks like from outside ──

/** Options of one call. */
export interface CallOptions {
  /** How long the caller waits, in ms; 5,000 unless given. The time left travels with the message. */
  timeoutMs?: number;
  /** Aborts the wait; the handler's `ctx.signal` aborts too. */
  signal?: AbortSignal;
}

/** What a caller may pass for a schema (before defaults). */
export type In<I> = I extends Schema ? z.input<I> : never;
/** What a handler gets for a schema (after defaults). */
export type Out<I> = I extends Schema ? z.output<I> : never;
type IsVoid<I> = [In<I>] extends [void] ? true : false;

/** Options come after the message; where the operation takes no message they come first. */
export type MessageAndOptions<I, X> =
  IsVoid<I> extends true
    ? [options?: X]
    : {} extends In<I>
      ? [message?: In<I>, options?: X]
      : [message: In<I>, options?: X];
type MessageOnly<I> = IsVoid<I> extends true ? [] : {} extends In<I> ? [message?: In<I>] : [message: In<I>];

/** A bound operation of a ref, such as `ref.inc`: it can be passed around and named as a target. */
export interface OperationRef<O extends AnyOperation> {
  /** The declaration of the operation. */
  readonly op: O;
}
/** What `flow.to(ref.op)` and other sinks check: that messages of type `T` are taken. Types only. */
export interface Accepts<in T> {
  readonly accepts: (message: T) => void;
}
/** The part of the Observable protocol that rxjs's `from` needs. */
export interface Subscribable<T> {
  /**
   * Opens a stream and pushes each value as it comes, so backpressure ends here; iterate instead where that matters.
   *
   * @param observer What is told of values and of the one end; a function is told of the values.
   */
  subscribe(
    observer:
      | ((value: T) => void)
      | { next?: (value: T) => void; error?: (error: unknown) => void; complete?: () => void },
  ): { unsubscribe(): void };
}
/** A stream of an actor: iterate it, or give it to rxjs. Each iteration or subscription opens a stream of its own. */
export interface Stream<T> extends AsyncIterable<T>, Subscribable<T> {}

export type Method<O extends AnyOperation> =
  O extends TellOperation<infer I>
    ? ((...message: MessageOnly<I>) => boolean) & {
        /** Resolves once the target's mailbox has taken the message; rejects with a {@link RuntimeFailure}. */
        offer(...message: MessageAndOptions<I, CallOptions>): Promise<void>;
      } & OperationRef<O> &
        Accepts<In<I>>
    : O extends AskOperation<infer I, infer R, infer E>
      ? ((...message: MessageAndOptions<I, CallOptions>) => Promise<Out<R>>) & {
          /** The same call; never rejects. */
          outcome(...message: MessageAndOptions<I, CallOptions>): Promise<Outcome<Out<R>, E>>;
        } & OperationRef<O>
      : O extends StreamOperation<infer I, infer R, infer _E>
        ? ((...message: MessageAndOptions<I, StreamOptions>) => Stream<Out<R>>) & OperationRef<O>
        : never;

/** Options of one stream call. */
export interface StreamOptions {
  /** Ends the stream with `Cancelled`. */
  signal?: AbortSignal;
}

export declare const protocolName: unique symbol;
/** Any actor's ref, whatever its protocol. */
export interface AnyRef {
  readonly [protocolName]: string;
}
/** A typed handle of an actor, wherever it lives. Compare with `sameRef`, key maps by `pathOf`. */
export type Ref<T> =
  T extends Protocol<infer N, infer O>
    ? { readonly [K in keyof O & string]: Method<O[K]> } & { readonly [protocolName]: N }
    : never;

export type { DeclaredFailure };
