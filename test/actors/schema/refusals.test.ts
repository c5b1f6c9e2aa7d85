import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import * as mini from 'zod/mini';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { UsageError } from '../../../src/base/errors.ts';
import { receiver } from './fake-ref.ts';

function refusal(schema: unknown): string {
  try {
    compileMessageType(schema as z.ZodType, 'counter.inc input');
  } catch (thrown) {
    if (thrown instanceof UsageError) return thrown.message;
    throw thrown;
  }
  return 'taken';
}

const refused: Record<string, z.ZodType> = {
  transform: z.string().transform((text) => text.length),
  preprocess: z.preprocess((value) => value, z.string()),
  pipe: z.string().pipe(z.email()),
  codec: z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() }),
  stringbool: z.stringbool(),
  'a promise': z.promise(z.string()),
  'a function': z.function() as unknown as z.ZodType,
  'a symbol': z.symbol(),
  'a file': z.file(),
  success: z.success(z.string()),
  'an overwrite': z.number().overwrite(Math.round),
  'an overwrite of text': z.string().overwrite((text) => `${text}!`),
  slugify: z.string().slugify(),
  'a record with keys of any kind': z.record(z.any() as unknown as z.ZodString, z.string()),
};

describe('what cannot be in a message is refused at definition', () => {
  test.each(Object.entries(refused))('%s: names the operation, the path and what to do', (_name, schema) => {
    const text = refusal(z.object({ items: z.array(z.object({ deep: schema.optional() })) }));
    expect(text).toMatch(/^counter\.inc input: the schema at "items\[\]\.deep/);
    expect(text).toMatch(/handler|send a z\.map/);
    expect(refusal(schema)).toMatch(/^counter\.inc input: the schema/);
  });

  const inner = z.string().transform(Number);
  test.each([
    ['tuple', z.tuple([z.string(), inner]), '"[1]"'],
    ['rest of a tuple', z.tuple([z.string()], inner), '"[…]"'],
    ['record', z.record(z.string(), inner), '"<value>"'],
    ['key of a Map', z.map(inner, z.string()), '"<key>"'],
    ['Set', z.set(inner), '"<element>"'],
    ['second option of a union', z.union([z.string(), inner]), '"<option 2>"'],
    ['right of an intersection', z.intersection(z.string(), inner), '"<right>"'],
    ['catchall', z.object({}).catchall(inner), '"<other keys>"'],
    ['lazy', z.lazy(() => inner), '"<lazy>"'],
    ['default', z.object({ a: inner.default(1) }), '"a"'],
  ])('in a %s', (_name, schema, path) => {
    expect(refusal(schema)).toContain(`the schema at ${path} transforms`);
  });

  test('a lazy schema that makes a new one at each call ends at 64 levels', () => {
    const endless = (): z.ZodType => z.object({ next: z.lazy(endless) });
    expect(refusal(endless())).toContain('more than 64 levels');
  });

  test('a getter that names what is not declared yet is told so', () => {
    const early = z.object({
      get later(): z.ZodType {
        throw new ReferenceError('later is not defined');
      },
    });
    expect(refusal(early)).toMatch(/must be declared before the protocol/);
  });

  test('what is no schema at all', () => {
    expect(refusal({ '~standard': 1 })).toContain('it is no schema');
    expect(refusal(undefined)).toContain('it is no schema');
  });
});

describe('what parses twice as it parses once is taken', () => {
  test.each([
    ['trim', z.string().trim(), ' a ', 'a'],
    ['toLowerCase', z.string().toLowerCase(), 'A', 'a'],
    ['toUpperCase', z.string().toUpperCase(), 'a', 'A'],
    ['normalize', z.string().normalize('NFKC'), 'ﬁ', 'fi'],
    ['coerced number', z.coerce.number(), '5', 5],
    ['coerced string', z.coerce.string(), 5, '5'],
    ['coerced boolean', z.coerce.boolean(), 'x', true],
    ['coerced bigint', z.coerce.bigint(), '5', 5n],
    ['url', z.url(), ' https://a.b/ ', 'https://a.b/'],
    ['enum', z.enum(['a', 'b']), 'a', 'a'],
    ['template literal', z.templateLiteral(['id-', z.int()]), 'id-4', 'id-4'],
    ['nullish', z.string().nullish(), null, null],
    ['xor', z.xor([z.string(), z.number()]), 'a', 'a'],
    ['a schema of zod/mini', mini.object({ a: mini.optional(mini.string()) }), { a: 'x' }, { a: 'x' }],
  ])('%s', (_name, schema, given, parsed) => {
    const type = compileMessageType(schema as z.ZodType, 'test input');
    const once = type.take(given, receiver);
    expect(once).toEqual(parsed);
    expect(type.take(once, receiver)).toEqual(parsed);
  });
});
