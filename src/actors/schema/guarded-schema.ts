/**
 * Rebuilds a user's schema so that zod's own parse keeps our rules, at the cost of nothing but a look at prototypes.
 *
 * - Objects take plain objects only: zod alone takes a Map, or any class instance, for `{}`.
 * - Values of `default` and `catch` pass the schema too: they come out fresh, and parsing twice equals parsing once.
 * - `readonly` is left out here and done after the copy: zod would freeze the sender's own Date or `unknown`.
 * - Refinements that turn out async are typed errors.
 *
 * The user's schema is not touched. Rebuilding reads every getter of a recursive shape once.
 */
import * as z from 'zod';
import { synchronous, synchronousCheck } from './checked-predicates.ts';
import { isPlainObject } from './plain-object.ts';
import { lazyInner, type ZodNode } from './zod-node.ts';

export function guardSchema(schema: ZodNode): ZodNode {
  return new Guard().guard(schema);
}

class Guard {
  readonly #guarded = new Map<ZodNode, ZodNode>();
  /** Options of a discriminated union: it must see their shapes, so the union is guarded in their place. */
  readonly #bare = new Map<ZodNode, ZodNode>();

  guard(schema: ZodNode): ZodNode {
    const known = this.#guarded.get(schema);
    if (known !== undefined) return known;
    if (schema._zod.def.type === 'object') return this.#object(schema, true);
    if (schema._zod.def.discriminator !== undefined) {
      return this.#keep(schema, plainOnly(this.#rebuilt(schema, { options: this.#bareOptions(schema) })));
    }
    return this.#keep(
      schema,
      this.#other(schema, (inner) => this.guard(inner)),
    );
  }

  #bareOptions(schema: ZodNode): ZodNode[] {
    return schema._zod.def.options.map((option) => this.#bareOption(option));
  }

  #bareOption(schema: ZodNode): ZodNode {
    const known = this.#bare.get(schema);
    if (known !== undefined) return known;
    const { def } = schema._zod;
    if (def.type === 'object') return this.#object(schema, false);
    const made =
      def.discriminator === undefined
        ? this.#other(schema, (inner) => this.#bareOption(inner))
        : this.#rebuilt(schema, { options: this.#bareOptions(schema) });
    this.#bare.set(schema, made);
    return made;
  }

  #keep(schema: ZodNode, made: ZodNode): ZodNode {
    this.#guarded.set(schema, made);
    return made;
  }

  /** A recursive shape refers to this very object again, so it is known before its shape is read. */
  #object(schema: ZodNode, guarded: boolean): ZodNode {
    const { def } = schema._zod;
    const shape: Record<string, ZodNode> = {};
    for (const key of Object.keys(def.shape)) {
      Object.defineProperty(shape, key, { enumerable: true, get: () => this.guard(def.shape[key]!) });
    }
    const catchall = def.catchall === undefined ? {} : { catchall: this.guard(def.catchall) };
    const made = this.#rebuilt(schema, { shape, ...catchall });
    const result = guarded ? plainOnly(made) : made;
    (guarded ? this.#guarded : this.#bare).set(schema, result);
    void made._zod.def.shape;
    return result;
  }

  /** @param wrapped What to make of the schema that a wrapper such as `optional` holds. */
  #other(schema: ZodNode, wrapped: (inner: ZodNode) => ZodNode): ZodNode {
    const { def } = schema._zod;
    switch (def.type) {
      case 'array':
        return this.#rebuilt(schema, { element: this.guard(def.element) });
      case 'tuple':
        return this.#rebuilt(schema, {
          items: def.items.map((item) => this.guard(item)),
          rest: def.rest ? this.guard(def.rest) : null,
        });
      case 'record':
        return this.#rebuilt(schema, { valueType: this.guard(def.valueType) });
      case 'map':
        return this.#rebuilt(schema, { keyType: this.guard(def.keyType), valueType: this.guard(def.valueType) });
      case 'set':
        return this.#rebuilt(schema, { valueType: this.guard(def.valueType) });
      case 'union':
        return this.#rebuilt(schema, { options: def.options.map((option) => this.guard(option)) });
      case 'intersection':
        return this.#rebuilt(schema, { left: this.guard(def.left), right: this.guard(def.right) });
      case 'optional':
      case 'nullable':
      case 'nonoptional':
      case 'prefault':
        return this.#rebuilt(schema, { innerType: wrapped(def.innerType) });
      case 'default':
        return z.prefault(wrapped(def.innerType) as never, (() => def.defaultValue) as never) as unknown as ZodNode;
      case 'catch': {
        const inner = wrapped(def.innerType);
        return z.pipe(this.#rebuilt(schema, { innerType: inner }) as never, inner as never) as unknown as ZodNode;
      }
      case 'readonly':
        return wrapped(def.innerType);
      case 'lazy':
        return this.#rebuilt(schema, { getter: () => wrapped(lazyInner(schema)), _cachedInner: undefined });
      default:
        return this.#rebuilt(schema, def.fn === undefined ? {} : { fn: synchronous(def.fn) });
    }
  }

  #rebuilt(schema: ZodNode, parts: object): ZodNode {
    const { def, constr } = schema._zod;
    const checks = def.checks?.map(synchronousCheck);
    if (checks === undefined && Object.keys(parts).length === 0) return schema;
    // Not a spread: that would call the functions of defaults now, once for all messages.
    const changed = { ...parts, ...(checks === undefined ? {} : { checks }) };
    const descriptors = { ...Object.getOwnPropertyDescriptors(def), ...Object.getOwnPropertyDescriptors(changed) };
    return new constr(Object.defineProperties({}, descriptors));
  }
}

function plainOnly(schema: ZodNode): ZodNode {
  const plain = z.custom(isPlainObject, { error: 'Invalid input: expected a plain object' });
  return z.pipe(plain, schema as never) as unknown as ZodNode;
}
