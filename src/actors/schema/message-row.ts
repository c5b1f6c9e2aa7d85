/**
 * A message as places of one node send it: as few values as its schema leaves open, laid flat.
 *
 * Both sides have the same schema, so names, and what can be only one value, need not travel. A message without such a
 * form is one value, in its ordinary wire form.
 */
import { type Codec, shortest, type ValueRow } from './codec.ts';
import type { RefReceiver } from './ref-rules.ts';

export interface WireForm {
  /** True when wire form and parsed value are the same thing. */
  readonly plain: boolean;
  /**
   * Parsed value to wire form: nil, boolean, number, string, Uint8Array, arrays, plain objects and `undefined`. May
   * share with `parsed`, and does not change it.
   * @throws InvalidValue where something cannot be sent.
   */
  toWire(parsed: unknown): unknown;
  /** Wire form to value. What is malformed is handed through, so that `parse` refuses it afterwards. */
  fromWire(wire: unknown, receiver: RefReceiver): unknown;
}

export class MessageRow implements WireForm {
  readonly plain: boolean;
  /** How many values a message is. */
  readonly width: number;
  /** True where reading it needs a receiver, for the refs that may be in it. */
  readonly needsReceiver: boolean;
  readonly #ways: ReturnType<typeof shortest>;
  readonly #row: ValueRow | undefined;
  readonly #invalid: (thrown: unknown) => Error;

  /** @param invalid What is thrown where a value cannot be sent. */
  constructor(codec: Codec, invalid: (thrown: unknown) => Error) {
    this.#ways = shortest(codec);
    this.#row = codec.short?.row;
    this.#invalid = invalid;
    this.plain = codec.plain && codec.short === undefined;
    this.width = this.#row?.width ?? 1;
    this.needsReceiver = this.#row === undefined ? this.#ways.fromWire !== undefined : !this.#row.plain;
  }

  /** Appends the values of a message: all, or none where it throws. @throws InvalidValue */
  write(parsed: unknown, into: unknown[]): void {
    if (this.#row === undefined) {
      into.push(this.toWire(parsed));
      return;
    }
    try {
      this.#row.write(parsed, into);
    } catch (thrown) {
      throw this.#invalid(thrown);
    }
  }

  /** The message of the values from `at` on. */
  read(from: readonly unknown[], at: number, receiver: RefReceiver): unknown {
    return this.#row === undefined ? this.fromWire(from[at], receiver) : this.#row.read(from, at, receiver);
  }

  toWire(parsed: unknown): unknown {
    const { toWire } = this.#ways;
    if (toWire === undefined) return parsed;
    try {
      return toWire(parsed);
    } catch (thrown) {
      throw this.#invalid(thrown);
    }
  }

  fromWire(wire: unknown, receiver: RefReceiver): unknown {
    const { fromWire } = this.#ways;
    return fromWire === undefined ? wire : fromWire(wire, receiver);
  }
}
