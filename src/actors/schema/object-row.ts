/**
 * An object as a row: the values of its known keys in the order of their names, without the names, and without what can
 * only be one value.
 *
 * For places that have the very same schema. The rules: the layout follows from what `describe-schema.ts` tells, so equal
 * descriptions mean equal layouts; a key that is absent stays absent, `undefined` and null stay what they are; the
 * object that is read has its keys in the schema's order. Functions for both ways are generated at first use, as zod does
 * for its parse: they take a half of the time of loops (measured); where that is forbidden, loops do the same.
 */
import * as z from 'zod';
import { type FromWire, type ShortForm, shortest, type ToWire, type ValueRow } from './codec.ts';
import { apart } from './errors.ts';
import type { Property } from './object-codec.ts';
import type { RefReceiver } from './ref-rules.ts';

/** One key of the object, in the schema's order. */
export interface Field {
  readonly key: string;
  /** Its place in the row; undefined for a constant. */
  readonly at: number | undefined;
  /** What it always is, where it has no place in the row. */
  readonly constant: unknown;
  /** Absent and undefined are one: it is absent again when it is read. */
  readonly optional: boolean;
  /** What stands for it in the row where it is absent: null, which is a byte, where it is never null itself. */
  readonly absent: null | undefined;
  readonly toWire: ToWire | undefined;
  readonly fromWire: FromWire | undefined;
}

type Fields = Record<string, unknown>;
type Write = (value: Fields, into: unknown[]) => void;
type Read = (from: readonly unknown[], at: number, receiver: RefReceiver) => unknown;

/**
 * The short form of an object without other keys than these; undefined where a row could not say what is absent, or a key
 * means something to every object.
 *
 * @param named The ordinary way to the wire: it names the path of what cannot be sent.
 */
export function objectForm(properties: readonly Property[], named: ToWire | undefined): ShortForm | undefined {
  if (
    properties.some(({ key, optional, admitsUndefined }) => key in Object.prototype || (admitsUndefined && !optional))
  )
    return undefined;
  const places = properties
    .filter(({ constant }) => constant === undefined)
    .map(({ key }) => key)
    .sort();
  const fields = properties.map(({ key, codec, optional, admitsNull, constant }): Field => {
    const at = constant === undefined ? places.indexOf(key) : undefined;
    return { key, at, constant: constant?.value, optional, absent: admitsNull ? undefined : null, ...ways(codec) };
  });
  const row = new ObjectRow(fields, places.length, named);
  return {
    row,
    toWire: (value) => {
      const values: unknown[] = [];
      row.write(value, values);
      return values;
    },
    fromWire: (wire, receiver) => (isRow(wire, row.width) ? row.read(wire, 0, receiver) : wire),
  };
}

function ways(codec: Property['codec']): Pick<Field, 'toWire' | 'fromWire'> {
  const { toWire, fromWire } = shortest(codec);
  return { toWire, fromWire };
}

export function isRow(wire: unknown, width: number): wire is readonly unknown[] {
  return Array.isArray(wire) && wire.length === width;
}

export class ObjectRow implements ValueRow {
  readonly width: number;
  readonly plain: boolean;
  readonly #fields: readonly Field[];
  readonly #named: ToWire | undefined;
  #write: Write | undefined = undefined;
  #read: Read | undefined = undefined;

  constructor(fields: readonly Field[], width: number, named: ToWire | undefined) {
    this.width = width;
    this.plain = fields.every(({ fromWire }) => fromWire === undefined);
    this.#fields = fields;
    this.#named = named;
  }

  write(value: unknown, into: unknown[]): void {
    this.#write ??= generated(() => generatedWrite(this.#fields)) ?? loopingWrite(this.#fields, this.width);
    try {
      this.#write(value as Fields, into);
    } catch (thrown) {
      if (thrown === apart) throw apart;
      // Throws the same with the path of it.
      this.#named?.(value);
      throw thrown;
    }
  }

  read(from: readonly unknown[], at: number, receiver: RefReceiver): unknown {
    this.#read ??= generated(() => generatedRead(this.#fields)) ?? loopingRead(this.#fields);
    return this.#read(from, at, receiver);
  }
}

/** Undefined where code must not be made of text. */
function generated<F>(make: () => F): F | undefined {
  if (z.config().jitless === true) return undefined;
  try {
    return make();
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

function inRowOrder(fields: readonly Field[]): readonly Field[] {
  return fields.filter(({ at }) => at !== undefined).sort((a, b) => a.at! - b.at!);
}

// ── as loops ──

export function loopingWrite(fields: readonly Field[], width: number): Write {
  const ordered = inRowOrder(fields);
  return (value, into) => {
    const row: unknown[] = new Array(width);
    for (let at = 0; at < width; at += 1) {
      const { key, optional, absent, toWire } = ordered[at]!;
      const field = value[key];
      if (field === undefined && optional) row[at] = absent;
      else row[at] = toWire === undefined ? field : toWire(field);
    }
    for (let at = 0; at < width; at += 1) into.push(row[at]);
  };
}

export function loopingRead(fields: readonly Field[]): Read {
  return (from, start, receiver) => {
    const value: Fields = {};
    for (const { key, at, constant, optional, absent, fromWire } of fields) {
      if (at === undefined) {
        value[key] = constant;
        continue;
      }
      const field = from[start + at];
      if (optional && field === absent) continue;
      value[key] = fromWire === undefined ? field : fromWire(field, receiver);
    }
    return value;
  };
}

// ── as code: keys are quoted by JSON, and nothing else of a schema becomes text ──

export function generatedWrite(fields: readonly Field[]): Write {
  const ordered = inRowOrder(fields);
  const steps = ordered.map(({ toWire }) => toWire);
  const values = ordered.map(({ key, optional, absent, toWire }, index) => {
    const field = `value[${JSON.stringify(key)}]`;
    const made = toWire === undefined ? field : `steps[${index}](${field})`;
    return optional ? `${field} === undefined ? ${absent} : ${made}` : made;
  });
  const write = values.length === 0 ? '' : `into.push(${values.join(', ')});`;
  return new Function('steps', `"use strict"; return (value, into) => { ${write} };`)(steps) as Write;
}

export function generatedRead(fields: readonly Field[]): Read {
  const steps = fields.map(({ fromWire }) => fromWire);
  const constants = fields.map(({ constant }) => constant);
  const textOf = ({ at, fromWire }: Field, index: number): string => {
    if (at === undefined) return `constants[${index}]`;
    return fromWire === undefined ? `from[at + ${at}]` : `steps[${index}](from[at + ${at}], receiver)`;
  };
  // Up to the first key that may be absent it is one literal, which makes objects of one shape.
  const sure = fields.findIndex(({ optional }) => optional);
  const literal = sure === -1 ? fields : fields.slice(0, sure);
  const entries = literal.map((field, index) => `${JSON.stringify(field.key)}: ${textOf(field, index)}`);
  const rest = fields.slice(literal.length).map((field, index) => {
    const set = `value[${JSON.stringify(field.key)}] = ${textOf(field, literal.length + index)};`;
    return field.optional ? `if (from[at + ${field.at}] !== ${field.absent}) ${set}` : set;
  });
  const body = `const value = { ${entries.join(', ')} }; ${rest.join(' ')} return value;`;
  const text = `"use strict"; return (from, at, receiver) => { ${body} };`;
  return new Function('steps', 'constants', text)(steps, constants) as Read;
}
