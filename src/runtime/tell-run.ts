/**
 * Tells that follow each other to the same operation of the same actor are one item: they say once where they go, and
 * their values lie flat behind it. That is a third of the time of a thread hop (measured).
 */
import type { Host } from '../actors/host.ts';
import type { MessageRow } from '../actors/schema/message-row.ts';
import type { RefReceiver } from '../actors/schema/ref-rules.ts';
import type { Owner } from '../actors/target.ts';
import type { Session } from '../transport/session.ts';
import { Kind } from './items.ts';
import type { SaidOperation, SaidOperations } from './operation-names.ts';

/** Where the count of an item stands, from its start; the values are the field behind it. */
const countField = 3;
const valuesField = 4;

export class TellRun {
  readonly #session: Session;
  readonly #operations: SaidOperations;
  #cell = -1;
  #said: SaidOperation | undefined = undefined;
  #mark = -1;
  /** The fields of the frame that it is in, and where in them its count stands. */
  #fields: unknown[] = [];
  #countAt = 0;
  #values: unknown[] = [];
  #count = 0;

  constructor(session: Session, operations: SaidOperations) {
    this.#session = session;
    this.#operations = operations;
  }

  /** Lays down one tell more. @throws InvalidValue where it cannot be sent; then nothing has happened */
  add(cell: number, said: SaidOperation, parsed: unknown): void {
    if (said === this.#said && cell === this.#cell && this.#session.grows(this.#mark)) {
      said.form.write(parsed, this.#values);
      this.#session.grow();
      this.#count += 1;
      this.#fields[this.#countAt] = this.#count;
    } else this.#begin(cell, said, parsed);
  }

  #begin(cell: number, said: SaidOperation, parsed: unknown): void {
    const values: unknown[] = [];
    said.form.write(parsed, values);
    const number = this.#operations.numberOf(said, this.#session);
    const fields = this.#session.begin(0, cell);
    this.#countAt = fields.length + countField;
    fields.push(Kind.tell, cell, number, 1, values);
    this.#mark = this.#session.last;
    this.#fields = fields;
    this.#values = values;
    this.#count = 1;
    this.#cell = cell;
    this.#said = said;
  }
}

/** The message of the values from `at` on. @throws InvalidValue where it holds a ref that leads nowhere */
export function readRow(host: Host, form: MessageRow, values: readonly unknown[], at: number, owner: Owner): unknown {
  if (!form.needsReceiver) return form.read(values, at, noRefs);
  return host.fromWire({ fromWire: (wire, refs) => form.read(wire as readonly unknown[], at, refs) }, values, owner);
}

const noRefs: RefReceiver = { refFromWire: () => undefined };

/** The messages of a tell item, each as its own array of values. */
export function* messagesOf(fields: readonly unknown[]): Generator<readonly unknown[]> {
  const values = fields[valuesField] as readonly unknown[];
  const count = fields[countField] as number;
  const width = values.length / count;
  for (let index = 0; index < count; index += 1) yield values.slice(index * width, (index + 1) * width);
}

/** Cuts a tell item in two, the first of which has `messages`. */
export function cutTells(fields: readonly unknown[], messages: number): readonly [unknown[], unknown[]] {
  const [kind, cell, operation] = fields;
  const count = fields[countField] as number;
  const values = fields[valuesField] as readonly unknown[];
  const at = (values.length / count) * messages;
  return [
    [kind, cell, operation, messages, values.slice(0, at)],
    [kind, cell, operation, count - messages, values.slice(at)],
  ];
}
