/**
 * The shape of a schema as plain data: what a lock file keeps of it, to be read by people and compared later.
 *
 * It holds what `describe-schema.ts` puts into a fingerprint: types, formats, bounds and patterns, but no predicates and
 * no values of defaults, since these may be code.
 */
import { checkTexts } from '../schema/describe-schema.ts';
import { leafOf } from '../schema/leaf-schema.ts';
import { isZodNode, lazyInner, type ZodNode } from '../schema/zod-node.ts';

/** One of zod's wrappers around another shape. */
export type Wrapper = 'optional' | 'nullable' | 'nonoptional' | 'default' | 'prefault' | 'catch';

/** What may stand in a message at one place. A text alone is a type that has no parts. */
export type Shape =
  | string
  | ((
      | { readonly type: string }
      | { readonly object: Readonly<Record<string, Shape>>; readonly rest?: Shape }
      | { readonly array: Shape }
      | { readonly tuple: readonly Shape[]; readonly rest?: Shape }
      | { readonly record: readonly [key: Shape, value: Shape] }
      | { readonly map: readonly [key: Shape, value: Shape] }
      | { readonly set: Shape }
      | { readonly union: readonly Shape[]; readonly by?: string }
      | { readonly all: readonly [Shape, Shape] }
      /** Values, as JSON. */
      | { readonly one: readonly string[] }
      | { readonly [W in Wrapper]?: Shape }
      /** The shape so many levels further out: a type that holds itself. */
      | { readonly up: number }
    ) & { readonly checks?: readonly string[] });

/** @param schema zod's, or that of any other Standard Schema library, of which nothing can be told. */
export function shapeOf(schema: unknown): Shape {
  if (isZodNode(schema)) return shape(schema, []);
  const vendor = (schema as { readonly '~standard'?: { readonly vendor?: unknown } } | undefined)?.['~standard']
    ?.vendor;
  return `foreign ${String(vendor)}`;
}

function shape(schema: ZodNode, open: readonly ZodNode[]): Shape {
  const { def } = schema._zod;
  if (def.type === 'lazy') return shape(lazyInner(schema), open);
  // It says how the value is held, not what it is.
  if (def.type === 'readonly') return shape(def.innerType, open);
  const outer = open.lastIndexOf(schema);
  if (outer !== -1) return { up: open.length - outer };
  const around = [...open, schema];
  const own = leafOf(schema)?.description ?? withoutChecks(schema, (inner) => shape(inner, around));
  const checks = checkTexts(schema);
  if (checks.length === 0) return own;
  return typeof own === 'string' ? { type: own, checks } : { ...own, checks };
}

function withoutChecks(schema: ZodNode, inner: (schema: ZodNode) => Shape): Shape {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object': {
      const fields = Object.keys(def.shape).sort();
      return {
        object: Object.fromEntries(fields.map((name) => [name, inner(def.shape[name]!)])),
        ...(def.catchall === undefined ? {} : { rest: inner(def.catchall) }),
      };
    }
    case 'array':
      return { array: inner(def.element) };
    case 'tuple':
      return { tuple: def.items.map(inner), ...(def.rest ? { rest: inner(def.rest) } : {}) };
    case 'record':
      return { record: [inner(def.keyType), inner(def.valueType)] };
    case 'map':
      return { map: [inner(def.keyType), inner(def.valueType)] };
    case 'set':
      return { set: inner(def.valueType) };
    case 'union':
      return {
        union: def.options.map(inner),
        ...(def.discriminator === undefined ? {} : { by: def.discriminator }),
      };
    case 'intersection':
      return { all: [inner(def.left), inner(def.right)] };
    case 'enum':
      return { one: values(Object.values(def.entries)) };
    case 'literal':
      return { one: values(def.values) };
    case 'template_literal':
      return `template ${def.parts.map((part) => (isZodNode(part) ? JSON.stringify(inner(part)) : String(part))).join('')}`;
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'default':
    case 'prefault':
    case 'catch':
      return { [def.type]: inner(def.innerType) };
    default:
      return `${def.coerce === true ? 'coerced ' : ''}${def.type}${def.format === undefined ? '' : `:${def.format}`}`;
  }
}

function values(of: readonly unknown[]): readonly string[] {
  return [
    ...new Set(of.map((value) => (typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? 'undefined')))),
  ].sort();
}
