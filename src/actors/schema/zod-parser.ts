/**
 * The parse of a message: zod's own, generated as code where zod can do that.
 *
 * `z.compile` (zod 4.6) takes 5 ns for a flat object where `schema.parse` takes 28; it gives back the schema as it was
 * where it cannot generate code (recursion, a page that forbids `new Function`), and leaves every refusal to the
 * ordinary parser, so that errors are the same. It costs 75 µs, hence at the first message and not at definition.
 */
import * as z from 'zod';
import { asInvalid, InvalidValue } from './errors.ts';
import { guardSchema } from './guarded-schema.ts';
import { issuePath } from './standard-schema.ts';
import type { ZodNode } from './zod-node.ts';

type Parser = (value: unknown) => unknown;
type Parsable = z.ZodType & { readonly parse: Parser };

/** Gives a function that validates and makes fresh containers. It throws whatever zod and the schema's code throw. */
export function zodParser(schema: ZodNode): Parser {
  const guarded = guardSchema(schema) as unknown as z.ZodType;
  const compiled = (z.config().jitless === true ? guarded : z.compile(guarded)) as Parsable;
  // The compiled method is a function of its own; zod's ordinary one, and zod/mini's, is reached through its function.
  return Object.hasOwn(compiled, 'parse') ? compiled.parse : (value) => z.parse(compiled, value);
}

interface Issue {
  readonly code?: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** Of a union: what each option found. */
  readonly errors?: readonly (readonly Issue[])[];
}

/** What a parser threw, as a finding: zod's first issue, or the deepest one where a union has several. */
export function asFinding(thrown: unknown): InvalidValue {
  if (typeof thrown !== 'object' || thrown === null || !('issues' in thrown)) return asInvalid(thrown);
  const [first] = thrown.issues as readonly Issue[];
  if (first === undefined) return asInvalid(thrown);
  const { message, path } = deepest(first);
  return new InvalidValue(message, issuePath(path));
}

function deepest(issue: Issue): Pick<Issue, 'message' | 'path'> {
  let found: Pick<Issue, 'message' | 'path'> = issue;
  for (const [first] of issue.errors ?? []) {
    if (first === undefined) continue;
    const { message, path } = deepest(first);
    if (issue.path.length + path.length > found.path.length) found = { message, path: [...issue.path, ...path] };
  }
  return found;
}
