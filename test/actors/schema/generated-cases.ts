/** Schemas of every kind that a message may have, each with what it lets through. */
import fc from 'fast-check';
import * as z from 'zod';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { FakeRef, receiver } from './fake-ref.ts';

export interface Case {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<unknown>;
}

const date = fc.date({ noInvalidDate: true });
export const anything = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, '$date'),
    fc.bigInt(),
    date,
    fc.uint8Array().map((array) => new Uint8Array(array)),
    fc.uint8Array().map((array) => new Uint8Array(array).buffer),
    fc.string().map((path) => new FakeRef(path, receiver)),
  ),
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(key(), tie('any'), { maxKeys: 3 }),
    fc.dictionary(fc.constantFrom('$', '$date', '$big', '$map', '$set', '$ref', '$buffer', '$x'), tie('any'), {
      maxKeys: 2,
    }),
    fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie('any'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).any;

function key(): fc.Arbitrary<string> {
  return fc.string().filter((text) => text !== '__proto__');
}

const leafCases: readonly Case[] = [
  { schema: z.string(), value: fc.string() },
  { schema: z.number(), value: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { schema: z.nan(), value: fc.constant(Number.NaN) },
  { schema: z.int(), value: fc.maxSafeInteger() },
  { schema: z.boolean(), value: fc.boolean() },
  { schema: z.null(), value: fc.constant(null) },
  { schema: z.literal(['a', 1, 5n, null]), value: fc.constantFrom('a', 1, 5n, null) },
  { schema: z.enum(['x', 'y']), value: fc.constantFrom('x', 'y') },
  { schema: z.bigint(), value: fc.bigInt() },
  { schema: z.date(), value: date },
  { schema: bytes(), value: fc.uint8Array().map((array) => new Uint8Array(array)) },
  { schema: refTo('peer'), value: fc.string().map((path) => new FakeRef(path, receiver)) },
  { schema: z.unknown(), value: anything },
  { schema: z.json(), value: fc.jsonValue({ maxDepth: 3 }).map(withoutPrototypeKeys) },
];

/** @param unions Whether plain unions are among them. */
export const casesOf = (unions: boolean): fc.Arbitrary<Case> =>
  fc.letrec<{ case: Case; leaf: Case }>((tie) => ({
    leaf: fc.constantFrom(...leafCases),
    case: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      tie('case').map(({ schema, value }) => ({ schema: z.array(schema), value: fc.array(value, { maxLength: 3 }) })),
      fc.tuple(tie('case'), tie('case'), tie('case')).map(([a, b, c]) => ({
        schema: z.object({ a: a.schema, b: b.schema.optional(), c: c.schema.nullable() }),
        value: fc.record({ a: a.value, b: b.value, c: fc.option(c.value) }, { requiredKeys: ['a', 'c'] }),
      })),
      fc.tuple(tie('case'), tie('case')).map(([a, rest]) => ({
        schema: z
          .object({ a: a.schema.nullable().default(null) })
          .catchall(rest.schema)
          .readonly(),
        value: fc
          .tuple(a.value, fc.dictionary(key(), rest.value, { maxKeys: 2 }))
          .map(([value, others]) => ({ ...others, a: value })),
      })),
      tie('case').map((inner) => ({
        schema: z.looseObject({ a: inner.schema }),
        value: fc
          .tuple(inner.value, fc.dictionary(key(), anything, { maxKeys: 2 }))
          .map(([value, others]) => ({ ...others, a: value })),
      })),
      fc.tuple(tie('case'), tie('case')).map(([a, b]) => ({
        schema: z.tuple([a.schema, b.schema], a.schema),
        value: fc.tuple(a.value, b.value, a.value),
      })),
      tie('case').map(({ schema, value }) => ({
        schema: z.record(z.string(), schema),
        value: fc.dictionary(key(), value, { maxKeys: 3 }),
      })),
      fc.tuple(tie('case'), tie('case')).map(([k, v]) => ({
        schema: z.map(k.schema, v.schema),
        value: fc.array(fc.tuple(k.value, v.value), { maxLength: 3 }).map((pairs) => new Map(pairs)),
      })),
      tie('case').map(({ schema, value }) => ({
        schema: z.set(schema),
        value: fc.array(value, { maxLength: 3 }).map((items) => new Set(items)),
      })),
      ...(unions ? [union(tie('case'))] : []),
      fc.tuple(tie('case'), tie('case')).map(([a, b]) => ({
        schema: z.discriminatedUnion('t', [
          z.object({ t: z.literal('a'), v: a.schema }),
          z.strictObject({ t: z.literal(['b', 'c']), v: b.schema }),
        ]),
        value: fc.oneof(
          a.value.map((v) => ({ t: 'a', v })),
          b.value.map((v) => ({ t: 'c', v })),
        ),
      })),
      tie('case').map(({ schema, value }) => ({ schema: z.lazy(() => schema).readonly(), value })),
    ),
  })).case;

export const cases = casesOf(true);
export const withValue = (all: fc.Arbitrary<Case>) =>
  all.chain(({ schema, value }) => value.map((sent) => ({ schema, sent })));
export const caseWithValue = withValue(cases);

function union(one: fc.Arbitrary<Case>): fc.Arbitrary<Case> {
  return fc.tuple(one, one).map(([a, b]) => ({
    schema: z.union([a.schema, b.schema]),
    value: fc.oneof(a.value, b.value),
  }));
}

function withoutPrototypeKeys(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json).replaceAll('__proto__', 'proto'));
}
