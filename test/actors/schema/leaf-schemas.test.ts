import { describe, expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import type { AnyProtocol } from '../../../src/actors/protocol.ts';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { opaque } from '../../../src/actors/schema/opaque.ts';
import { refOf, refTo } from '../../../src/actors/schema/ref-schema.ts';
import { FakeRef, receiver, refReceiver, sender } from './fake-ref.ts';

const peer = { name: 'peer', ops: {} } satisfies AnyProtocol;

describe('bytes', () => {
  test('a Buffer of 3 bytes arrives as a plain Uint8Array of 3 bytes', () => {
    const taken = compileMessageType(bytes(), 'test input').take(Buffer.from([1, 2, 3]), receiver) as Uint8Array;
    expect(taken.constructor).toBe(Uint8Array);
    expect(taken).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('9 bytes are refused where at most 8 are taken', () => {
    const type = compileMessageType(z.object({ raw: bytes({ bytesMax: 8 }) }), 'test input');
    expect(type.take({ raw: new Uint8Array(8) }, receiver)).toEqual({ raw: new Uint8Array(8) });
    expect(() => type.take({ raw: new Uint8Array(9) }, receiver)).toThrow(
      'test input, at raw: Invalid input: expected a Uint8Array of at most 8 bytes',
    );
  });

  test.each([-1, 1.5, Number.NaN])('bytesMax of %d is a usage error', (bytesMax) => {
    expect(() => bytes({ bytesMax })).toThrow('a whole number from 0 on');
  });

  test.each<[string, unknown]>([
    ['a Uint16Array', new Uint16Array(2)],
    ['text', 'text'],
    ['an array of numbers', [1, 2]],
    ['what only looks like bytes', Object.create(Uint8Array.prototype)],
  ])('%s is refused', (_name, value) => {
    expect(() => compileMessageType(bytes(), 'test input').take(value, receiver)).toThrow('expected a Uint8Array');
  });

  test('its type is Uint8Array on both sides', () => {
    const schema = z.object({ raw: bytes().optional() });
    expectTypeOf<z.input<typeof schema>>().toEqualTypeOf<{ raw?: Uint8Array | undefined }>();
    expectTypeOf<z.output<typeof schema>>().toEqualTypeOf<{ raw?: Uint8Array | undefined }>();
  });
});

describe('refs', () => {
  test('a ref of another protocol is refused by name', () => {
    const type = compileMessageType(z.object({ to: refOf(peer) }), 'test input');
    expect(() => type.take({ to: new FakeRef('a', sender, 'other') }, receiver)).toThrow(
      'test input, at to: Invalid input: expected a ref of "peer"',
    );
  });

  test('the receiver of a wire address is given the protocol of refOf, and only the name of refTo', () => {
    const asked: unknown[] = [];
    const noting = { refFromWire: (...given: unknown[]) => void asked.push(given) as undefined };
    compileMessageType(refOf(peer), 'test input').fromWire('n1/a', noting);
    compileMessageType(refTo('peer'), 'test input').fromWire('n1/a', noting);
    expect(asked).toEqual([
      ['n1/a', peer, 'peer'],
      ['n1/a', undefined, 'peer'],
    ]);
  });

  test('what is no address comes through, and the parse refuses it', () => {
    const type = compileMessageType(refTo('peer'), 'test input');
    const value = type.fromWire(17, refReceiver);
    expect(value).toBe(17);
    expect(() => type.parse(value)).toThrow('expected a ref of "peer"');
  });
});

describe('the mark of a leaf survives every method that clones a schema', () => {
  const marked = { bytes: bytes(), ref: refTo('peer'), opaque: opaque() };
  const clones: [string, (schema: z.ZodType) => z.ZodType][] = [
    ['clone', (schema) => schema.clone()],
    ['describe', (schema) => schema.describe('d')],
    ['meta', (schema) => schema.meta({ id: undefined as never, title: 't' })],
    ['refine', (schema) => schema.refine(() => true)],
    ['check', (schema) => schema.check(() => undefined)],
    ['brand', (schema) => schema.brand<'b'>()],
    ['register', (schema) => schema.register(z.registry<{ a: string }>(), { a: 'x' })],
    ['optional', (schema) => schema.optional()],
    ['nullish and nonoptional', (schema) => schema.nullish().nonoptional()],
  ];
  test.each(clones)('%s', (_name, clone) => {
    for (const [name, schema] of Object.entries(marked)) {
      expect(compileMessageType(clone(schema), 'test input').describe()).toContain(name);
    }
  });
});

describe('opaque', () => {
  test('a batch of 2 elements is handed through by reference, and comes back from its wire form', () => {
    const type = compileMessageType(z.object({ batch: opaque() }), 'test input');
    const batch = [{ when: new Date(1) }, { when: new Date(2) }];
    expect((type.take({ batch }, receiver) as { batch: unknown }).batch).toBe(batch);
    expect(type.fromWire(type.toWire({ batch }), refReceiver)).toEqual({ batch });
  });
});

describe('descriptions', () => {
  const text = (schema: z.ZodType): string => compileMessageType(schema, 'test input').describe();

  test('the order of keys, descriptions and predicates do not matter', () => {
    const one = z.object({ a: z.int().min(1).max(9), b: z.string() });
    const other = z.object({ b: z.string().describe('d'), a: z.int().max(9).min(1) }).refine(() => true);
    expect(text(one)).toBe(text(other));
  });

  test.each<[string, z.ZodType, z.ZodType]>([
    ['a bound', z.string().max(3), z.string().max(4)],
    ['a pattern', z.string().regex(/a/), z.string().regex(/b/)],
    ['a format', z.email(), z.uuid()],
    ['an optional key', z.object({ a: z.string() }), z.object({ a: z.string().optional() })],
    ['a key', z.object({ a: z.string() }), z.object({ b: z.string() })],
    ['strictness', z.object({}), z.strictObject({})],
    ['a value of an enum', z.enum(['a']), z.enum(['b'])],
    ['the type of a literal', z.literal(1), z.literal('1')],
    ['the protocol of a ref', refTo('a'), refTo('b')],
    ['the bound of bytes', bytes({ bytesMax: 1 }), bytes({ bytesMax: 2 })],
    ['integer or not', z.int(), z.number()],
    ['a template', z.templateLiteral(['a', z.int()]), z.templateLiteral(['b', z.int()])],
  ])('%s matters', (_name, one, other) => {
    expect(text(one)).not.toBe(text(other));
  });

  test('a recursive schema is described once around', () => {
    const make = (): z.ZodType => {
      const Node = z.object({
        n: z.int(),
        get kids() {
          return z.array(Node);
        },
      });
      return Node;
    };
    expect(text(make())).toBe(text(make()));
    expect(text(make())).toContain('[^');
  });
});
