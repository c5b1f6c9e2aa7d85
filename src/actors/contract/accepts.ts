/**
 * Whether code that reads messages of one shape takes every message that was written in another.
 *
 * It errs on the side of a problem: what cannot be shown to be taken is said not to be. Predicates are no part of a shape,
 * so a refinement that was added goes unseen.
 */
import type { Shape, Wrapper } from './shape.ts';

/** A place in a message where a reader may refuse what a writer sends. */
export interface Misfit {
  /** Field names from the outside in; empty for the message itself. */
  readonly path: readonly string[];
  readonly what: string;
}

/** What of the messages of shape `writer` a reader of shape `reader` may refuse. */
export function misfits(reader: Shape, writer: Shape): readonly Misfit[] {
  return new Comparison().compare({ shape: reader, around: undefined }, { shape: writer, around: undefined }, []);
}

/** A shape with those around it, which `up` leads back to. */
interface Placed {
  readonly shape: Shape;
  readonly around: Placed | undefined;
}

type Parts = Exclude<Shape, string>;

/** What may stand at one place, without wrappers and unions around it. */
interface Alternatives {
  mayBeAbsent: boolean;
  mayBeNull: boolean;
  /** Anything at all is taken. */
  isOpen: boolean;
  readonly values: Placed[];
  /** Checks of what stood around. */
  readonly checks: string[];
}

const wrappers: readonly Wrapper[] = ['optional', 'nullable', 'nonoptional', 'default', 'prefault', 'catch'];
/** Unions within unions that are looked into. */
const depthMax = 64;
const open: ReadonlySet<string> = new Set(['any', 'unknown']);

class Comparison {
  /** Pairs that are being compared further out: a type that holds itself fits if nothing else speaks against it. */
  readonly #assumed = new Map<Shape, Set<Shape>>();

  compare(reader: Placed, writer: Placed, path: readonly string[]): readonly Misfit[] {
    const [given, taken] = [alternativesOf(writer, 'writer'), alternativesOf(reader, 'reader')];
    const found: Misfit[] = [];
    if (given.mayBeAbsent && !taken.mayBeAbsent) found.push({ path, what: 'may be absent, and must be there' });
    if (taken.isOpen) return found;
    if (given.mayBeNull && !taken.mayBeNull) found.push({ path, what: 'may be null, which is not taken' });
    for (const check of missing(taken.checks, given.checks)) found.push({ path, what: `is checked: ${check}` });
    for (const value of given.values) {
      if (taken.mayBeAbsent && (value.shape === 'undefined' || value.shape === 'void')) continue;
      found.push(...this.#value(taken.values, value, path));
    }
    return found;
  }

  #value(readers: readonly Placed[], writer: Placed, path: readonly string[]): readonly Misfit[] {
    const [first, ...more] = readers;
    if (first === undefined) return [{ path, what: `${name(parts(writer))} where no value is taken` }];
    if (more.length === 0) return this.#values(first, writer, path);
    // What one of them assumes of types that hold themselves is nothing to the others.
    const fits = readers.some((reader) => new Comparison().#values(reader, writer, path).length === 0);
    return fits ? [] : [{ path, what: `${name(parts(writer))} is none of the ${readers.length} options` }];
  }

  #values(reader: Placed, writer: Placed, path: readonly string[]): readonly Misfit[] {
    const known = this.#assumed.get(reader.shape);
    if (known?.has(writer.shape)) return [];
    if (typeof reader.shape !== 'string' && typeof writer.shape !== 'string') {
      this.#assumed.set(reader.shape, new Set([...(known ?? []), writer.shape]));
    }
    const unmet = missing(checksOf(reader.shape), checksOf(writer.shape));
    return [...this.#kinds(reader, writer, path), ...unmet.map((check) => ({ path, what: `is checked: ${check}` }))];
  }

  #kinds(reader: Placed, writer: Placed, path: readonly string[]): readonly Misfit[] {
    const [r, w] = [parts(reader), parts(writer)];
    if ('all' in r) return r.all.flatMap((part) => this.compare(below(reader, part), writer, path));
    if ('object' in r && 'object' in w) return this.#objects(reader, r, writer, w, path);
    if ('array' in r && 'array' in w) return this.#part(reader, r.array, writer, w.array, [...path, '*']);
    if ('set' in r && 'set' in w) return this.#part(reader, r.set, writer, w.set, [...path, '*']);
    if ('record' in r && 'record' in w) return this.#pairs(reader, r.record, writer, w.record, path);
    if ('map' in r && 'map' in w) return this.#pairs(reader, r.map, writer, w.map, path);
    if ('tuple' in r && 'tuple' in w) return this.#tuples(reader, r, writer, w, path);
    if ('one' in w) return literals(r, w.one, path);
    if ('type' in r && 'type' in w && isWider(r.type, w.type)) return [];
    if (JSON.stringify({ ...r, checks: [] }) === JSON.stringify({ ...w, checks: [] })) return [];
    return [{ path, what: `${name(w)} where ${name(r)} is taken` }];
  }

  #part(reader: Placed, r: Shape, writer: Placed, w: Shape, path: readonly string[]): readonly Misfit[] {
    return this.compare(below(reader, r), below(writer, w), path);
  }

  #objects(
    reader: Placed,
    r: Extract<Parts, { object: unknown }>,
    writer: Placed,
    w: Extract<Parts, { object: unknown }>,
    path: readonly string[],
  ): readonly Misfit[] {
    const found: Misfit[] = [];
    for (const [field, taken] of Object.entries(r.object)) {
      const given = Object.hasOwn(w.object, field) ? w.object[field] : w.rest;
      const at = [...path, field];
      if (given !== undefined && given !== 'never') found.push(...this.#part(reader, taken, writer, given, at));
      else if (!mayBeAbsent(below(reader, taken))) {
        found.push({ path: at, what: 'is not sent, and must be there' });
      }
    }
    for (const [field, given] of Object.entries(w.object)) {
      if (Object.hasOwn(r.object, field) || r.rest === undefined) continue;
      // Without a rest, what is not known is left out. With one it is looked at.
      if (r.rest === 'never')
        found.push({ path: [...path, field], what: 'is not known there, and nothing else is taken' });
      else found.push(...this.#part(reader, r.rest, writer, given, [...path, field]));
    }
    return found;
  }

  #pairs(
    reader: Placed,
    [rKey, rValue]: readonly [Shape, Shape],
    writer: Placed,
    [wKey, wValue]: readonly [Shape, Shape],
    path: readonly string[],
  ): readonly Misfit[] {
    return [
      ...this.#part(reader, rKey, writer, wKey, [...path, 'key']),
      ...this.#part(reader, rValue, writer, wValue, [...path, '*']),
    ];
  }

  #tuples(
    reader: Placed,
    r: Extract<Parts, { tuple: unknown }>,
    writer: Placed,
    w: Extract<Parts, { tuple: unknown }>,
    path: readonly string[],
  ): readonly Misfit[] {
    const longest = Math.max(r.tuple.length, w.tuple.length);
    const found: Misfit[] = [];
    for (let index = 0; index < longest; index += 1) {
      const [taken, given] = [r.tuple[index] ?? r.rest, w.tuple[index] ?? w.rest];
      const at = [...path, String(index)];
      if (taken === undefined) found.push({ path: at, what: 'is one element more than is taken' });
      else if (given !== undefined) found.push(...this.#part(reader, taken, writer, given, at));
      else if (!mayBeAbsent(below(reader, taken))) found.push({ path: at, what: 'is not sent' });
    }
    if (w.rest !== undefined && r.rest === undefined)
      found.push({ path, what: 'may have more elements than are taken' });
    if (w.rest !== undefined && r.rest !== undefined)
      found.push(...this.#part(reader, r.rest, writer, w.rest, [...path, '*']));
    return found;
  }
}

function below(around: Placed, shape: Shape): Placed {
  return { shape, around };
}

/** The shape that `up` stands for. */
function resolve(placed: Placed): Placed {
  const { shape } = placed;
  if (typeof shape === 'string' || !('up' in shape)) return placed;
  let at: Placed | undefined = placed;
  for (let left = shape.up; left > 0; left -= 1) at = at?.around;
  return at === undefined ? placed : resolve(at);
}

function alternativesOf(placed: Placed, side: 'reader' | 'writer'): Alternatives {
  const found: Alternatives = { mayBeAbsent: false, mayBeNull: false, isOpen: false, values: [], checks: [] };
  gather(placed, side, false, found, 0);
  return found;
}

/** @param isFilled whether something further out puts a value where there is none. */
function gather(
  placed: Placed,
  side: 'reader' | 'writer',
  isFilled: boolean,
  found: Alternatives,
  depth: number,
): void {
  const at = resolve(placed);
  const { shape } = at;
  // A union that holds itself and nothing between has no further alternatives.
  if (depth > depthMax) return;
  const inside = (inner: Shape, filled = isFilled): void => gather(below(at, inner), side, filled, found, depth + 1);
  if (typeof shape === 'string') {
    if (shape === 'null') found.mayBeNull = true;
    else if (open.has(shape) && side === 'reader') found.isOpen = true;
    else found.values.push(at);
    return;
  }
  const wrapper = wrappers.find((one) => one in shape);
  if (wrapper === undefined && !('union' in shape)) {
    found.values.push(at);
    return;
  }
  found.checks.push(...checksOf(shape));
  if ('union' in shape) {
    for (const option of shape.union) inside(option);
    return;
  }
  if (wrapper === 'nullable') found.mayBeNull = true;
  else if (wrapper === 'optional') found.mayBeAbsent ||= !isFilled;
  else if (wrapper !== 'nonoptional' && side === 'reader') found.mayBeAbsent ||= !isFilled;
  if (wrapper === 'catch' && side === 'reader') found.isOpen = found.mayBeAbsent = true;
  // What a writer sends has gone through its schema; a default may still be what its inner schema may be: nothing.
  inside((shape as { readonly [W in Wrapper]?: Shape })[wrapper!]!, isFilled || wrapper === 'nonoptional');
}

/** A field of any type must be there all the same: so zod has it. */
function mayBeAbsent(placed: Placed): boolean {
  return alternativesOf(placed, 'reader').mayBeAbsent;
}

function parts({ shape }: Placed): Parts {
  return typeof shape === 'string' ? { type: shape } : shape;
}

/** `string` takes `string:email`, and not the reverse. */
function isWider(reader: string, writer: string): boolean {
  return reader === writer || writer.startsWith(`${reader}:`) || reader === `coerced ${writer.split(':')[0]}`;
}

function literals(reader: Parts, values: readonly string[], path: readonly string[]): readonly Misfit[] {
  const refused = values.filter((value) => !takesLiteral(reader, value));
  if (refused.length === 0) return [];
  return [{ path, what: `may be ${refused.join(' or ')}, which is not taken` }];
}

function takesLiteral(reader: Parts, value: string): boolean {
  if ('one' in reader) return reader.one.includes(value);
  if (!('type' in reader)) return false;
  if (value.startsWith('"')) return reader.type === 'string';
  if (value === 'true' || value === 'false') return reader.type === 'boolean';
  return /^-?\d/.test(value) && !value.endsWith('n') && reader.type === 'number';
}

/** What the reader asks and the writer does not promise. */
function missing(asked: readonly string[], promised: readonly string[]): readonly string[] {
  return asked.filter((check) => !promised.some((other) => other === check || isTighter(other, check)));
}

function checksOf(shape: Shape): readonly string[] {
  return typeof shape === 'string' ? [] : (shape.checks ?? []);
}

const lower: ReadonlySet<string> = new Set(['greater_than', 'min_length', 'min_size']);
const upper: ReadonlySet<string> = new Set(['less_than', 'max_length', 'max_size']);

/** True where what fulfils `check` fulfils the bound `than` as well. */
function isTighter(check: string, than: string): boolean {
  const [one, other] = [boundOf(check), boundOf(than)];
  if (one === undefined || other === undefined || one.kind !== other.kind) return false;
  if (one.value === other.value) return other.isInclusive || !one.isInclusive;
  return lower.has(one.kind) ? one.value > other.value : one.value < other.value;
}

function boundOf(check: string): { kind: string; value: number; isInclusive: boolean } | undefined {
  const [, kind = '', fields = ''] = /^(\w+)\((.*)\)$/.exec(check) ?? [];
  if (!lower.has(kind) && !upper.has(kind)) return undefined;
  const byName = new Map(fields.split(',').map((field) => field.split('=') as [string, string]));
  const value = Number(byName.get('value') ?? byName.get('minimum') ?? byName.get('maximum'));
  return Number.isFinite(value) ? { kind, value, isInclusive: byName.get('inclusive') !== 'false' } : undefined;
}

function name(shape: Parts): string {
  if ('type' in shape) return shape.type;
  if ('one' in shape) return shape.one.join('|');
  const [kind = 'something'] = Object.keys(shape).filter((key) => key !== 'checks' && key !== 'rest' && key !== 'by');
  return kind;
}
