import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { FakeRef, receiver, sender } from './fake-ref.ts';

interface Leaf {
  readonly schema: z.ZodType;
  make(): unknown;
}

const plain = () => ({
  deep: [{ n: 1 }],
  when: new Date(5),
  raw: new Uint8Array([1, 2]),
  map: new Map([['k', { n: 1 }]]),
});

const leaves: Record<string, Leaf> = {
  date: { schema: z.date(), make: () => new Date(1_000) },
  'coerced date': { schema: z.coerce.date(), make: () => new Date(1_000) },
  bytes: { schema: bytes(), make: () => new Uint8Array([1, 2, 3]) },
  'a Buffer as bytes': { schema: bytes(), make: () => Buffer.from([1, 2, 3]) },
  unknown: { schema: z.unknown(), make: plain },
  any: { schema: z.any(), make: plain },
  'unknown ArrayBuffer': { schema: z.unknown(), make: () => new Uint8Array([1, 2]).buffer },
  'unknown Set': { schema: z.unknown(), make: () => new Set([{ n: 1 }]) },
  custom: { schema: z.custom((value) => typeof value === 'object'), make: plain },
  'instance of Date': { schema: z.instanceof(Date), make: () => new Date(1_000) },
  ref: { schema: refTo('peer'), make: () => new FakeRef('a', sender) },
  'unknown ref': { schema: z.unknown(), make: () => ({ ref: new FakeRef('a', sender) }) },
  'loose object': { schema: z.looseObject({ n: z.number() }), make: () => ({ n: 1, extra: plain() }) },
  'loose record': { schema: z.looseRecord(z.string().startsWith('x'), z.number()), make: () => ({ x: 1, y: plain() }) },
  catchall: { schema: z.object({ n: z.number() }).catchall(z.date()), make: () => ({ n: 1, other: new Date(3) }) },
  'strict object': {
    schema: z.strictObject({ inner: z.object({ n: z.number() }) }),
    make: () => ({ inner: { n: 1 } }),
  },
};

const places: Record<string, (leaf: Leaf) => Leaf> = {
  'on its own': (leaf) => leaf,
  'in an object': ({ schema, make }) => ({ schema: z.object({ a: schema }), make: () => ({ a: make() }) }),
  'in two objects': ({ schema, make }) => ({
    schema: z.object({ a: z.object({ b: schema, c: z.string() }) }),
    make: () => ({ a: { b: make(), c: 'c' } }),
  }),
  'in an array': ({ schema, make }) => ({ schema: z.array(schema), make: () => [make(), make()] }),
  'in a tuple': ({ schema, make }) => ({
    schema: z.tuple([z.string(), schema], schema),
    make: () => ['a', make(), make(), make()],
  }),
  'in a record': ({ schema, make }) => ({ schema: z.record(z.string(), schema), make: () => ({ k: make() }) }),
  'in a Map as value': ({ schema, make }) => ({
    schema: z.map(z.string(), schema),
    make: () => new Map([['k', make()]]),
  }),
  'in a Map as key': ({ schema, make }) => ({
    schema: z.map(schema, z.string()),
    make: () => new Map([[make(), 'v']]),
  }),
  'in a Set': ({ schema, make }) => ({ schema: z.set(schema), make: () => new Set([make()]) }),
  'in a union': ({ schema, make }) => ({
    schema: z.union([z.object({ never: z.literal('there') }), z.object({ a: schema })]),
    make: () => ({ a: make() }),
  }),
  'in a bare union': ({ schema, make }) => ({ schema: z.union([z.string(), schema]), make }),
  'in a discriminated union': ({ schema, make }) => ({
    schema: z.discriminatedUnion('t', [
      z.object({ t: z.literal('a'), v: z.number() }),
      z.object({ t: z.literal('b'), v: schema }).readonly(),
    ]),
    make: () => ({ t: 'b', v: make() }),
  }),
  'in an intersection': ({ schema, make }) => ({
    schema: z.intersection(z.object({ a: schema }), z.object({ b: schema })),
    make: () => ({ a: make(), b: make() }),
  }),
  'in both sides of an intersection': ({ make }) => ({
    schema: z.intersection(z.unknown(), z.object({ a: z.unknown() })),
    make: () => ({ a: { leaf: make() }, extra: { leaf: make() } }),
  }),
  'where it is optional': ({ schema, make }) => ({
    schema: z.object({ a: schema.optional() }),
    make: () => ({ a: make() }),
  }),
  'where it is nullable': ({ schema, make }) => ({ schema: schema.nullable(), make }),
  'below readonly': ({ schema, make }) => ({
    schema: z.object({ a: z.object({ b: schema }).readonly() }).readonly(),
    make: () => ({ a: { b: make() } }),
  }),
  'readonly itself': ({ schema, make }) => ({
    schema: z.object({ a: schema.readonly() }),
    make: () => ({ a: make() }),
  }),
  'where it has a default': ({ schema, make }) => ({
    schema: z.object({ a: schema.default(make() as never) }),
    make: () => ({ a: make() }),
  }),
  'where it has a catch': ({ schema, make }) => ({
    schema: z.object({ a: schema.catch(make() as never) }),
    make: () => ({ a: make() }),
  }),
  'in a lazy schema': ({ schema, make }) => ({
    schema: z.lazy(() => z.object({ a: schema })),
    make: () => ({ a: make() }),
  }),
  'described, refined and nonoptional': ({ schema, make }) => ({
    schema: z.object({
      a: schema
        .describe('d')
        .meta({ title: 't' })
        .refine(() => true)
        .optional()
        .nonoptional(),
    }),
    make: () => ({ a: make() }),
  }),
  'in a recursive object': ({ schema, make }) => {
    const Node = z.object({
      a: schema,
      get kids() {
        return z.array(Node);
      },
    });
    return { schema: Node, make: () => ({ a: make(), kids: [{ a: make(), kids: [] }] }) };
  },
};

describe.each(Object.entries(places))('%s', (_place, placed) => {
  test.each(Object.entries(leaves))('%s: what is taken shares nothing with what was sent', (_name, leaf) => {
    const { schema, make } = placed(leaf);
    const type = compileMessageType(schema, 'test input');
    const sent = make();
    const taken = type.take(sent, receiver);
    const before = snapshot(taken);

    expect(sharedObjects(sent, taken)).toEqual([]);
    vandalize(sent);
    expect(snapshot(taken)).toBe(before);
    expect(before).toBe(snapshot(type.take(make(), receiver)));
    expect(refOwners(taken).every((owner) => owner === receiver)).toBe(true);
  });

  test.each(Object.entries(leaves))('%s: rebinding a parsed value changes nothing in it', (_name, leaf) => {
    const { schema, make } = placed(leaf);
    const type = compileMessageType(schema, 'test input');
    const parsed = type.take(make(), sender);
    const before = snapshot(parsed);

    const rebound = type.rebind(parsed, receiver);
    expect(refOwners(rebound).every((owner) => owner === receiver)).toBe(true);
    expect(refOwners(parsed).every((owner) => owner === sender)).toBe(true);
    vandalizeLeaves(rebound);
    expect(snapshot(parsed)).toBe(before);
  });
});

describe('defaults', () => {
  test('two messages that take a default of 2 levels share neither of them', () => {
    const type = compileMessageType(
      z.object({
        a: z.object({ tags: z.array(z.string()), when: z.date() }).default({ tags: ['x'], when: new Date(1) }),
      }),
      'test input',
    );
    const one = type.take({}, receiver) as { a: { tags: string[]; when: Date } };
    one.a.tags.push('changed');
    one.a.when.setTime(9);
    expect(type.take({}, receiver)).toEqual({ a: { tags: ['x'], when: new Date(1) } });
  });

  test('two messages that take the value of a catch share nothing', () => {
    const type = compileMessageType(z.object({ a: z.array(z.array(z.number())).catch([[1]]) }), 'test input');
    const one = type.take({ a: 'wrong' }, receiver) as { a: number[][] };
    one.a[0]?.push(2);
    expect(type.take({ a: 'wrong' }, receiver)).toEqual({ a: [[1]] });
  });

  test('the function of a default is called once for each of 3 messages, and not at definition', () => {
    let calls = 0;
    const type = compileMessageType(z.object({ id: z.number().default(() => ++calls) }), 'test input');
    expect(calls).toBe(0);
    expect([1, 2, 3].map(() => type.take({}, receiver))).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test('the function of a prefault is called once for each of 3 messages', () => {
    let calls = 0;
    const type = compileMessageType(z.object({ id: z.number().prefault(() => ++calls) }), 'test input');
    expect([1, 2, 3].map(() => type.take({}, receiver))).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test('a default that does not fit its own schema is refused, since a receiver would refuse it', () => {
    const type = compileMessageType(z.object({ name: z.string().min(1).default('') }), 'test input');
    expect(() => type.take({}, receiver)).toThrow(/name: Too small/);
  });
});

describe('readonly', () => {
  test('freezes what is received, and leaves the Date, the object and the ref of the sender as they were', () => {
    const type = compileMessageType(
      z.object({
        d: z.date().readonly(),
        u: z.unknown().readonly(),
        r: refTo('peer').readonly(),
        o: z.object({ n: z.number() }).readonly(),
      }),
      'test input',
    );
    const sent = { d: new Date(1), u: { n: 1 }, r: new FakeRef('a', sender), o: { n: 1 } };
    const taken = type.take(sent, receiver) as typeof sent;
    expect([sent.d, sent.u, sent.r, sent.o].map((part) => Object.isFrozen(part))).toEqual([false, false, false, false]);
    expect([taken.u, taken.o].map((part) => Object.isFrozen(part))).toEqual([true, true]);
    expect(Object.isFrozen(taken.r)).toBe(false);
  });

  test('an object that a recursive message holds twice is copied though it is frozen', () => {
    const Node = z
      .object({
        when: z.date(),
        get kids(): z.ZodArray {
          return z.array(Node);
        },
      })
      .readonly();
    const type = compileMessageType(z.object({ a: Node, b: Node }), 'test input');
    const twice = { when: new Date(1), kids: [] };
    const taken = type.take({ a: twice, b: twice }, receiver) as { a: typeof twice; b: typeof twice };
    twice.when.setTime(2);
    expect([taken.a.when.getTime(), taken.b.when.getTime()]).toEqual([1, 1]);
  });
});

describe('plain types', () => {
  test('a type of JSON-like data is plain, and its parsed value is its wire form', () => {
    const type = compileMessageType(z.object({ a: z.int(), b: z.array(z.string().nullable()) }), 'test input');
    const parsed = type.take({ a: 1, b: ['x', null] }, receiver);
    expect(type.plain).toBe(true);
    expect(type.toWire(parsed)).toBe(parsed);
    expect(type.rebind(parsed, receiver)).toBe(parsed);
  });

  test.each([
    ['a date', z.object({ a: z.date() })],
    ['an optional key', z.object({ a: z.string().optional() })],
    ['unknown', z.unknown()],
    ['nothing', z.void()],
    ['a readonly object', z.object({}).readonly()],
  ])('a type with %s is not plain', (_name, schema) => {
    expect(compileMessageType(schema, 'test input').plain).toBe(false);
  });

  test('a recursive type of JSON-like data is plain', () => {
    expect(compileMessageType(z.json(), 'test input').plain).toBe(true);
  });
});

/** The objects that two values have in common, refs and shared prototypes aside. */
function sharedObjects(one: unknown, other: unknown): unknown[] {
  const seen = new Set(objectsIn(one));
  return objectsIn(other).filter((object) => seen.has(object) && !(object instanceof FakeRef));
}

function objectsIn(value: unknown, found: object[] = []): object[] {
  if (typeof value !== 'object' || value === null || found.includes(value)) return found;
  found.push(value);
  if (ArrayBuffer.isView(value)) found.push(value.buffer);
  else if (!(value instanceof FakeRef)) for (const part of partsOf(value)) objectsIn(part, found);
  return found;
}

function partsOf(value: object): unknown[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return [...value];
  return Object.values(value);
}

function refOwners(value: unknown): unknown[] {
  return objectsIn(value).flatMap((object) => (object instanceof FakeRef ? [object.owner] : []));
}

/** Changes everything that can be changed in a value. */
function vandalize(value: unknown): void {
  const objects = objectsIn(value);
  vandalizeLeaves(value);
  for (const object of objects) {
    if (object instanceof Map || object instanceof Set) object.clear();
    else if (Array.isArray(object)) object.push('vandalized');
    else if (Object.getPrototypeOf(object) === Object.prototype) {
      for (const key of Object.keys(object)) (object as Record<string, unknown>)[key] = 'vandalized';
    }
  }
}

function vandalizeLeaves(value: unknown): void {
  for (const object of objectsIn(value)) {
    if (object instanceof Date) object.setTime(77);
    else if (object instanceof Uint8Array) object.fill(77);
    else if (object instanceof ArrayBuffer) new Uint8Array(object).fill(77);
  }
}

function snapshot(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof FakeRef) return `ref ${part.path}`;
    if (part instanceof Map) return ['map', ...part];
    if (part instanceof Set) return ['set', ...part];
    if (part instanceof ArrayBuffer) return ['buffer', ...new Uint8Array(part)];
    return ArrayBuffer.isView(part) ? ['bytes', ...(part as Uint8Array)] : part;
  });
}
