/**
 * How the two ends of a session name operations: by a number, which an item has said once with the label, and with the
 * shape that the sender's messages have.
 *
 * Where both ends have an operation of the very same shape, its messages and answers go as rows
 * (`actors/schema/message-row.ts`), else with all names. Threads of one node have the same code, so they send rows at
 * once; the shape makes a thread that was started after a file had changed refuse what it would misread. A node sends
 * with all names until the other side has said which shape the operation has there; from then on under a new number.
 */
import type { ActorBehavior } from '../actors/behavior.ts';
import type { Operation } from '../actors/operation.ts';
import type { MessageRow } from '../actors/schema/message-row.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { limits } from '../base/limits.ts';
import type { Session } from '../transport/session.ts';
import { Kind } from './items.ts';

/** In which form messages of an operation go: as rows where both ends have its schema, else with all names. */
export function formOf(type: MessageType, asRows: boolean): MessageRow {
  return asRows ? type.row : type.named;
}

/** An operation as this place names it to another. */
export interface SaidOperation {
  readonly operation: Operation;
  readonly asRows: boolean;
  readonly form: MessageRow;
  /** Undefined until it is said. */
  number: number | undefined;
}

/** An operation whose messages go with all names, as where an item says its label. */
export function namedOf(operation: Operation): SaidOperation {
  return { operation, asRows: false, form: operation.input.named, number: undefined };
}

/** What this place has named in a session. */
export class SaidOperations {
  readonly #allRows: boolean;
  /** Shapes that the other side has told of its own operations, by label. */
  readonly #shapes = new Map<string, number>();
  #byOperation = new WeakMap<Operation, SaidOperation>();
  /** Two operations of one label and shape are one, so that no number of protocols fills the other side's table. */
  readonly #byName = new Map<string, number>();
  readonly #byNumber: SaidOperation[] = [];
  #latest: SaidOperation | undefined = undefined;

  constructor(allRows: boolean) {
    this.#allRows = allRows;
  }

  of(operation: Operation): SaidOperation {
    const latest = this.#latest;
    if (latest !== undefined && latest.operation === operation) return latest;
    let said = this.#byOperation.get(operation);
    if (said === undefined) {
      const asRows = this.#allRows || this.#shapes.get(operation.label) === operation.shape;
      said = { operation, asRows, form: formOf(operation.input, asRows), number: undefined };
      this.#byOperation.set(operation, said);
    }
    this.#latest = said;
    return said;
  }

  /** Its number, said to the other side at first use. */
  numberOf(said: SaidOperation, session: Session): number {
    if (said.number !== undefined) return said.number;
    const { label } = said.operation;
    const shape = said.asRows ? said.operation.shape : null;
    const name = `${label} ${shape}`;
    const known = this.#byName.get(name);
    if (known !== undefined) {
      said.number = known;
      return known;
    }
    const number = this.#byNumber.push(said) - 1;
    said.number = number;
    this.#byName.set(name, number);
    session.begin().push(Kind.name, number, label, shape);
    return number;
  }

  numbered(number: number): SaidOperation | undefined {
    return this.#byNumber[number];
  }

  /** The shape that the operation of that number has over there. @throws where there is none of that number */
  learn(number: number, shape: unknown): void {
    const said = this.#byNumber[number];
    if (said === undefined || !isShape(shape)) throw new Error('the shape of an operation that was never named');
    this.#shapes.set(said.operation.label, shape);
    this.#byOperation = new WeakMap();
    this.#latest = undefined;
  }
}

function isShape(shape: unknown): shape is number {
  return Number.isSafeInteger(shape) && (shape as number) >= 0;
}

/** An operation as another place names it to this one. */
export class HeardOperation {
  readonly label: string;
  /** Whether the node at the other end may call it. */
  isAllowed = true;
  /** Null where messages come with all names. */
  readonly #shape: number | null;
  #behavior: ActorBehavior | undefined = undefined;
  #operation: Operation | undefined = undefined;

  constructor(label: string, shape: number | null) {
    this.label = label;
    this.#shape = shape;
  }

  /** What it is to an actor; undefined where it has no such operation, or means something else by it. */
  of(behavior: ActorBehavior): Operation | undefined {
    if (behavior !== this.#behavior) {
      const operation = behavior.labelled(this.label);
      this.#operation = operation !== undefined && this.fits(operation) ? operation : undefined;
      this.#behavior = behavior;
    }
    return this.#operation;
  }

  fits(operation: Operation): boolean {
    return this.#shape === null || this.#shape === operation.shape;
  }

  get asRows(): boolean {
    return this.#shape !== null;
  }

  formOf(type: MessageType): MessageRow {
    return formOf(type, this.asRows);
  }
}

/** What another place has named in a session. */
export class HeardOperations {
  readonly #byNumber: HeardOperation[] = [];

  /** @throws where it is out of order, too much or no name */
  add(number: number, label: unknown, shape: unknown): HeardOperation {
    if (number !== this.#byNumber.length || typeof label !== 'string')
      throw new Error('an operation name out of order');
    if (number >= limits.operationNamesMax || label.length > limits.operationLabelCharactersMax) {
      throw new Error('more or longer operation names than a session may hold');
    }
    if (shape !== null && !isShape(shape)) throw new Error('the shape of an operation that is no number');
    const heard = new HeardOperation(label, shape);
    this.#byNumber.push(heard);
    return heard;
  }

  numbered(number: unknown): HeardOperation | undefined {
    return typeof number === 'number' ? this.#byNumber[number] : undefined;
  }
}
