/**
 * The part of zod's schemas that is read here, by structure: a user's schema may come from another copy of zod, so
 * nothing asks `instanceof`. The fields of `def` are those of zod 4's `$Zod…Def`; which are there depends on `type`.
 */

export interface ZodNode {
  readonly _zod: {
    readonly def: ZodDef;
    /** Makes a schema of the same class. */
    readonly constr: new (
      def: object,
    ) => ZodNode;
    /** How absence is taken and given: `optional`, `defaulted`, or undefined where a value must be there. */
    readonly optin?: string | undefined;
    readonly optout?: string | undefined;
    /** Of objects: the values that may stand under each key of which these are known. */
    readonly propValues?: Readonly<Record<string, ReadonlySet<unknown>>> | undefined;
    /** Of lazy schemas: what the getter gave, asked once. */
    readonly innerType?: ZodNode;
  };
}

export interface ZodCheck {
  readonly _zod: {
    readonly def: { readonly check: string; readonly fn?: Predicate; readonly tx?: (value: unknown) => unknown };
    readonly constr: new (def: object) => ZodCheck;
    readonly check: (payload: unknown) => unknown;
  };
}

export type Predicate = (value: unknown) => unknown;

export interface ZodDef {
  readonly type: string;
  readonly checks?: readonly ZodCheck[];
  readonly shape: Readonly<Record<string, ZodNode>>;
  readonly catchall?: ZodNode;
  readonly element: ZodNode;
  readonly items: readonly ZodNode[];
  readonly rest?: ZodNode | null;
  readonly keyType: ZodNode;
  readonly valueType: ZodNode;
  readonly mode?: string;
  readonly options: readonly ZodNode[];
  readonly discriminator?: string;
  readonly unionFallback?: boolean;
  readonly inclusive?: boolean;
  readonly left: ZodNode;
  readonly right: ZodNode;
  readonly innerType: ZodNode;
  readonly entries: Readonly<Record<string, string | number>>;
  readonly values: readonly unknown[];
  readonly defaultValue?: unknown;
  readonly format?: string;
  readonly coerce?: boolean;
  readonly partial?: boolean;
  readonly parts: readonly unknown[];
  /** The predicate of `z.custom` and of custom string formats. */
  readonly fn?: Predicate;
}

export function isZodNode(schema: unknown): schema is ZodNode {
  return (
    typeof schema === 'object' &&
    schema !== null &&
    '_zod' in schema &&
    typeof (schema as ZodNode)._zod?.def?.type === 'string'
  );
}

/** The schema itself, or what a lazy one stands for. */
export function lazyInner(schema: ZodNode): ZodNode {
  return schema._zod.innerType ?? schema;
}
