/**
 * Walks a schema once, at definition: refuses what cannot be a message, and composes the codec of the rest.
 *
 * The rule for what is refused: a message is parsed at its sender, and again by a receiver that does not trust it, so
 * parsing twice must equal parsing once, and what comes out must be data.
 */
import { describeThrown, UsageError } from '../../base/errors.ts';
import { discriminatedCodec, readonlyCodec, unlessCodec, untoldCodec } from './choice-codecs.ts';
import { type Codec, plainCodec, undefinedCodec, voidCodec } from './codec.ts';
import { arrayCodec, listCodec, mapCodec, recordCodec, setCodec } from './container-codecs.ts';
import { bigintCodec, dateCodec, unknownCodec } from './leaf-codecs.ts';
import { leafOf } from './leaf-schema.ts';
import { isNormalization } from './normalizations.ts';
import { objectCodec } from './object-codec.ts';
import { admits, constantOf } from './presence.ts';
import { schemaLimits } from './schema-limits.ts';
import { lazyInner, type ZodNode } from './zod-node.ts';

export interface CompiledCodec {
  readonly codec: Codec;
  /** The schema contains itself, so that the depth of its values is bounded by nothing but us. */
  readonly recursive: boolean;
  /** Protocols of the refs in it, as far as it names more of them than their names. */
  readonly protocols: ReadonlySet<object>;
  /** It names refs, of whatever protocols. */
  readonly holdsRefs: boolean;
}

/** @throws UsageError naming `where` and the path in the schema of what cannot be in a message. */
export function compileCodec(schema: ZodNode, where: string): CompiledCodec {
  try {
    // Whether a recursive schema needs steps is known only after the walk: the first assumes that it does not.
    const assumed = new CodecCompiler(where, () => plainCodec);
    const codec = assumed.compile(schema, []);
    const { recursive, protocols, holdsRefs } = assumed;
    if (!recursive || codec.plain) return { codec, recursive, protocols, holdsRefs };
    return { codec: new CodecCompiler(where, lateCodec).compile(schema, []), recursive, protocols, holdsRefs };
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    const what = `${where}: reading the schema threw ${describeThrown(thrown, 200)}`;
    throw new UsageError(`${what}; what a lazy schema or a getter names must be declared before the protocol is`, {
      cause: thrown,
    });
  }
}

type Path = readonly string[];

class CodecCompiler {
  readonly #where: string;
  readonly #codecs = new Map<ZodNode, Codec>();
  readonly #open = new Set<ZodNode>();
  readonly #recur: (codec: () => Codec) => Codec;
  readonly protocols = new Set<object>();
  holdsRefs = false;
  recursive = false;

  /** @param recur Makes the codec of a schema that is met again inside itself. */
  constructor(where: string, recur: (codec: () => Codec) => Codec) {
    this.#where = where;
    this.#recur = recur;
  }

  compile(schema: ZodNode, path: Path): Codec {
    const known = this.#codecs.get(schema);
    if (known !== undefined) return known;
    if (this.#open.has(schema)) {
      this.recursive = true;
      return this.#recur(() => this.#codecs.get(schema) ?? plainCodec);
    }
    if (path.length > schemaLimits.schemaDepthMax) {
      throw this.#refusal(path.slice(0, 4), `is part of a schema of more than ${schemaLimits.schemaDepthMax} levels`);
    }
    this.#open.add(schema);
    this.#refuseChecks(schema, path);
    const leaf = leafOf(schema);
    if (leaf?.isRef) this.holdsRefs = true;
    if (leaf?.protocol !== undefined) this.protocols.add(leaf.protocol);
    const codec = leaf?.codec ?? this.#byType(schema, path);
    this.#open.delete(schema);
    this.#codecs.set(schema, codec);
    return codec;
  }

  #byType(schema: ZodNode, path: Path): Codec {
    const { def } = schema._zod;
    switch (def.type) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'null':
      case 'nan':
      case 'enum':
      case 'never':
      case 'template_literal':
        return plainCodec;
      case 'undefined':
      case 'void':
        return voidCodec;
      case 'bigint':
        return bigintCodec;
      case 'date':
        return dateCodec;
      case 'literal':
        return literalCodec(def.values);
      case 'any':
      case 'unknown':
      case 'custom':
        return unknownCodec;
      case 'object':
        return this.#object(schema, path);
      case 'array':
        return listCodec(this.compile(def.element, [...path, '[]']));
      case 'tuple':
        return this.#tuple(schema, path);
      case 'record':
        return this.#record(schema, path);
      case 'map':
        return mapCodec(
          this.compile(def.keyType, [...path, '<key>']),
          this.compile(def.valueType, [...path, '<value>']),
        );
      case 'set':
        return setCodec(this.compile(def.valueType, [...path, '<element>']));
      case 'union':
        return this.#union(schema, path);
      case 'intersection':
        return untoldCodec([
          this.compile(def.left, [...path, '<left>']),
          this.compile(def.right, [...path, '<right>']),
        ]);
      case 'optional':
        return unlessCodec(undefined, this.compile(def.innerType, path));
      case 'nullable':
        return unlessCodec(null, this.compile(def.innerType, path));
      case 'default':
      case 'prefault':
      case 'catch':
      case 'nonoptional':
        return this.compile(def.innerType, path);
      case 'readonly':
        return readonlyCodec(this.compile(def.innerType, path));
      case 'lazy':
        return this.compile(lazyInner(schema), [...path, '<lazy>']);
      case 'transform':
      case 'pipe':
        throw this.#refusal(path, 'transforms, preprocesses, pipes or decodes; do this in the handler');
      case 'success':
        throw this.#refusal(path, 'turns a value into whether it is valid; do this in the handler');
      case 'file':
        throw this.#refusal(
          path,
          'is a file, whose content cannot be copied at once; read it in the handler and send bytes()',
        );
      default:
        throw this.#refusal(path, `is a ${def.type}, which cannot be sent; do this in the handler`);
    }
  }

  #object(schema: ZodNode, path: Path): Codec {
    const { shape, catchall } = schema._zod.def;
    const properties = Object.keys(shape).map((key) => {
      const property = shape[key] as ZodNode;
      const codec = this.compile(property, [...path, key]);
      const { optin, optout } = property._zod;
      const optional = optin !== undefined && optout === 'optional';
      const [admitsUndefined, admitsNull] = [admits(property, undefined), admits(property, null)];
      return { key, codec, optional, admitsUndefined, admitsNull, constant: constantOf(property) };
    });
    const rest = catchall === undefined ? undefined : this.compile(catchall, [...path, '<other keys>']);
    return objectCodec(properties, rest, catchall === undefined || catchall._zod.def.type === 'never');
  }

  #tuple(schema: ZodNode, path: Path): Codec {
    const { items, rest } = schema._zod.def;
    const parts = items.map((item, index) => this.compile(item, [...path, `[${index}]`]));
    const last = rest ? this.compile(rest, [...path, '[…]']) : plainCodec;
    return arrayCodec([...parts, last], (index) => parts[index] ?? last);
  }

  #record(schema: ZodNode, path: Path): Codec {
    const { keyType, valueType, mode } = schema._zod.def;
    if (!isNameable(keyType)) throw this.#refusal([...path, '<key>'], 'admits keys that are no strings; send a z.map');
    const value = this.compile(valueType, [...path, '<value>']);
    // A loose record lets values under other keys through unseen.
    return recordCodec(mode === 'loose' ? unknownCodec : value);
  }

  #union(schema: ZodNode, path: Path): Codec {
    const { options, discriminator, unionFallback } = schema._zod.def;
    const codecs = options.map((option, index) => this.compile(option, [...path, `<option ${index + 1}>`]));
    if (discriminator === undefined || unionFallback === true) return untoldCodec(codecs);
    const byValue = new Map<unknown, Codec>();
    for (const [index, option] of options.entries()) {
      for (const value of option._zod.propValues?.[discriminator] ?? [undefined]) {
        // What the wire form changes, or what may be absent, cannot tell the option there.
        if (!isJsonLeaf(value)) return untoldCodec(codecs);
        byValue.set(value, codecs[index] as Codec);
      }
    }
    return discriminatedCodec(discriminator, byValue);
  }

  #refuseChecks(schema: ZodNode, path: Path): void {
    for (const check of schema._zod.def.checks ?? []) {
      const { tx } = check._zod.def;
      if (tx !== undefined && !isNormalization(tx)) {
        throw this.#refusal(
          path,
          'overwrites its value; do this in the handler (trim, toLowerCase, toUpperCase and normalize are allowed)',
        );
      }
    }
  }

  #refusal(path: Path, what: string): UsageError {
    const at = path.length === 0 ? 'the schema' : `the schema at "${path.join('.').replaceAll('.[', '[')}"`;
    return new UsageError(`${this.#where}: ${at} ${what}`);
  }
}

/** Looks its codec up at each value, since it is not there yet while its own parts are compiled. */
function lateCodec(codec: () => Codec): Codec {
  return {
    plain: false,
    copy: (value, owner, fresh) => codec().copy?.(value, owner, fresh) ?? value,
    toWire: (value) => codec().toWire?.(value) ?? value,
    fromWire: (wire, receiver) => codec().fromWire?.(wire, receiver) ?? wire,
  };
}

function literalCodec(values: readonly unknown[]): Codec {
  if (values.every(isJsonLeaf)) return plainCodec;
  if (values.every((value) => typeof value === 'bigint')) return bigintCodec;
  return values.some((value) => typeof value === 'bigint') ? unknownCodec : undefinedCodec;
}

function isJsonLeaf(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** True where a record's keys can only be strings (and numbers, which become strings). */
function isNameable(keyType: ZodNode): boolean {
  const { def } = keyType._zod;
  if (def.type === 'union') return def.options.every(isNameable);
  if (def.type === 'literal') return def.values.every(isJsonLeaf);
  return def.type === 'string' || def.type === 'number' || def.type === 'enum' || def.type === 'template_literal';
}
