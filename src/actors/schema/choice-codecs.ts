/** The codecs of schemas that stand before another one, or choose between several. */
import { type Codec, type FromWire, plainCodec, type ShortForm, type ToWire, type ValueRow } from './codec.ts';
import { unknownCodec } from './leaf-codecs.ts';
import { isRow } from './object-row.ts';
import { freezeContainer, isPlainObject } from './plain-object.ts';

/** `optional`, `nullable` and the like: `empty` passes as it is, whatever the inner schema does. */
export function unlessCodec(empty: null | undefined, inner: Codec): Codec {
  const { copy, toWire, fromWire, short } = inner;
  return {
    plain: inner.plain && empty === null,
    copy: copy && ((value, owner, fresh) => (value === empty ? value : copy(value, owner, fresh))),
    toWire: toWire && ((value) => (value === empty ? value : toWire(value))),
    fromWire: fromWire && ((wire, receiver) => (wire === empty ? wire : fromWire(wire, receiver))),
    short: short && {
      toWire: (value) => (value === empty ? value : short.toWire(value)),
      fromWire: (wire, receiver) => (wire === empty ? wire : short.fromWire(wire, receiver)),
      row: undefined,
    },
  };
}

/** Frozen at the receiver, after the copy. What is not fresh and was not copied is not ours to freeze. */
export function readonlyCodec({ copy, toWire, fromWire, short }: Codec): Codec {
  return {
    plain: false,
    copy: (value, owner, fresh) => {
      // An object that the message holds twice may come out of zod as one, and be frozen already.
      const made = copy === undefined ? value : copy(value, owner, fresh && !Object.isFrozen(value));
      return fresh || made !== value ? freezeContainer(made) : made;
    },
    toWire,
    fromWire: (wire, receiver) => freezeContainer(fromWire === undefined ? wire : fromWire(wire, receiver)),
    short: short && {
      toWire: short.toWire,
      fromWire: (wire, receiver) => freezeContainer(short.fromWire(wire, receiver)),
      row: short.row && frozen(short.row),
    },
  };
}

function frozen(row: ValueRow): ValueRow {
  return {
    width: row.width,
    plain: row.plain,
    write: (value, into) => row.write(value, into),
    read: (from, at, receiver) => freezeContainer(row.read(from, at, receiver)),
  };
}

/**
 * A choice that zod made and does not tell. Where options need a step, the value is taken for what it shows itself to
 * be; the same goes for both sides of an intersection.
 */
export function untoldCodec(options: readonly Codec[]): Codec {
  if (options.every((option) => option.plain)) return plainCodec;
  const copies = options.some((option) => option.copy !== undefined);
  const wires = options.some((option) => option.toWire !== undefined || option.fromWire !== undefined);
  return {
    plain: false,
    copy: copies ? unknownCodec.copy : undefined,
    toWire: wires ? unknownCodec.toWire : undefined,
    fromWire: wires ? unknownCodec.fromWire : undefined,
  };
}

/** A choice that the value tells by what stands under `discriminator`, on the wire as well. */
export function discriminatedCodec(discriminator: string, options: ReadonlyMap<unknown, Codec>): Codec {
  const codecs = [...options.values()];
  const short = discriminatedForm(discriminator, options);
  if (codecs.every((codec) => codec.plain)) return { ...plainCodec, short };
  const chosen = (value: unknown): Codec | undefined => options.get((value as Record<string, unknown>)[discriminator]);
  const toWire: ToWire = (value) => {
    const step = chosen(value)?.toWire;
    return step === undefined ? value : step(value);
  };
  const fromWire: FromWire = (wire, receiver) => {
    const step = isPlainObject(wire) ? chosen(wire)?.fromWire : undefined;
    return step === undefined ? wire : step(wire, receiver);
  };
  return {
    plain: false,
    copy: codecs.every((codec) => codec.copy === undefined)
      ? undefined
      : (value, owner, fresh) => chosen(value)?.copy?.(value, owner, fresh) ?? value,
    toWire: codecs.every((codec) => codec.toWire === undefined) ? undefined : toWire,
    fromWire: codecs.every((codec) => codec.fromWire === undefined) ? undefined : fromWire,
    short,
  };
}

/** The number of the option, then its row; undefined where an option has none. */
function discriminatedForm(discriminator: string, options: ReadonlyMap<unknown, Codec>): ShortForm | undefined {
  const codecs = [...new Set(options.values())];
  const rows = codecs.flatMap(({ short }) => short?.row ?? []);
  if (rows.length < codecs.length) return undefined;
  const numbers = new Map([...options].map(([value, codec]) => [value, codecs.indexOf(codec)]));
  return {
    row: undefined,
    toWire: (value) => {
      const number = numbers.get((value as Record<string, unknown>)[discriminator])!;
      const values: unknown[] = [number];
      rows[number]!.write(value, values);
      return values;
    },
    fromWire: (wire, receiver) => {
      const row = Array.isArray(wire) && typeof wire[0] === 'number' ? rows[wire[0]] : undefined;
      return row !== undefined && isRow(wire, row.width + 1) ? row.read(wire, 1, receiver) : wire;
    },
  };
}
