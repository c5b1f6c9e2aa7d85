/** Schemas of other libraries, through the Standard Schema interface (https://standardschema.dev, version 1). */
import { UsageError } from '../../base/errors.ts';
import { answer } from './checked-predicates.ts';
import { InvalidValue } from './errors.ts';

/** Any schema that a Standard Schema library makes; zod's are among them. */
export interface StandardSchemaLike {
  readonly '~standard': {
    readonly version: number;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
  };
}

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
type Result = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/**
 * Gives the function that validates with `schema`.
 *
 * @throws UsageError where `schema` is none.
 */
export function standardParser(schema: StandardSchemaLike, where: string): (value: unknown) => unknown {
  const standard: unknown = schema?.['~standard'];
  if (typeof standard !== 'object' || standard === null || typeof schema['~standard'].validate !== 'function') {
    throw new UsageError(
      `${where}: it is no schema; give one of zod 4, or of a library that implements Standard Schema`,
    );
  }
  return (value) => {
    const result = answer(schema['~standard'].validate(value)) as Result;
    if (result.issues === undefined) return result.value;
    const [first] = result.issues;
    throw new InvalidValue(first?.message ?? 'it does not fit its schema', issuePath(first?.path));
  };
}

/** The path of an issue, of zod's or of the standard's, as strings and numbers. */
export function issuePath(path: Issue['path']): (string | number)[] {
  return (path ?? []).map((segment) => {
    const key = typeof segment === 'object' ? segment.key : segment;
    return typeof key === 'symbol' ? key.toString() : key;
  });
}
