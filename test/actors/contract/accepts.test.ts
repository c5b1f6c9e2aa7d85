/** Whether one shape is read by another: by example, and held against zod itself. */
import fc from 'fast-check';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { misfits } from '../../../src/actors/contract/accepts.ts';
import { shapeOf } from '../../../src/actors/contract/shape.ts';
import { protocol, tell } from '../../../src/actors/protocol.ts';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { refOf } from '../../../src/actors/schema/ref-schema.ts';
import { proofRuns } from '../../support/proof-runs.ts';

const found = (reader: z.ZodType, writer: z.ZodType): string[] =>
  misfits(shapeOf(reader), shapeOf(writer)).map(({ path, what }) => [path.join('.'), what].join(' ').trim());

const one = protocol('one', { op: tell() });
const two = protocol('two', { op: tell() });

interface Tree {
  value: number;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ value: z.number(), children: z.array(tree) }));
const namedTree: z.ZodType = z.lazy(() => z.object({ value: z.string(), children: z.array(namedTree) }));

describe('a reader', () => {
  it.each<[string, z.ZodType, z.ZodType]>([
    ['the same', z.object({ a: z.int() }), z.object({ a: z.int() })],
    ['fields in another order', z.object({ a: z.int(), b: z.string() }), z.object({ b: z.string(), a: z.int() })],
    ['a field that it does not know', z.object({ a: z.int() }), z.object({ a: z.int(), b: z.string() })],
    ['the lack of an optional field', z.object({ a: z.int(), b: z.string().optional() }), z.object({ a: z.int() })],
    ['the lack of a field with a default', z.object({ a: z.int().default(1) }), z.object({})],
    ['a default in place of an optional', z.object({ a: z.int().default(1) }), z.object({ a: z.int().optional() })],
    ['a value where a default was given', z.object({ a: z.int() }), z.object({ a: z.int().default(1) })],
    ['a value where null may be', z.object({ a: z.int().nullable() }), z.object({ a: z.int() })],
    ['null where null may be', z.int().nullable(), z.null()],
    ['one option of a union', z.union([z.int(), z.string()]), z.string()],
    ['fewer options', z.union([z.int(), z.string(), z.boolean()]), z.union([z.string(), z.int()])],
    ['fewer values of an enum', z.enum(['a', 'b', 'c']), z.enum(['c', 'a'])],
    ['a literal for a string', z.string(), z.literal('a')],
    ['an email for a string', z.string(), z.email()],
    ['an integer for a number', z.number(), z.int()],
    ['a narrower range', z.number().min(0).max(10), z.number().min(1).max(9)],
    ['a longer minimum', z.string().min(1), z.string().min(3)],
    ['anything for unknown', z.unknown(), z.object({ a: z.date() })],
    ['anything for a catch', z.int().catch(0), z.string()],
    ['another place of a readonly', z.object({ a: z.array(z.int()).readonly() }), z.object({ a: z.array(z.int()) })],
    ['a type that holds itself', tree, tree],
    ['a shorter tuple with a rest', z.tuple([z.int()], z.int()), z.tuple([z.int(), z.int()])],
    ['bytes and refs', z.object({ b: bytes(), r: refOf(one) }), z.object({ b: bytes(), r: refOf(one) })],
    [
      'fewer options by a discriminator',
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b'), n: z.int() })]),
      z.discriminatedUnion('t', [z.object({ t: z.literal('b'), n: z.int(), more: z.string() })]),
    ],
  ])('takes %s', (_what, reader, writer) => {
    expect(found(reader, writer)).toEqual([]);
  });

  it.each<[string, z.ZodType, z.ZodType, string]>([
    ['the lack of a field', z.object({ a: z.int() }), z.object({}), 'a is not sent, and must be there'],
    ['absence', z.object({ a: z.int() }), z.object({ a: z.int().optional() }), 'a may be absent, and must be there'],
    ['null', z.object({ a: z.int() }), z.object({ a: z.int().nullable() }), 'a may be null, which is not taken'],
    ['another type', z.object({ a: z.int() }), z.object({ a: z.string() }), 'a string where number:safeint is taken'],
    ['a wider type', z.int(), z.number(), 'number where number:safeint is taken'],
    ['another option', z.union([z.int(), z.boolean()]), z.string(), 'string is none of the 2 options'],
    ['one more value', z.enum(['a']), z.enum(['a', 'b']), 'may be "b", which is not taken'],
    ['a new bound', z.string().max(5), z.string(), 'is checked: max_length(maximum=5)'],
    ['a tighter bound', z.number().min(2), z.number().min(1), 'is checked: greater_than(inclusive=true,value=2)'],
    ['unknown fields', z.strictObject({}), z.object({ a: z.int() }), 'a is not known there, and nothing else is taken'],
    ['a ref of another protocol', refOf(one), refOf(two), 'ref(two) where ref(one) is taken'],
    ['elements of another type', z.array(z.int()), z.array(z.string()), '* string where number:safeint is taken'],
    ['another value of a map', z.map(z.string(), z.int()), z.map(z.string(), z.date()), '* date where'],
    ['a longer tuple', z.tuple([z.int()]), z.tuple([z.int(), z.int()]), '1 is one element more than is taken'],
    ['a shorter tuple', z.tuple([z.int(), z.int()]), z.tuple([z.int()]), '1 is not sent'],
    ['a changed field further in', tree, namedTree, 'value string where number is taken'],
    ['a set for an array', z.array(z.int()), z.set(z.int()), 'set where array is taken'],
  ])('does not take %s', (_what, reader, writer, text) => {
    expect(found(reader, writer).join('\n')).toContain(text);
  });
});

// ── against zod: what is said to fit is parsed ──

interface Case {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<unknown>;
}
const leaves: readonly Case[] = [
  { schema: z.string(), value: fc.string() },
  { schema: z.string().min(2), value: fc.string({ minLength: 2 }) },
  { schema: z.string().max(3), value: fc.string({ maxLength: 3 }) },
  { schema: z.int(), value: fc.integer() },
  { schema: z.number(), value: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { schema: z.int().min(0), value: fc.nat() },
  { schema: z.int().min(5).max(9), value: fc.integer({ min: 5, max: 9 }) },
  { schema: z.boolean(), value: fc.boolean() },
  { schema: z.null(), value: fc.constant(null) },
  { schema: z.enum(['a', 'b']), value: fc.constantFrom('a', 'b') },
  { schema: z.literal('a'), value: fc.constant('a') },
  { schema: z.literal([1, 2]), value: fc.constantFrom(1, 2) },
  { schema: z.unknown(), value: fc.constantFrom(1, 'x', null, { a: 1 }) },
];
const cases: fc.Arbitrary<Case> = fc.letrec<{ case: Case }>((tie) => ({
  case: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(...leaves),
    tie('case').map(({ schema, value }) => ({ schema: schema.nullable(), value: fc.oneof(value, fc.constant(null)) })),
    tie('case').map(({ schema, value }) => ({
      schema: schema.optional(),
      value: fc.oneof(value, fc.constant(undefined)),
    })),
    tie('case').chain(({ schema, value }) =>
      value.map((one) => ({
        schema: schema.default(schema.parse(one) as never),
        value: fc.oneof(value, fc.constant(undefined)),
      })),
    ),
    tie('case').map(({ schema, value }) => ({ schema: z.array(schema), value: fc.array(value, { maxLength: 3 }) })),
    fc.tuple(tie('case'), tie('case')).map(([a, b]) => ({
      schema: z.union([a.schema, b.schema]),
      value: fc.oneof(a.value, b.value),
    })),
    fc.tuple(tie('case'), tie('case')).map(([a, b]) => ({
      schema: z.tuple([a.schema, b.schema]),
      value: fc.tuple(a.value, b.value),
    })),
    fc
      .tuple(
        fc.subarray(['a', 'b', 'c']),
        fc.array(tie('case'), { minLength: 3, maxLength: 3 }),
        fc.constantFrom('strip', 'strict'),
      )
      .map(([names, parts, mode]) => {
        const fields = Object.fromEntries(names.map((name, index) => [name, parts[index]!]));
        const shape = Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema]));
        return {
          schema: mode === 'strict' ? z.strictObject(shape) : z.object(shape),
          value: fc.record(Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]))),
        };
      }),
  ),
})).case;

describe('what is said to fit', () => {
  it('is parsed by zod, whatever the writer sends', () => {
    let fitting = 0;
    fc.assert(
      fc.property(
        fc
          .tuple(cases, cases)
          .chain(([reader, writer]) =>
            writer.value.map((sent) => ({ reader: reader.schema, writer: writer.schema, sent })),
          ),
        ({ reader, writer, sent }) => {
          if (misfits(shapeOf(reader), shapeOf(writer)).length > 0) return;
          fitting += 1;
          const said = JSON.stringify([shapeOf(reader), shapeOf(writer), sent]);
          expect(reader.safeParse(writer.parse(sent)).success, said).toBe(true);
        },
      ),
      { numRuns: proofRuns(3_000) },
    );
    expect(fitting).toBeGreaterThan(50);
  });

  it('is every schema by itself', () => {
    fc.assert(
      fc.property(cases, ({ schema }) => {
        expect(misfits(shapeOf(schema), shapeOf(schema))).toEqual([]);
      }),
      { numRuns: proofRuns(500) },
    );
  });
});
