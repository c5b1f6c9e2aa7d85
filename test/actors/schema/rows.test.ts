import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { InvalidValue } from '../../../src/actors/schema/errors.ts';
import type { MessageRow } from '../../../src/actors/schema/message-row.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import {
  type Field,
  generatedRead,
  generatedWrite,
  loopingRead,
  loopingWrite,
} from '../../../src/actors/schema/object-row.ts';
import { receiver, refReceiver } from './fake-ref.ts';
import { anything, cases, caseWithValue } from './generated-cases.ts';

function rowOf(schema: z.ZodType): MessageRow {
  return compileMessageType(schema, 'test input').row;
}

function written(schema: z.ZodType, value: unknown): unknown[] {
  const into: unknown[] = [];
  rowOf(schema).write(value, into);
  return into;
}

describe('a message as a row', () => {
  const when = new Date(5);
  test.each<[string, z.ZodType, unknown, unknown[]]>([
    [
      'names and literals are left out, in the order of the names',
      z.object({ t: z.literal('inc'), n: z.int(), id: z.string() }),
      { t: 'inc', n: 1, id: 'a' },
      ['a', 1],
    ],
    ['nothing at all', z.void(), undefined, []],
    ['only literals', z.object({ t: z.literal('x') }), { t: 'x' }, []],
    ['a literal of two values', z.object({ t: z.literal(['x', 'y']) }), { t: 'y' }, ['y']],
    ['a literal 0, which −0 passes for', z.object({ t: z.literal(0) }), { t: -0 }, [-0]],
    ['a number', z.number(), 5, [5]],
    ['a Date', z.object({ when: z.date() }), { when }, [5]],
    ['an absent key', z.object({ a: z.int().optional(), b: z.int() }), { b: 1 }, [null, 1]],
    ['an absent key that may be null', z.object({ a: z.int().nullish(), b: z.int() }), { b: 1 }, [undefined, 1]],
    ['null', z.object({ a: z.int().nullish() }), { a: null }, [null]],
    [
      'an object in an object',
      z.object({ a: z.object({ x: z.date(), y: z.int() }) }),
      { a: { x: when, y: 1 } },
      [[5, 1]],
    ],
    [
      'a list of objects',
      z.object({ a: z.array(z.object({ x: z.int() })) }),
      { a: [{ x: 1 }, { x: 2 }] },
      [[[1], [2]]],
    ],
    ['a strict object', z.strictObject({ a: z.int() }), { a: 1 }, [1]],
    ['an object that is frozen', z.object({ a: z.int() }).readonly(), { a: 1 }, [1]],
    ['a loose object, which keeps its names', z.looseObject({ a: z.int() }), { a: 1, b: 2 }, [{ a: 1, b: 2 }]],
    [
      'an object of unknown parts, which may be absent',
      z.object({ a: z.unknown() }),
      { a: undefined },
      [{ a: undefined }],
    ],
    ['a key that every object has', z.object({ toString: z.int().optional() }), {}, [{}]],
  ])('%s', (_name, schema, value, row) => {
    expect(written(schema, value)).toStrictEqual(row);
    expect(rowOf(schema).read(['before', ...row, 'behind'], 1, refReceiver)).toStrictEqual(value);
  });

  test('a discriminated union is the number of its option and the row of it', () => {
    const schema = z.discriminatedUnion('t', [
      z.object({ t: z.literal('a'), v: z.date() }),
      z.object({ t: z.literal(['b', 'c']), w: z.bigint(), v: z.string() }),
    ]);
    expect(written(schema, { t: 'a', v: when })).toStrictEqual([[0, 5]]);
    expect(written(schema, { t: 'c', w: 9n, v: 'x' })).toStrictEqual([[1, 'c', 'x', '9']]);
    expect(rowOf(schema).fromWire([1, 'c', 'x', '9'], refReceiver)).toStrictEqual({ t: 'c', w: 9n, v: 'x' });
  });

  test.each([
    ['a text for the number', ['length', 1]],
    ['an object for the number', [{}, 1]],
    ['a number that is none of its options', [7, 1]],
    ['a number below 0', [-1, 1]],
    ['a value too many', [0, 1, 2]],
  ])('a discriminated union hands through what is malformed: %s', (_what, wire) => {
    const schema = z.discriminatedUnion('t', [z.object({ t: z.literal('a'), v: z.date() })]);
    expect(rowOf(schema).fromWire(wire, refReceiver)).toBe(wire);
  });

  test('keys stand in the order of the schema again, and what is frozen there is frozen again', () => {
    const schema = z.object({ z: z.int(), m: z.int().optional(), a: z.int() }).readonly();
    const value = rowOf(schema).read(written(schema, { z: 1, m: 2, a: 3 }), 0, refReceiver) as object;
    expect(Object.keys(value)).toEqual(['z', 'm', 'a']);
    expect(Object.isFrozen(value)).toBe(true);
  });

  test('two schemas of one description have one layout, whatever the order of their keys', () => {
    const one = z.object({ b: z.string(), a: z.int(), t: z.literal('x') });
    const other = z.object({ t: z.literal('x'), a: z.int(), b: z.string() });
    expect(compileMessageType(one, 'one').describe()).toBe(compileMessageType(other, 'other').describe());
    expect(rowOf(other).read(written(one, { b: 'b', a: 1, t: 'x' }), 0, refReceiver)).toEqual({ b: 'b', a: 1, t: 'x' });
  });

  test('what cannot be sent is refused with its path, and leaves nothing in the row', () => {
    const schema = z.object({ a: z.int(), deep: z.object({ n: z.bigint() }) });
    const into: unknown[] = ['before'];
    expect(() => rowOf(schema).write({ a: 1, deep: { n: 10n ** 10_000n } }, into)).toThrow(
      'test input, at deep.n: a bigint of more than 10000 digits',
    );
    expect(into).toEqual(['before']);
  });

  test('no key of a schema becomes code', () => {
    const key = '"]; globalThis.hacked = true; //\u2028';
    const schema = z.object({ [key]: z.int(), [`${key}?`]: z.int().optional() });
    expect(rowOf(schema).read(written(schema, { [key]: 1 }), 0, refReceiver)).toStrictEqual({ [key]: 1 });
    expect('hacked' in globalThis).toBe(false);
  });
});

describe('over 500 generated schemas and values', () => {
  test('a value that goes as a row and comes back is the same value, absent keys absent', () => {
    fc.assert(
      fc.property(caseWithValue, fc.array(fc.anything(), { maxLength: 2 }), ({ schema, sent }, around) => {
        const type = compileMessageType(schema, 'test input');
        const parsed = type.take(sent, receiver);
        const values = [...around];
        type.row.write(parsed, values);
        expect(values.length).toBe(around.length + type.row.width);
        const back = type.row.read([...values, ...around], around.length, refReceiver);
        expect(back).toEqual(parsed);
        expect(type.parse(back)).toEqual(parsed);
        expect(type.row.fromWire(type.row.toWire(parsed), refReceiver)).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test('no row, however malformed, makes the way back throw, and the parse takes or refuses it', () => {
    const wires = fc.oneof(anything, fc.anything({ withMap: false, withSet: false }));
    fc.assert(
      fc.property(cases, fc.array(wires, { maxLength: 4 }), ({ schema }, values) => {
        const type = compileMessageType(schema, 'test input');
        for (const value of [type.row.read(values, 0, refReceiver), type.row.fromWire(values, refReceiver)]) {
          try {
            type.parse(value);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(InvalidValue);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('loops do what generated code does, for 500 objects with absent keys, constants and steps', () => {
  const wire = (value: unknown): unknown => `w${String(value)}`;
  const value = (made: unknown): unknown => String(made).slice(1);
  const field = fc.record({
    key: fc.string().filter((key) => !(key in Object.prototype)),
    isConstant: fc.boolean(),
    optional: fc.boolean(),
    steps: fc.boolean(),
    present: fc.boolean(),
    content: fc.string(),
  });
  fc.assert(
    fc.property(fc.uniqueArray(field, { selector: ({ key }) => key, maxLength: 6 }), (parts) => {
      let width = 0;
      const fields = parts.map(({ key, isConstant, optional, steps }): Field => {
        const at = isConstant ? undefined : width++;
        const ways =
          steps && !isConstant ? { toWire: wire, fromWire: value } : { toWire: undefined, fromWire: undefined };
        return {
          key,
          at,
          constant: 'constant',
          optional: optional && !isConstant,
          absent: steps ? null : undefined,
          ...ways,
        };
      });
      const given: Record<string, unknown> = {};
      for (const { key, isConstant, optional, present, content } of parts) {
        if (isConstant || !optional || present) given[key] = isConstant ? 'constant' : content;
      }
      const rows = [generatedWrite(fields), loopingWrite(fields, width)].map((write) => {
        const into: unknown[] = [];
        write(given, into);
        return into;
      });
      expect(rows[0]).toStrictEqual(rows[1]);
      for (const read of [generatedRead(fields), loopingRead(fields)]) {
        const back = read(rows[0]!, 0, refReceiver) as object;
        expect(back).toStrictEqual(given);
        const inOrder = parts.map(({ key }) => key).filter((key) => key in given);
        expect(Object.keys(back).sort()).toEqual(inOrder.sort());
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['Node forbids it', false],
  ['zod was told not to', true],
])('a row needs no code that is made of text where %s', (_why, jitless) => {
  const schema = z.object({ n: z.int(), at: z.date().optional() });
  const type = compileMessageType(schema, 'test input');
  let tried = 0;
  class Forbidden {
    constructor() {
      tried += 1;
      throw new EvalError('Code generation from strings disallowed for this context');
    }
  }
  vi.stubGlobal('Function', Forbidden);
  z.config({ jitless });
  try {
    const into: unknown[] = [];
    type.row.write({ n: 1, at: new Date(5) }, into);
    expect(into).toEqual([5, 1]);
    expect(type.row.read(into, 0, refReceiver)).toStrictEqual({ n: 1, at: new Date(5) });
    expect(type.row.read([null, 1], 0, refReceiver)).toStrictEqual({ n: 1 });
    expect(tried).toBe(jitless ? 0 : 2);
  } finally {
    z.config({ jitless: false });
    vi.unstubAllGlobals();
  }
});

test('bytes in a row are alone in their buffer', () => {
  const schema = z.object({ raw: bytes() });
  const view = Buffer.from([9, 1, 2, 9]).subarray(1, 3);
  const { raw } = rowOf(schema).read([view], 0, refReceiver) as { raw: Uint8Array };
  expect(raw).toStrictEqual(new Uint8Array([1, 2]));
  expect(raw.buffer.byteLength).toBe(2);
});
