/**
 * A message as places of one node send it: as few values as its schema leaves open, laid flat.
 *
 * Both sides have the same schema, so names, and what can be only one value, need not travel. A message without such a
 * form is one value, in its ordinary wire form.
 */
import { type Codec, shortest, type ValueRow } from './codec.ts';
import { apart } from './errors.ts';
import { type MoveCounters, Parcel } from './parcel.ts';
import type { RefOwner, RefReceiver } from './ref-rules.ts';

export interface WireForm {
  /** True when wire form and parsed value are the same thing. */
  readonly plain: boolean;
  /**
   * Parsed value to wire form: nil, boolean, number, string, Uint8Array, arrays, plain objects and `undefined`. May
   * share with `parsed`, and does not change it; bytes are copies. Large bytes, and those that were given away, are the
   * wire form's afterwards, unless it `defers`.
   * @param defers True for who sees to such bytes itself, see `parcel.ts`.
   * @throws InvalidValue where something cannot be sent, and `apart` where it defers
   */
  toWire(parsed: unknown, defers?: boolean): unknown;
  /** Wire form to value. What is malformed is handed through, so that `parse` refuses it afterwards. */
  fromWire(wire: unknown, receiver: RefReceiver): unknown;
}

export interface WireParcelOptions {
  /** True where the sender keeps what it gives away. */
  readonly keeps: boolean;
  readonly counters: MoveCounters | undefined;
}

/** Whose form it is. */
export interface RowOwner {
  /** Copies a parsed value, as a message type does. */
  rebind(parsed: unknown, owner: RefOwner): unknown;
  /** What is thrown where a value cannot be sent. */
  invalid(thrown: unknown): Error;
}

export class MessageRow implements WireForm {
  readonly plain: boolean;
  /** How many values a message is. */
  readonly width: number;
  /** True where reading it needs a receiver, for the refs that may be in it. */
  readonly needsReceiver: boolean;
  readonly #ways: ReturnType<typeof shortest>;
  readonly #row: ValueRow | undefined;
  readonly #owner: RowOwner;

  constructor(codec: Codec, owner: RowOwner) {
    this.#ways = shortest(codec);
    this.#row = codec.short?.row;
    this.#owner = owner;
    this.plain = codec.plain && codec.short === undefined;
    this.width = this.#row?.width ?? 1;
    this.needsReceiver = this.#row === undefined ? this.#ways.fromWire !== undefined : !this.#row.plain;
  }

  /** Appends the values of a message: all, or none where it throws. @throws InvalidValue, and `apart` for bytes that go so */
  write(parsed: unknown, into: unknown[]): void {
    if (this.#row === undefined) {
      into.push(this.toWire(parsed, true));
      return;
    }
    try {
      this.#row.write(parsed, into);
    } catch (thrown) {
      throw thrown === apart ? apart : this.#owner.invalid(thrown);
    }
  }

  /** The values of a message whose bytes are detached or copied when that is delivered. @throws InvalidValue */
  valuesParcel(parsed: unknown, options: WireParcelOptions): Parcel {
    return this.#pack(options, (parcel) => {
      const values: unknown[] = [];
      this.write(this.#owner.rebind(parsed, parcel), values);
      return values;
    });
  }

  /** The same for the wire form as one value. @throws InvalidValue */
  wireParcel(parsed: unknown, options: WireParcelOptions): Parcel {
    return this.#pack(options, (parcel) => this.toWire(this.#owner.rebind(parsed, parcel), true));
  }

  #pack({ keeps, counters }: WireParcelOptions, collect: (parcel: Parcel) => unknown): Parcel {
    return Parcel.of({ owner: undefined, forWire: true, keeps, counters }, collect);
  }

  /** The message of the values from `at` on. */
  read(from: readonly unknown[], at: number, receiver: RefReceiver): unknown {
    return this.#row === undefined ? this.fromWire(from[at], receiver) : this.#row.read(from, at, receiver);
  }

  toWire(parsed: unknown, defers = false): unknown {
    const { toWire } = this.#ways;
    if (toWire === undefined) return parsed;
    try {
      return toWire(parsed);
    } catch (thrown) {
      if (thrown !== apart) throw this.#owner.invalid(thrown);
      if (defers) throw apart;
      return this.wireParcel(parsed, { keeps: false, counters: undefined }).deliver();
    }
  }

  fromWire(wire: unknown, receiver: RefReceiver): unknown {
    const { fromWire } = this.#ways;
    return fromWire === undefined ? wire : fromWire(wire, receiver);
  }
}
