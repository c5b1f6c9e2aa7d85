import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { InvalidValue } from '../../../src/actors/schema/errors.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { opaque } from '../../../src/actors/schema/opaque.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { FakeRef, receiver, refReceiver } from './fake-ref.ts';
import { anything, cases, casesOf, caseWithValue, withValue } from './generated-cases.ts';

function wireOf(schema: z.ZodType, value: unknown): unknown {
  return compileMessageType(schema, 'test input').toWire(value);
}

describe('the wire form of what a schema describes', () => {
  test.each<[string, z.ZodType, unknown, unknown]>([
    ['a Date', z.date(), new Date(5), 5],
    ['a bigint', z.bigint(), -12n, '-12'],
    ['a bigint literal', z.literal(7n), 7n, '7'],
    ['bytes', bytes(), new Uint8Array([1]), new Uint8Array([1])],
    ['a Map', z.map(z.string(), z.date()), new Map([['k', new Date(5)]]), [['k', 5]]],
    ['a Set', z.set(z.bigint()), new Set([1n]), ['1']],
    ['a ref', refTo('peer'), new FakeRef('n1/a', receiver), 'n1/a'],
    [
      'an optional key that is undefined',
      z.object({ a: z.string().optional(), b: z.int() }),
      { a: undefined, b: 1 },
      { b: 1 },
    ],
    ['a tuple', z.tuple([z.date(), z.string()], z.bigint()), [new Date(5), 'a', 1n], [5, 'a', '1']],
    ['a record', z.record(z.string(), z.date()), { a: new Date(5) }, { a: 5 }],
    ['a catchall', z.object({ a: z.date() }).catchall(z.bigint()), { a: new Date(5), b: 1n }, { a: 5, b: '1' }],
    ['a union with a Date in it', z.union([z.number(), z.date()]), new Date(5), { $date: 5 }],
  ])('%s', (_name, schema, value, wire) => {
    expect(wireOf(schema, value)).toStrictEqual(wire);
  });

  test('a discriminated union takes the form of its option', () => {
    const schema = z.discriminatedUnion('t', [
      z.object({ t: z.literal('a'), v: z.date() }),
      z.object({ t: z.literal('b'), v: z.bigint() }),
    ]);
    const type = compileMessageType(schema, 'test input');
    expect(type.toWire({ t: 'a', v: new Date(5) })).toEqual({ t: 'a', v: 5 });
    expect(type.fromWire({ t: 'b', v: '9' }, refReceiver)).toEqual({ t: 'b', v: 9n });
  });

  test('the parsed value is not changed', () => {
    const value = { when: new Date(5), list: [1n], rest: { m: new Map([[1, 2]]) } };
    const type = compileMessageType(
      z.object({ when: z.date(), list: z.array(z.bigint()), rest: z.unknown() }),
      'test input',
    );
    type.toWire(value);
    expect(value).toEqual({ when: new Date(5), list: [1n], rest: { m: new Map([[1, 2]]) } });
  });

  test('a bigint of 10,001 digits is refused when sent, and handed through to the parse when received', () => {
    const type = compileMessageType(z.object({ n: z.bigint() }), 'test input');
    expect(() => type.toWire({ n: 10n ** 10_000n })).toThrow('test input, at n: a bigint of more than 10000 digits');
    expect(type.fromWire({ n: '9'.repeat(10_001) }, refReceiver)).toEqual({ n: '9'.repeat(10_001) });
  });
});

describe('the wire form of what no schema describes', () => {
  test.each<[string, unknown, unknown]>([
    ['a Date', new Date(5), { $date: 5 }],
    ['a bigint', 5n, { $big: '5' }],
    ['a Map', new Map([[1, new Set([2n])]]), { $map: [[1, { $set: [{ $big: '2' }] }]] }],
    ['an ArrayBuffer', new Uint8Array([1]).buffer, { $buffer: new Uint8Array([1]) }],
    ['a ref', new FakeRef('n1/a', receiver), { $ref: ['peer', 'n1/a'] }],
    ['an object that looks like a Date', { $date: 5 }, { $: { $date: 5 } }],
    ['an object that looks like an escape', { $: { $: 1n } }, { $: { $: { $: { $: { $big: '1' } } } } }],
    ['an object of 2 keys', { $date: 5, $big: '1' }, { $date: 5, $big: '1' }],
  ])('%s', (_name, value, wire) => {
    const type = compileMessageType(z.unknown(), 'test input');
    expect(type.toWire(value)).toStrictEqual(wire);
    expect(type.fromWire(wire, refReceiver)).toEqual(value);
  });

  test('data without anything special is the very same object, both ways', () => {
    const type = compileMessageType(opaque(), 'test input');
    const value = [{ a: 1, b: [Number.NaN, undefined, null], c: { d: 'x' } }, new Uint8Array(1)];
    expect(type.take(value, receiver)).toBe(value);
    expect(type.toWire(value)).toBe(value);
    expect(type.fromWire(value, refReceiver)).toBe(value);
  });
});

describe('received bytes', () => {
  test('a view of a frame becomes bytes of their own, and bytes that stand alone are not copied again', () => {
    const frame = Buffer.from([9, 1, 2, 9]);
    const alone = new Uint8Array([1, 2]);
    for (const schema of [bytes(), z.unknown()]) {
      const type = compileMessageType(z.object({ raw: schema }), 'test input');
      const { raw } = type.fromWire({ raw: frame.subarray(1, 3) }, refReceiver) as { raw: Uint8Array };
      expect(raw).toStrictEqual(alone);
      expect(raw.buffer.byteLength).toBe(2);
      expect((type.fromWire({ raw: alone }, refReceiver) as { raw: Uint8Array }).raw).toBe(alone);
      expect(type.fromWire({ raw: Buffer.alloc(2, 1) }, refReceiver)).toStrictEqual({ raw: new Uint8Array([1, 1]) });
    }
  });
});

// ── properties ──

describe('over 500 generated schemas and values', () => {
  // Without unions: zod alone takes a Date or a Map for the first option that is an object without required keys.
  test('what is taken equals what zod alone parses', () => {
    fc.assert(
      fc.property(withValue(casesOf(false)), ({ schema, sent }) => {
        const taken = compileMessageType(schema, 'test input').take(sent, receiver);
        expect(taken).toEqual(parsedByZod(schema, sent) ?? taken);
      }),
      { numRuns: 500 },
    );
  });

  test('parsing twice gives what parsing once gave', () => {
    fc.assert(
      fc.property(caseWithValue, ({ schema, sent }) => {
        const type = compileMessageType(schema, 'test input');
        const once = type.take(sent, receiver);
        expect(type.take(once, receiver)).toEqual(once);
      }),
      { numRuns: 500 },
    );
  });

  test('a value that goes to the wire and back is the same value', () => {
    fc.assert(
      fc.property(caseWithValue, ({ schema, sent }) => {
        const type = compileMessageType(schema, 'test input');
        const parsed = type.take(sent, receiver);
        const wire = type.toWire(parsed);
        assertWireForm(wire);
        const back = type.fromWire(wire, refReceiver);
        expect(back).toEqual(parsed);
        expect(type.parse(back)).toEqual(parsed);
        if (type.plain) expect(wire).toBe(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test('no wire form, however malformed, makes the way back throw, and the parse takes or refuses it', () => {
    fc.assert(
      fc.property(cases, fc.oneof(anything, fc.anything({ withMap: false, withSet: false })), ({ schema }, wire) => {
        const type = compileMessageType(schema, 'test input');
        const value = type.fromWire(wire, refReceiver);
        try {
          type.parse(value);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(InvalidValue);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a key __proto__ off the wire never becomes a prototype, nor reaches the value', () => {
    const type = compileMessageType(z.object({ a: z.unknown() }), 'test input');
    const value = type.fromWire(JSON.parse('{"a": [{"__proto__": {"admin": true}, "b": 1}]}'), refReceiver) as {
      a: [{ admin?: true }];
    };
    expect(Object.keys(value.a[0])).toEqual(['b']);
    expect(value.a[0].admin).toBeUndefined();
  });
});

function assertWireForm(wire: unknown): void {
  if (typeof wire !== 'object' || wire === null) {
    expect(['string', 'number', 'boolean', 'undefined', 'object']).toContain(typeof wire);
  } else if (Array.isArray(wire)) for (const element of wire) assertWireForm(element);
  else if (!(wire instanceof Uint8Array)) {
    expect([Object.prototype, null]).toContain(Object.getPrototypeOf(wire));
    for (const element of Object.values(wire)) assertWireForm(element);
  }
}

/** Undefined where zod itself throws: it tries to freeze bytes below `readonly`. */
function parsedByZod(schema: z.ZodType, value: unknown): unknown {
  try {
    return schema.parse(value);
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}
