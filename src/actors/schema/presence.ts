/** What a schema says of a value before there is one: whether it can be undefined or null, and whether it can be only one. */
import { leafOf } from './leaf-schema.ts';
import type { ZodNode } from './zod-node.ts';

/** True where what the schema lets through may be `empty`, as far as that can be told. */
export function admits(schema: ZodNode, empty: null | undefined): boolean {
  if (leafOf(schema) !== undefined) return false;
  const { def } = schema._zod;
  switch (def.type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'nan':
    case 'enum':
    case 'template_literal':
    case 'bigint':
    case 'date':
    case 'object':
    case 'array':
    case 'tuple':
    case 'record':
    case 'map':
    case 'set':
      return false;
    case 'null':
      return empty === null;
    case 'literal':
      return def.values.includes(empty);
    case 'union':
      return def.options.some((option) => admits(option, empty));
    case 'optional':
      return empty === undefined || admits(def.innerType, empty);
    case 'nonoptional':
      return empty === null && admits(def.innerType, empty);
    case 'nullable':
      return empty === null || admits(def.innerType, empty);
    case 'readonly':
    case 'default':
    case 'prefault':
    case 'catch':
      return admits(def.innerType, empty);
    default:
      return true;
  }
}

/** The only value of a schema, where it has one that is the same again when it is written into code. */
export function constantOf(schema: ZodNode): { readonly value: unknown } | undefined {
  const { def } = schema._zod;
  if (def.type !== 'literal' || def.values.length !== 1 || (def.checks?.length ?? 0) > 0) return undefined;
  const [value] = def.values;
  // Not 0, which −0 passes for.
  const isKept =
    value === null || ['string', 'boolean'].includes(typeof value) || (Number.isFinite(value) && value !== 0);
  return isKept ? { value } : undefined;
}
