/**
 * Operations as reliable delivery sends them: the operation of a protocol, with a number in front of its message.
 *
 * Every tell and ask of a protocol has such a form, an ask that the same actor takes. It is an operation like any other to
 * everything in between, so the wire, validation, references in messages and moves need know nothing of delivery. It stands in no
 * protocol, since nobody calls it but `channel.ts`. All of an actor have one handler, behind its public operations:
 * `consumer.ts`.
 */
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import { type CompiledProtocol, Operation } from '../operation.ts';
import { type AskOperation, type TellOperation, tell } from '../protocol.ts';

/** A message with what its receiver knows it by. */
export interface Numbered {
  /** The producer: unique, and never used again. */
  readonly producer: string;
  /** Its number among the messages of the producer, from 1 on. */
  readonly sequence: number;
  /** The producer has the outcome of every message below this one. */
  readonly from: number;
  readonly message?: unknown;
}

/** Answers of the delivery itself, beside the operation's own errors; no name that a user could give. */
export const DeliveryCode = {
  /** One before it is missing. */
  gap: '~gap',
  /** The consumer can remember no more: later. */
  full: '~full',
  /** It was handled, and failed. */
  failed: '~failed',
} as const;

const producerId: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/)
  .max(limits.producerIdCharactersMax);

export class DeliveredOperation extends Operation {
  /** What it delivers. */
  readonly base: Operation;

  constructor(protocolName: string, base: Operation, index: number) {
    const numbers = { producer: producerId, sequence: z.int().min(1), from: z.int().min(1) };
    const declared = base.declared as TellOperation | AskOperation;
    super(protocolName, `${base.name}${suffix}`, index, {
      kind: 'ask',
      input: base.takesMessage ? z.object({ ...numbers, message: asZod(declared.input) }) : z.object(numbers),
      output: declared.kind === 'ask' ? declared.output : z.void(),
      errors: {
        ...(declared.kind === 'ask' ? declared.errors : {}),
        [DeliveryCode.gap]: z.void(),
        [DeliveryCode.full]: z.void(),
        [DeliveryCode.failed]: z.string(),
      },
      readonly: false,
      concurrent: undefined,
    });
    this.base = base;
  }
}

const suffix = '~once';
const farewell = '~over';

/** The delivered forms of a protocol's operations, each made at its first use. */
export class DeliveredOperations {
  readonly #protocol: CompiledProtocol;
  readonly #made = new Map<Operation, DeliveredOperation>();
  #over: Operation | undefined = undefined;

  constructor(protocol: CompiledProtocol) {
    this.#protocol = protocol;
  }

  /** Undefined for a stream, which has a way of its own to go on. */
  of(base: Operation): DeliveredOperation | undefined {
    if (base.kind === 'stream') return undefined;
    let made = this.#made.get(base);
    if (made === undefined) {
      made = new DeliveredOperation(this.#protocol.name, base, this.#index);
      this.#made.set(base, made);
    }
    return made;
  }

  /** A producer says that it sends nothing more, so that it may be forgotten. */
  get over(): Operation {
    this.#over ??= new Operation(this.#protocol.name, farewell, this.#index, tell(producerId));
    return this.#over;
  }

  labelled(label: string): Operation | undefined {
    if (label.endsWith(suffix)) {
      const base = this.#protocol.byLabel.get(label.slice(0, -suffix.length));
      return base === undefined ? undefined : this.of(base);
    }
    return label === `${this.#protocol.name}.${farewell}` ? this.over : undefined;
  }

  /** The one behind the public operations. */
  get #index(): number {
    return this.#protocol.operations.size;
  }
}

/** The delivered forms of a protocol's operations. */
export function deliveredOperations(protocol: CompiledProtocol): DeliveredOperations {
  protocol.delivered ??= new DeliveredOperations(protocol);
  return protocol.delivered;
}

/** A schema of another library is parsed by itself: here it stands for anything. */
function asZod(schema: z.ZodType): z.ZodType {
  return '_zod' in schema ? schema : z.unknown();
}

/** The label that a right to call it goes by: that of what is delivered. Undefined for a farewell, which harms nobody. */
export function rightLabelOf(label: string): string | undefined {
  if (label.endsWith(`.${farewell}`)) return undefined;
  return label.endsWith(suffix) ? label.slice(0, -suffix.length) : label;
}
