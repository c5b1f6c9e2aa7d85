/**
 * A schema as the runtime uses it: compiled once for each operation, then asked for every message.
 *
 * The one parse of a message happens at its sender, in `take`: it validates, and what comes out shares nothing that can
 * be changed with what went in. On the way to another place the parsed value becomes its wire form and a value again.
 */
import type { ZodType } from 'zod';
import { checkBounds } from './bounded.ts';
import type { Codec } from './codec.ts';
import { compileCodec } from './compile-codec.ts';
import { describeSchema } from './describe-schema.ts';
import { apart, InvalidValue } from './errors.ts';
import { unknownCodec } from './leaf-codecs.ts';
import { MessageRow, type RowOwner, type WireForm } from './message-row.ts';
import { Parcel } from './parcel.ts';
import type { RefOwner, RefReceiver } from './ref-rules.ts';
import { type StandardSchemaLike, standardParser } from './standard-schema.ts';
import { isZodNode } from './zod-node.ts';
import { asFinding, zodParser } from './zod-parser.ts';

export interface MessageType extends WireForm {
  /** True when wire form and parsed value are the same thing: JSON-like data, with no undefined and nothing frozen. */
  readonly plain: boolean;
  /** Its form between places that have the very same schema. */
  readonly row: MessageRow;
  /** Its form with all names, for places that may not: one value, in this wire form. */
  readonly named: MessageRow;
  /** Protocols of the refs in it that `refOf` named. */
  readonly protocols: ReadonlySet<object>;
  /** True when the schema names refs, of whatever protocols. */
  readonly holdsRefs: boolean;
  /**
   * Validates and copies: the result shares nothing mutable with `value`, and the refs in it belong to `owner`. Bytes that
   * were given away are the receiver's afterwards, unless it `defers`.
   * @param defers True for who sees to such bytes itself, see `parcel.ts`.
   * @throws InvalidValue, and `apart` where it defers
   */
  take(value: unknown, owner: RefOwner, defers?: boolean): unknown;
  /**
   * Validates. The result may share leaves with `value`: it is about to be encoded, or came off the wire.
   * @throws InvalidValue
   */
  parse(value: unknown): unknown;
  /**
   * Copies an already parsed value, and rebinds its refs to `owner`; gives back `parsed` itself where there is nothing
   * that `take` would have to copy after zod. What was given away: as `take`.
   * @throws InvalidValue where an unknown part of it cannot be sent, and `apart` where it defers
   */
  rebind(parsed: unknown, owner: RefOwner, defers?: boolean): unknown;
  /** The schema's shape as canonical text: equal shapes, equal text. Predicates are left out. */
  describe(): string;
}

/**
 * Compiles a schema.
 *
 * @param where Whose schema it is, for error texts, such as `counter.inc input`.
 * @throws UsageError where the schema cannot be that of a message, with the path in it.
 */
export function compileMessageType(schema: StandardSchemaLike | ZodType, where: string): MessageType {
  if (isZodNode(schema)) {
    const { codec, recursive, protocols, holdsRefs } = compileCodec(schema, where);
    const bounds = recursive ? checkBounds : undefined;
    return new CompiledMessageType(
      where,
      codec,
      protocols,
      holdsRefs,
      () => zodParser(schema),
      bounds,
      () => describeSchema(schema),
    );
  }
  const parser = standardParser(schema, where);
  const { vendor } = schema['~standard'];
  return new CompiledMessageType(
    where,
    unknownCodec,
    new Set(),
    false,
    () => parser,
    undefined,
    () => `standard:${vendor}`,
  );
}

type Parser = (value: unknown) => unknown;

class CompiledMessageType implements MessageType, RowOwner {
  readonly plain: boolean;
  readonly protocols: ReadonlySet<object>;
  readonly holdsRefs: boolean;
  readonly #where: string;
  readonly #codec: Codec;
  readonly #makeParser: () => Parser;
  readonly #checkBounds: ((parsed: unknown) => void) | undefined;
  readonly #describe: () => string;
  /** True where what zod gives back is the receiver's own already. */
  readonly #isTaken: boolean;
  #parser: Parser | undefined;
  #row: MessageRow | undefined;
  #named: MessageRow | undefined;

  constructor(
    where: string,
    codec: Codec,
    protocols: ReadonlySet<object>,
    holdsRefs: boolean,
    makeParser: () => Parser,
    bounds: ((parsed: unknown) => void) | undefined,
    describe: () => string,
  ) {
    this.plain = codec.plain;
    this.protocols = protocols;
    this.holdsRefs = holdsRefs;
    this.#where = where;
    this.#codec = codec;
    this.#makeParser = makeParser;
    this.#checkBounds = bounds;
    this.#describe = describe;
    this.#isTaken = codec.copy === undefined && bounds === undefined;
    this.#parser = undefined;
    this.#row = undefined;
    this.#named = undefined;
  }

  get row(): MessageRow {
    this.#row ??= new MessageRow(this.#codec, this);
    return this.#row;
  }

  get named(): MessageRow {
    this.#named ??= new MessageRow({ ...this.#codec, short: undefined }, this);
    return this.#named;
  }

  take(value: unknown, owner: RefOwner, defers = false): unknown {
    this.#parser ??= this.#makeParser();
    try {
      const parsed = this.#parser(value);
      return this.#isTaken ? parsed : this.#copied(parsed, owner);
    } catch (thrown) {
      if (thrown === apart) return this.#apart(defers, owner, false, (parcel) => this.take(value, parcel));
      throw this.invalid(thrown);
    }
  }

  #copied(parsed: unknown, owner: RefOwner): unknown {
    this.#checkBounds?.(parsed);
    const { copy } = this.#codec;
    return copy === undefined ? parsed : copy(parsed, owner, true);
  }

  parse(value: unknown): unknown {
    this.#parser ??= this.#makeParser();
    try {
      const parsed = this.#parser(value);
      this.#checkBounds?.(parsed);
      return parsed;
    } catch (thrown) {
      throw this.invalid(thrown);
    }
  }

  rebind(parsed: unknown, owner: RefOwner, defers = false): unknown {
    const { copy } = this.#codec;
    if (copy === undefined) return parsed;
    try {
      return copy(parsed, owner, false);
    } catch (thrown) {
      if (thrown === apart) return this.#apart(defers, owner, false, (parcel) => this.rebind(parsed, parcel));
      throw this.invalid(thrown);
    }
  }

  toWire(parsed: unknown, defers = false): unknown {
    const { toWire } = this.#codec;
    if (toWire === undefined) return parsed;
    try {
      return toWire(parsed);
    } catch (thrown) {
      if (thrown === apart) {
        return this.#apart(defers, undefined, true, (parcel) => this.toWire(this.rebind(parsed, parcel)));
      }
      throw this.invalid(thrown);
    }
  }

  /** Bytes in it go apart: for its caller to see to, or at once. */
  #apart(
    defers: boolean,
    owner: RefOwner | undefined,
    forWire: boolean,
    collect: (parcel: Parcel) => unknown,
  ): unknown {
    if (defers) throw apart;
    return Parcel.of({ owner, forWire, keeps: false, counters: undefined }, collect).deliver();
  }

  fromWire(wire: unknown, receiver: RefReceiver): unknown {
    const { fromWire } = this.#codec;
    return fromWire === undefined ? wire : fromWire(wire, receiver);
  }

  describe(): string {
    return this.#describe();
  }

  invalid(thrown: unknown): InvalidValue {
    const { reason, path } = asFinding(thrown);
    return new InvalidValue(reason, path, this.#where);
  }
}
