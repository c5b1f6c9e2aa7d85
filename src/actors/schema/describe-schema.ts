/**
 * A canonical text of a schema's shape, for fingerprints: equal shapes give equal text on whatever machine.
 *
 * Bounds, formats and patterns are described; predicates and the values of defaults are not, since they may be code.
 */
import { leafOf } from './leaf-schema.ts';
import { lazyInner, type ZodCheck, type ZodNode } from './zod-node.ts';

export function describeSchema(schema: ZodNode): string {
  return describe(schema, []);
}

/** @param open The schemas around this one, from the outside in: one that is met again is named by how far out it is. */
function describe(schema: ZodNode, open: readonly ZodNode[]): string {
  if (schema._zod.def.type === 'lazy') return describe(lazyInner(schema), open);
  const outer = open.lastIndexOf(schema);
  if (outer !== -1) return `^${open.length - outer}`;
  const around = [...open, schema];
  const text = leafOf(schema)?.description ?? describeType(schema, (inner) => describe(inner, around));
  return text + describeChecks(schema);
}

function describeType(schema: ZodNode, inner: (schema: ZodNode) => string): string {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object': {
      const keys = Object.keys(def.shape).sort();
      const rest = def.catchall === undefined ? '' : `,*:${inner(def.catchall)}`;
      return `{${keys.map((key) => `${JSON.stringify(key)}:${inner(def.shape[key] as ZodNode)}`).join(',')}${rest}}`;
    }
    case 'array':
      return `[${inner(def.element)}]`;
    case 'tuple':
      return `(${def.items.map(inner).join(',')}${def.rest ? `,*:${inner(def.rest)}` : ''})`;
    case 'record':
      return `record${def.mode ?? ''}${def.partial ? '?' : ''}<${inner(def.keyType)},${inner(def.valueType)}>`;
    case 'map':
      return `map<${inner(def.keyType)},${inner(def.valueType)}>`;
    case 'set':
      return `set<${inner(def.valueType)}>`;
    case 'union':
      return `${def.discriminator === undefined ? '' : JSON.stringify(def.discriminator)}<${def.options.map(inner).join('|')}>`;
    case 'intersection':
      return `(${inner(def.left)}&${inner(def.right)})`;
    case 'enum':
      return `enum<${sorted(Object.values(def.entries))}>`;
    case 'literal':
      return `literal<${sorted(def.values)}>`;
    case 'template_literal':
      return `template<${def.parts.map((part) => (isNodeLike(part) ? inner(part) : JSON.stringify(`${part}`))).join(',')}>`;
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'default':
    case 'prefault':
    case 'catch':
    case 'readonly':
      return `${def.type}(${inner(def.innerType)})`;
    default:
      return `${def.coerce === true ? 'coerced ' : ''}${def.type}${def.format === undefined ? '' : `:${def.format}`}`;
  }
}

function isNodeLike(part: unknown): part is ZodNode {
  return typeof part === 'object' && part !== null && '_zod' in part;
}

function sorted(values: readonly unknown[]): string {
  return values
    .map((value) => `${typeof value} ${JSON.stringify(String(value))}`)
    .sort()
    .join(',');
}

function describeChecks(schema: ZodNode): string {
  const texts = checkTexts(schema);
  return texts.length === 0 ? '' : `!${texts.join('!')}`;
}

/** What its checks ask, but for those that are code; sorted. */
export function checkTexts(schema: ZodNode): readonly string[] {
  return (schema._zod.def.checks ?? [])
    .map(describeCheck)
    .filter((text) => text !== '')
    .sort();
}

/** The data of a check, its keys sorted; nothing for one that is only code or only says something about the schema. */
function describeCheck(check: ZodCheck): string {
  const { def } = check._zod;
  if (['custom', 'overwrite', 'describe', 'meta'].includes(def.check)) return '';
  const data = Object.entries(def)
    .filter(([key, value]) => key !== 'check' && key !== 'type' && key !== 'abort' && isData(value))
    .map(([key, value]) => `${key}=${value instanceof Date ? value.getTime() : String(value)}`);
  return `${def.check}(${data.sort().join(',')})`;
}

function isData(value: unknown): boolean {
  const type = typeof value;
  return (
    type === 'string' ||
    type === 'number' ||
    type === 'bigint' ||
    type === 'boolean' ||
    value instanceof RegExp ||
    value instanceof Date
  );
}
