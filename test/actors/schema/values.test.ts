import { createServer } from 'node:net';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { InvalidValue } from '../../../src/actors/schema/errors.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { receiver } from './fake-ref.ts';

function finding(schema: z.ZodType, value: unknown): InvalidValue {
  try {
    compileMessageType(schema, 'counter.inc input').take(value, receiver);
  } catch (thrown) {
    if (thrown instanceof InvalidValue) return thrown;
    throw thrown;
  }
  throw new Error('the value was taken');
}

class Account {
  balance = 1;
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const cyclicArray: unknown[] = [];
cyclicArray.push(new Map([['k', cyclicArray]]));

const unsendable: Record<string, unknown> = {
  'a function': () => 1,
  'a class': Account,
  'a symbol': Symbol('s'),
  'a class instance': new Account(),
  'an error': new Error('e'),
  'a RegExp': /x/,
  'a URL': new URL('https://a.b'),
  'a Promise': Promise.resolve(1),
  'a WeakMap': new WeakMap(),
  'a boxed string': new String('s'),
  'a server': createServer(),
  'an invalid Date': new Date(Number.NaN),
  'what only looks like a Date': Object.create(Date.prototype),
  'what only looks like bytes': Object.create(Uint8Array.prototype),
  'what only looks like a Map': Object.create(Map.prototype),
  'a Float64Array': new Float64Array(2),
  'a DataView': new DataView(new ArrayBuffer(1)),
  'a SharedArrayBuffer': new SharedArrayBuffer(1),
  'a revoked proxy': revoked(),
  'a proxy that throws': new Proxy({}, { ownKeys: () => thrower(), getPrototypeOf: () => thrower() }),
  'a cycle': cyclic,
  'a cycle through a Map': cyclicArray,
  'an array that claims 4,294,967,295 places': new Array(4_294_967_295),
  'more than 100,000 values': Array.from({ length: 100_001 }, () => 1),
  'a few values held 2^20 times': doubled(20),
  '33 levels': nested(33),
  '4,000 levels': nested(4_000),
  'a key __proto__': JSON.parse('{"__proto__": {"admin": true}}'),
  'a generator': (function* () {
    yield 1;
  })(),
};

describe('what is no plain data is refused where the schema admits anything', () => {
  test.each(Object.entries(unsendable))('%s', (_name, value) => {
    for (const schema of [z.unknown(), z.any(), z.custom(() => true)]) {
      const { path, message } = finding(z.object({ list: z.array(schema) }), { list: [1, value] });
      expect(path.slice(0, 2)).toEqual(['list', 1]);
      expect(message).toMatch(/^counter\.inc input, at list\[1\]/);
    }
    expect(finding(z.unknown(), { a: new Map([['k', [new Set([value])]]]) }).path.slice(0, 4)).toEqual([
      'a',
      'k',
      0,
      0,
    ]);
  });

  test.each(Object.entries(unsendable))('%s is refused on the way to the wire as well', (_name, value) => {
    const type = compileMessageType(z.unknown(), 'counter.inc input');
    expect(() => type.toWire({ list: [1, value] })).toThrow(InvalidValue);
  });

  test('a getter that throws is refused with its path', () => {
    const value = Object.defineProperty({ ok: 1 }, 'bad', { enumerable: true, get: thrower });
    expect(finding(z.unknown(), [value]).path).toEqual([0, 'bad']);
    expect(finding(z.object({ bad: z.string() }), value).message).toContain('looking at it threw Error: from inside');
  });

  test('32 levels and 99,998 values are taken', () => {
    const type = compileMessageType(z.unknown(), 'test input');
    expect(type.take(nested(32), receiver)).toEqual(nested(32));
    expect(
      type.take(
        Array.from({ length: 99_998 }, () => 1),
        receiver,
      ),
    ).toHaveLength(99_998);
  });

  test('ordinary data with odd keys is taken, and no prototype changes', () => {
    const value = JSON.parse('{"constructor": {"prototype": {"polluted": 1}}, "toString": 1, "hasOwnProperty": null}');
    const type = compileMessageType(z.unknown(), 'test input');
    expect(type.take(value, receiver)).toEqual(value);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('symbol keys are left behind', () => {
    const shared = { n: 1 };
    const taken = compileMessageType(z.unknown(), 'test input').take({ [Symbol('s')]: shared, a: 1 }, receiver);
    expect(Reflect.ownKeys(taken as object)).toEqual(['a']);
  });

  test('plain objects of another realm and without a prototype are taken', () => {
    const type = compileMessageType(z.object({ a: z.object({ b: z.unknown() }) }), 'test input');
    const bare = Object.assign(Object.create(null), { b: { c: 1 } });
    expect(type.take({ a: bare }, receiver)).toEqual({ a: { b: { c: 1 } } });
    expect(type.take(runInNewContext('({ a: { b: { c: 1 } } })'), receiver)).toEqual({ a: { b: { c: 1 } } });
  });
});

describe('an object schema takes plain objects only', () => {
  const optional = z.object({ a: z.string().optional() });
  const places: Record<string, [z.ZodType, (value: unknown) => unknown, (string | number)[]]> = {
    'on its own': [optional, (value) => value, []],
    'in an object': [z.object({ o: optional }), (o) => ({ o }), ['o']],
    'in an array': [z.array(optional), (value) => [{}, value], [1]],
    'strict, in a tuple': [z.tuple([z.strictObject({ a: z.string().optional() })]), (value) => [value], [0]],
    'loose, in a Map': [z.map(z.string(), z.looseObject({})), (value) => new Map([['k', value]]), ['k']],
    recursive: [recursive(), (kid) => ({ kids: [{ kids: [kid] }] }), ['kids', 0, 'kids', 0]],
    'extended and refined': [
      z.object({ o: optional.extend({ b: z.string().optional() }).refine(() => true) }),
      (o) => ({ o }),
      ['o'],
    ],
    'with a default and readonly': [z.object({ o: optional.readonly().default({}) }), (o) => ({ o }), ['o']],
  };
  const others: [string, unknown][] = [
    ['a Map', new Map([['a', 'x']])],
    ['a class instance', new Account()],
    ['a Date', new Date(1)],
    ['a function with the keys', Object.assign(() => 1, { a: 'x' })],
  ];
  for (const [place, [schema, put, path]] of Object.entries(places)) {
    test.each(others)(`${place}: refuses %s with its path`, (_name, value) => {
      expect(finding(schema, put(value)).path).toEqual(path);
    });
  }

  test('a Map in a union of an all-optional object and a Map is taken as the Map', () => {
    const type = compileMessageType(z.union([optional, z.map(z.string(), z.string())]), 'test input');
    expect(type.take(new Map([['a', 'x']]), receiver)).toEqual(new Map([['a', 'x']]));
  });

  test('a discriminated union refuses a class instance with the right tag', () => {
    class Tagged {
      t = 'a';
    }
    const schema = z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]);
    expect(finding(z.object({ u: schema }), { u: new Tagged() }).path).toEqual(['u']);
  });

  test('unknown keys are stripped, whatever they hold', () => {
    const type = compileMessageType(z.object({ a: z.int() }), 'test input');
    expect(type.take({ a: 1, f: () => 1, s: new Account(), c: cyclic }, receiver)).toEqual({ a: 1 });
  });
});

describe('recursive schemas bound their values', () => {
  const Node = recursive();

  test('a cycle is refused', () => {
    const value: { kids: unknown[] } = { kids: [] };
    value.kids.push(value);
    expect(finding(Node, value).message).toContain('in a cycle, or nested deeper than 32 levels');
    expect(() => compileMessageType(Node, 'test input').parse(value)).toThrow(InvalidValue);
  });

  test.each([17, 20_000])('%i levels of objects and arrays are refused', (levels) => {
    let value = { kids: [] as unknown[] };
    for (let level = 1; level < levels; level++) value = { kids: [value] };
    expect(finding(Node, value).message).toMatch(/deep/);
  });

  test('schemas that refer to each other are compiled', () => {
    const Person = z.object({
      born: z.date(),
      get homes(): z.ZodArray<typeof Home> {
        return z.array(Home);
      },
    });
    const Home = z.object({
      get owner(): z.ZodOptional<typeof Person> {
        return Person.optional();
      },
    });
    const type = compileMessageType(Person, 'test input');
    const sent = { born: new Date(1), homes: [{ owner: { born: new Date(2), homes: [] } }] };
    const taken = type.take(sent, receiver);
    expect(taken).toEqual(sent);
    expect(type.describe()).toBe(compileMessageType(Person, 'another').describe());
  });

  test('a recursive discriminated union takes what it describes', () => {
    const Expression: z.ZodType = z.discriminatedUnion('t', [
      z.object({ t: z.literal('n'), when: z.date() }),
      z.object({
        t: z.literal('add'),
        get left(): z.ZodType {
          return Expression;
        },
      }),
    ]);
    const type = compileMessageType(Expression, 'test input');
    const sent = { t: 'add', left: { t: 'add', left: { t: 'n', when: new Date(1) } } };
    expect(type.take(sent, receiver)).toEqual(sent);
    expect(finding(Expression, { t: 'add', left: new Account() }).path).toEqual(['left']);
  });
});

describe('findings', () => {
  test('the first issue is named with its path', () => {
    const { path, message, code } = finding(z.object({ a: z.array(z.object({ b: z.int() })) }), {
      a: [{ b: 1 }, { b: 'x' }],
    });
    expect(path).toEqual(['a', 1, 'b']);
    expect(message).toBe('counter.inc input, at a[1].b: Invalid input: expected number, received string');
    expect(code).toBe('InvalidValue');
  });

  test('of a union, the issue that lies deepest is named', () => {
    const schema = z.union([z.string(), z.object({ a: z.object({ b: z.int() }) })]);
    expect(finding(z.object({ u: schema }), { u: { a: { b: 'x' } } }).path).toEqual(['u', 'a', 'b']);
  });

  test('a finding holds nothing of the value', () => {
    const secret = 'canary-4711';
    const { message } = finding(z.object({ a: z.enum(['x']), b: z.int() }), { a: secret, b: secret });
    expect(message).not.toContain(secret);
  });
});

describe('asynchronous schemas', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  afterEach(() => {
    process.off('unhandledRejection', note);
  });

  test.each<[string, z.ZodType]>([
    ['an async refinement', z.string().refine(async () => thrower())],
    ['a refinement that gives a promise', z.string().refine(() => Promise.reject(new Error('no')))],
    ['a refinement that gives a thenable', z.string().refine(() => Object.fromEntries([['then', () => undefined]]))],
    ['an async superRefine', z.string().superRefine(async () => thrower())],
    ['an async check', z.string().check(async () => thrower())],
    ['an async custom schema', z.custom(async () => thrower())],
    ['an async string format', z.stringFormat('odd', (async () => thrower()) as never)],
    ['an async refinement deep inside', z.object({ a: z.array(z.string().refine(async () => thrower())).readonly() })],
  ])('%s is a typed error, and its rejection is looked after', async (_name, schema) => {
    process.on('unhandledRejection', note);
    const type = compileMessageType(schema, 'test input');
    const value = schema instanceof z.ZodObject ? { a: ['x'] } : 'x';
    expect(() => type.take(value, receiver)).toThrow(/its schema is asynchronous/);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unhandled).toEqual([]);
  });

  test('a refinement that throws is a finding', () => {
    expect(
      finding(
        z.string().refine(() => thrower()),
        'x',
      ).message,
    ).toContain('looking at it threw Error: from inside');
  });
});

describe('other Standard Schemas', () => {
  const standard = (validate: (value: unknown) => unknown) =>
    compileMessageType({ '~standard': { version: 1, vendor: 'other', validate } }, 'test input');

  test('what it gives is copied, with everything in it', () => {
    const type = standard((value) => ({ value }));
    const sent = { when: new Date(1), list: [{ n: 1 }] };
    const taken = type.take(sent, receiver) as typeof sent;
    sent.when.setTime(2);
    expect(taken).toEqual({ when: new Date(1), list: [{ n: 1 }] });
    expect(taken.list[0]).not.toBe(sent.list[0]);
    expect(type.describe()).toBe('standard:other');
  });

  test('its first issue is the finding', () => {
    const type = standard(() => ({ issues: [{ message: 'too odd', path: ['a', { key: 3 }] }] }));
    expect(() => type.take({}, receiver)).toThrow('test input, at a[3]: too odd');
  });

  test('an asynchronous one is a typed error', () => {
    expect(() => standard(async () => thrower()).take({}, receiver)).toThrow(/its schema is asynchronous/);
  });
});

function recursive(): z.ZodType {
  const Node = z.object({
    get kids() {
      return z.array(Node);
    },
  });
  return Node;
}

function thrower(): never {
  throw new Error('from inside');
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function doubled(times: number): unknown {
  let value: unknown = 1;
  for (let time = 0; time < times; time++) value = [value, value];
  return value;
}
