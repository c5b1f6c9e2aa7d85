/**
 * Operations as the runtime holds them: one schema compiled once, one number to dispatch by.
 *
 * A protocol compiles its operations when it is declared, so that what cannot be sent is refused there and not at the
 * first message.
 */
import { UsageError } from '../base/errors.ts';
import { hashKey } from '../base/hash-key.ts';
import { limits } from '../base/limits.ts';
import type { DeliveredOperations } from './delivery/delivered-operation.ts';
import { isObject, kindOf } from './given.ts';
import type { ErrorSchemas } from './outcomes.ts';
import { runtimeCodes } from './outcomes.ts';
import type { AnyOperation, AskOperation, Operations, Protocol } from './protocol.ts';
import type { RefClass } from './ref.ts';
import { compileMessageType, type MessageType } from './schema/message-type.ts';

/** A queued message's head: what to run, and where to tell that it was dealt with. */
export class TellEnvelope {
  readonly operation: Operation;
  /** Always undefined for a tell; see `Request` for the other kind of envelope. */
  readonly request: undefined;
  /** Told when the message was handled or dead-lettered; a session counts its settled messages by it. */
  readonly origin: Origin | undefined;

  constructor(operation: Operation, origin: Origin | undefined) {
    this.operation = operation;
    this.request = undefined;
    this.origin = origin;
  }
}

/** Where a message came from, if it came from another place. */
export interface Origin {
  /**
   * True where it must not be told before the handler is done, whatever places the message passes; else a message that
   * goes on to another place is dealt with when it is in the session there, which accounts for it.
   */
  readonly isExact?: boolean;
  settled(): void;
}

export class Operation {
  readonly name: string;
  readonly kind: AnyOperation['kind'];
  /** Its place in the actor's table of handlers: the protocol's operations first, then the private ones. */
  readonly index: number;
  /** How it is called in errors and logs, such as `counter.inc`. */
  readonly label: string;
  readonly input: MessageType;
  /** False where the input is void: options then come first. */
  readonly takesMessage: boolean;
  readonly output: MessageType | undefined;
  readonly errors: ReadonlyMap<string, MessageType>;
  /** How many runs of it may be open at once, beside whatever else its actor does; 0 for one that does not interleave. */
  readonly interleaves: number;
  /** What the user declared; `ref.inc.op` gives it back. */
  readonly declared: AnyOperation;
  /** Shared by all tells from this place, so that a tell allocates nothing. */
  readonly envelope: TellEnvelope;
  #takesUndefined: boolean | undefined = undefined;
  #shape: number | undefined = undefined;

  constructor(protocolName: string, name: string, index: number, declared: AnyOperation) {
    this.name = name;
    this.kind = declared.kind;
    this.index = index;
    this.label = `${protocolName}.${name}`;
    this.declared = declared;
    this.input = compileMessageType(declared.input, `${this.label} input`);
    this.takesMessage = !isVoid(declared.input);
    this.output = declared.kind === 'tell' ? undefined : compileMessageType(declared.output, `${this.label} output`);
    this.errors = declared.kind === 'tell' ? new Map() : compileErrors(this.label, declared.errors);
    this.interleaves = declared.kind === 'ask' ? interleavedRuns(this.label, declared) : 0;
    this.envelope = new TellEnvelope(this, undefined);
  }

  /** What a call without a message sends: `{}` where the input takes that and not undefined, as in `ref.inc()`. */
  get emptyMessage(): unknown {
    this.#takesUndefined ??= this.#accepts(undefined) || !this.#accepts({});
    return this.#takesUndefined ? undefined : {};
  }

  #accepts(message: unknown): boolean {
    try {
      this.input.parse(message);
      return true;
    } catch {
      return false;
    }
  }

  /** A hash of `describe`: places whose hashes are equal can leave out what both know. */
  get shape(): number {
    this.#shape ??= hashKey(this.describe());
    return this.#shape;
  }

  /** The operation's shape as canonical text: equal shapes, equal text, on whatever machine. */
  describe(): string {
    const errors = [...this.errors].map(([code, type]) => `${code}:${type.describe()}`).sort();
    return `${this.kind} ${this.name}(${this.input.describe()}):${this.output?.describe() ?? ''}!${errors.join(',')}`;
  }
}

function compileErrors(label: string, errors: ErrorSchemas): ReadonlyMap<string, MessageType> {
  const compiled = new Map<string, MessageType>();
  for (const [code, schema] of Object.entries(errors)) {
    if (runtimeCodes.has(code))
      throw new UsageError(`${label}: "${code}" is an error code of the runtime; choose another`);
    compiled.set(code, compileMessageType(schema, `${label} error "${code}"`));
  }
  return compiled;
}

function interleavedRuns(label: string, { readonly, concurrent }: AskOperation): number {
  if (concurrent === undefined) return readonly ? limits.interleavedRunsMax : 0;
  if (Number.isSafeInteger(concurrent) && concurrent >= 1 && concurrent <= limits.interleavedRunsMax) return concurrent;
  const range = `a whole number from 1 to ${limits.interleavedRunsMax}`;
  throw new UsageError(`${label}: \`concurrent\` must be ${range}; it was given ${concurrent}`);
}

function isVoid(schema: unknown): boolean {
  const type = (schema as { readonly _zod?: { readonly def: { readonly type: string } } })._zod?.def.type;
  return type === 'void' || type === 'undefined';
}

const reservedNames: ReadonlySet<string> = new Set(['then', 'toJSON', ...Object.getOwnPropertyNames(Object.prototype)]);
const kinds: readonly string[] = ['tell', 'ask', 'stream'];
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]*$/;

/** Checks a name that other places find things by. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== 'string' || !namePattern.test(name) || name.length > limits.nameCharactersMax) {
    throw new UsageError(
      `${what} must start with a letter and hold letters, digits, "-", "_" and "." only, ` +
        `at most ${limits.nameCharactersMax} characters; it was given ${JSON.stringify(name)}`,
    );
  }
}

/** Compiles operations under their names, numbering from `firstIndex`. */
export function compileOperations(
  protocolName: string,
  declared: Operations,
  firstIndex: number,
): ReadonlyMap<string, Operation> {
  const compiled = new Map<string, Operation>();
  let index = firstIndex;
  for (const [name, operation] of Object.entries(declared)) {
    checkName(name, `an operation of protocol "${protocolName}"`);
    if (reservedNames.has(name)) throw new UsageError(`protocol "${protocolName}": "${name}" cannot be an operation`);
    if (!isObject(operation) || !kinds.includes(operation.kind)) {
      throw new UsageError(`${protocolName}.${name} must be made with tell(…), ask(…) or stream(…)`);
    }
    compiled.set(name, new Operation(protocolName, name, index, operation));
    index += 1;
  }
  return compiled;
}

export class CompiledProtocol<N extends string = string, O extends Operations = Operations> implements Protocol<N, O> {
  readonly name: N;
  readonly ops: O;
  readonly operations: ReadonlyMap<string, Operation>;
  /** The same by label, which is how another place names them. */
  readonly byLabel: ReadonlyMap<string, Operation>;
  /** Made at the first ref. */
  refClass: RefClass | undefined;
  /** The same operations as reliable delivery sends them; made at the first. */
  delivered: DeliveredOperations | undefined;

  constructor(name: N, ops: O) {
    checkName(name, 'the name of a protocol');
    if (!isObject(ops))
      throw new UsageError(`protocol "${name}" takes its operations by name; it was given ${kindOf(ops)}`);
    this.name = name;
    this.ops = Object.freeze({ ...ops });
    this.operations = compileOperations(name, ops, 0);
    this.byLabel = new Map([...this.operations.values()].map((operation) => [operation.label, operation]));
    this.refClass = undefined;
    this.delivered = undefined;
  }
}

/** The compiled form of a protocol, which `protocol(…)` made. */
export function compiledProtocol(protocol: Protocol<string, Operations>): CompiledProtocol {
  if (isObject(protocol) && 'operations' in protocol) return protocol as unknown as CompiledProtocol;
  throw new UsageError(
    `expected a protocol that was made with protocol(name, { … }); it was given ${kindOf(protocol)}`,
  );
}
