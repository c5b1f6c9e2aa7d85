/** The codec of objects: a step for each key that needs one, so that an object of plain data has none. */
import type { Codec, Copy, FromWire, ToWire } from './codec.ts';
import { within } from './errors.ts';
import { objectForm } from './object-row.ts';
import { isPlainObject } from './plain-object.ts';

export interface Property {
  readonly key: string;
  readonly codec: Codec;
  /** Absent and undefined are the same to the schema, so an undefined is not sent. */
  readonly optional: boolean;
  readonly admitsUndefined: boolean;
  readonly admitsNull: boolean;
  /** Its only value, where it has but one. */
  readonly constant: { readonly value: unknown } | undefined;
}

type Fields = Record<string, unknown>;
interface Step<Run> {
  readonly key: string;
  readonly run: Run;
}

/**
 * @param rest The codec of keys that the shape does not name, where the schema keeps such keys.
 * @param closed True where there are never any.
 */
export function objectCodec(properties: readonly Property[], rest: Codec | undefined, closed: boolean): Codec {
  const named: ReadonlySet<string> = new Set(properties.map(({ key }) => key));
  const copies = steps(properties, ({ codec }) => codec.copy);
  const encoders = steps(properties, ({ codec, optional }) => (optional ? (codec.toWire ?? same) : codec.toWire));
  const optional = new Set(properties.filter((property) => property.optional).map(({ key }) => key));
  const decoders = steps(properties, ({ codec }) => codec.fromWire);
  const toWire = encodeFields(encoders, optional, named, rest?.toWire);
  return {
    plain: properties.every(({ codec }) => codec.plain) && (rest?.plain ?? true),
    copy: copyFields(copies, named, rest?.copy),
    toWire,
    fromWire: decodeFields(decoders, named, rest?.fromWire),
    short: closed ? objectForm(properties, toWire) : undefined,
  };
}

function steps<Run>(properties: readonly Property[], runOf: (property: Property) => Run | undefined): Step<Run>[] {
  return properties.flatMap((property) => {
    const run = runOf(property);
    return run === undefined ? [] : [{ key: property.key, run }];
  });
}

function copyFields(
  copies: readonly Step<Copy>[],
  named: ReadonlySet<string>,
  rest: Copy | undefined,
): Copy | undefined {
  if (copies.length === 0 && rest === undefined) return undefined;
  return (value, owner, fresh) => {
    const result = (fresh ? value : { ...(value as Fields) }) as Fields;
    let at = '';
    try {
      for (const { key, run } of copies) {
        const field = result[key];
        if (field === undefined) continue;
        at = key;
        result[key] = run(field, owner, fresh);
      }
      if (rest === undefined) return result;
      for (const key of Object.keys(result)) {
        at = key;
        if (!named.has(key)) result[key] = rest(result[key], owner, fresh);
      }
    } catch (thrown) {
      throw within(thrown, at);
    }
    return result;
  };
}

function encodeFields(
  encoders: readonly Step<ToWire>[],
  optional: ReadonlySet<string>,
  named: ReadonlySet<string>,
  rest: ToWire | undefined,
): ToWire | undefined {
  if (encoders.length === 0 && rest === undefined) return undefined;
  return (value) => {
    const fields = value as Fields;
    let wire = fields;
    let at = '';
    try {
      for (const { key, run } of encoders) {
        at = key;
        const field = fields[key];
        if (field === undefined) {
          if (!optional.has(key) || !Object.hasOwn(fields, key)) continue;
          if (wire === fields) wire = { ...fields };
          delete wire[key];
        } else {
          const made = run(field);
          if (made === field) continue;
          if (wire === fields) wire = { ...fields };
          wire[key] = made;
        }
      }
      if (rest === undefined) return wire;
      for (const key of Object.keys(fields)) {
        at = key;
        const made = named.has(key) ? fields[key] : rest(fields[key]);
        if (named.has(key) || made === fields[key]) continue;
        if (wire === fields) wire = { ...fields };
        wire[key] = made;
      }
    } catch (thrown) {
      throw within(thrown, at);
    }
    return wire;
  };
}

function decodeFields(
  decoders: readonly Step<FromWire>[],
  named: ReadonlySet<string>,
  rest: FromWire | undefined,
): FromWire | undefined {
  if (decoders.length === 0 && rest === undefined) return undefined;
  return (wire, receiver) => {
    if (!isPlainObject(wire)) return wire;
    let value = wire;
    for (const { key, run } of decoders) {
      const field = wire[key];
      if (field === undefined) continue;
      const made = run(field, receiver);
      if (made === field) continue;
      if (value === wire) value = { ...wire };
      value[key] = made;
    }
    if (rest === undefined) return value;
    for (const key of Object.keys(wire)) {
      const made = named.has(key) ? wire[key] : rest(wire[key], receiver);
      if (made === wire[key]) continue;
      if (value === wire) value = { ...wire };
      value[key] = made;
    }
    return value;
  };
}

function same(value: unknown): unknown {
  return value;
}
