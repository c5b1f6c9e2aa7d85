/** Bytes that all threads read: what can be done with them, and that nobody gets at the memory. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { bytes } from '../../../src/actors/schema/bytes.ts';
import { move } from '../../../src/actors/schema/given-away.ts';
import { compileMessageType } from '../../../src/actors/schema/message-type.ts';
import { SharedBytes, share, sharedBytes } from '../../../src/actors/schema/shared-bytes.ts';
import { BesideBytes } from '../../../src/base/beside-bytes.ts';
import { refReceiver as receiver } from './fake-ref.ts';

const four = (): SharedBytes => share(Uint8Array.of(1, 2, 3, 4));

describe('SharedBytes', () => {
  test('are a copy: the caller may change its bytes afterwards', () => {
    const mine = Uint8Array.of(1, 2);
    const shared = share(mine);
    mine[0] = 9;
    expect([shared.byteLength, shared.at(0), shared.at(-1), shared.at(2)]).toEqual([2, 1, 2, undefined]);
    expect(share(mine.buffer).at(0)).toBe(9);
    expect(share(Buffer.from('pooled')).byteLength).toBe(6);
    expect(share(new Uint8Array(0)).slice()).toEqual(new Uint8Array(0));
  });

  test.each([
    [[], [1, 2, 3, 4]],
    [[1], [2, 3, 4]],
    [
      [1, 3],
      [2, 3],
    ],
    [[-2], [3, 4]],
    [
      [0, -1],
      [1, 2, 3],
    ],
    [[3, 1], []],
    [[9], []],
  ] as [number[], number[]][])('slice(%j) is a copy of %j', (given, expected) => {
    const shared = four();
    const slice = shared.slice(...given);
    expect([...slice]).toEqual(expected);
    expect(slice.buffer).toBeInstanceOf(ArrayBuffer);
    slice.fill(99);
    expect([...shared.slice()]).toEqual([1, 2, 3, 4]);
  });

  test.each([
    [4, undefined, 4, [1, 2, 3, 4]],
    [2, undefined, 2, [1, 2]],
    [6, undefined, 4, [1, 2, 3, 4, 0, 0]],
    [3, 2, 2, [3, 4, 0]],
    [3, -1, 1, [4, 0, 0]],
    [3, 9, 0, [0, 0, 0]],
  ] as [number, number | undefined, number, number[]][])(
    'copyTo a target of %i from %s copies %i',
    (length, start, count, expected) => {
      const target = new Uint8Array(length);
      expect(four().copyTo(target, start)).toBe(count);
      expect([...target]).toEqual(expected);
    },
  );

  test('give nobody their memory: not through methods of the target, keys, inspection or cloning', () => {
    const seen: unknown[] = [];
    class Spy extends Uint8Array {
      override set(source: ArrayLike<number>): void {
        seen.push(source);
      }
    }
    const shared = four();
    const spy = new Spy(4);
    shared.copyTo(spy);
    expect(seen).toEqual([]);
    expect([...spy]).toEqual([1, 2, 3, 4]);
    expect(Reflect.ownKeys(shared)).toEqual([]);
    expect(inspect(shared, { showHidden: true })).toBe('SharedBytes(4)');
    expect(structuredClone(shared)).toEqual({});
    expect(Object.isFrozen(shared)).toBe(true);
    const Class = shared.constructor as unknown as new (own: unknown, memory: SharedArrayBuffer) => unknown;
    expect(() => new Class(undefined, new SharedArrayBuffer(4))).toThrow(/made with share\(bytes\)/);
    expect(() => SharedBytes.prototype.at.call(Object.create(SharedBytes.prototype), 0)).toThrow(TypeError);
  });

  test.each([
    ['a string', 'x'],
    ['nothing', undefined],
    ['shared memory', new SharedArrayBuffer(2)],
    ['a DataView', new DataView(new ArrayBuffer(2))],
  ])('share(…) of %s is a UsageError', (_what, value) => {
    expect(() => share(value as never)).toThrow(expect.objectContaining({ code: 'UsageError' }));
    expect(() => four().copyTo(value as never)).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });

  test('share(…) of bytes that were given away is a UsageError', () => {
    const mine = new Uint8Array(3);
    structuredClone(mine.buffer, { transfer: [mine.buffer] });
    expect(() => share(mine)).toThrow(/given away/);
    expect(() => share(mine.buffer)).toThrow(/given away/);
  });
});

describe('sharedBytes()', () => {
  const type = compileMessageType(z.object({ table: sharedBytes({ bytesMax: 4 }) }), 'a message');

  test('hands them through as they are on one thread', () => {
    const table = four();
    expect((type.take({ table }, {}) as { table: unknown }).table).toBe(table);
    const any = compileMessageType(z.unknown(), 'a message');
    expect(any.take([table], {})).toEqual([table]);
    expect((any.take([table], {}) as unknown[])[0]).toBe(table);
  });

  test('on a wire they are their memory, which is the same again on the other side', () => {
    const table = four();
    const wire = type.toWire({ table }) as { table: BesideBytes };
    expect([wire.table.isShared, wire.table.byteLength]).toEqual([true, 4]);
    const arrived = type.fromWire(wire, receiver) as { table: SharedBytes };
    expect(arrived.table).not.toBe(table);
    new Uint8Array(wire.table.buffer)[0] = 42;
    expect([arrived.table.at(0), table.at(0)]).toEqual([42, 42]);
  });

  test('off a wire that had bytes they are shared anew; in what no schema describes as well', () => {
    const arrived = type.fromWire({ table: Uint8Array.of(7, 8) }, receiver) as { table: SharedBytes };
    expect([...arrived.table.slice()]).toEqual([7, 8]);
    const any = compileMessageType(z.unknown(), 'a message');
    const wire = any.toWire({ deep: [four()] });
    expect(wire).toEqual({ deep: [{ $shared: new BesideBytes(Uint8Array.of(1, 2, 3, 4).buffer) }] });
    const back = any.fromWire(wire, receiver) as { deep: SharedBytes[] };
    expect([...(back.deep[0]?.slice() ?? [])]).toEqual([1, 2, 3, 4]);
  });

  test('never hands memory that threads share to a receiver of plain bytes', () => {
    const plain = compileMessageType(bytes(), 'a message');
    const arrived = plain.fromWire(new BesideBytes(new SharedArrayBuffer(3)), receiver) as Uint8Array;
    expect(arrived.buffer).toBeInstanceOf(ArrayBuffer);
  });

  const lookAlikes: [string, () => unknown][] = [
    ['bytes', () => new Uint8Array(2)],
    ['shared memory', () => new SharedArrayBuffer(2)],
    [
      'an object with its methods',
      () => ({ byteLength: 2, at: () => 0, slice: () => new Uint8Array(2), copyTo: () => 2 }),
    ],
    ['an object of its class', () => Object.create(SharedBytes.prototype)],
    ['a proxy of one', () => new Proxy(four(), {})],
    ['one that is too long', () => share(new Uint8Array(5))],
    ['one of another copy of the package', () => foreign()],
  ];
  test.each(lookAlikes)('refuses %s', (_what, make) => {
    expect(() => type.take({ table: make() }, {})).toThrow(
      expect.objectContaining({ code: 'InvalidValue', path: ['table'] }),
    );
  });

  test('says of one of another copy of the package what it is', () => {
    const any = compileMessageType(z.unknown(), 'a message');
    expect(() => any.take({ at: foreign() }, {})).toThrow(/another copy of the package/);
  });

  test('cannot be given away', () => {
    expect(() => move(four() as never)).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });

  test.each([-1, 1.5, Number.NaN, '4'])('takes no bytesMax of %s', (bytesMax) => {
    expect(() => sharedBytes({ bytesMax: bytesMax as number })).toThrow(/whole number/);
  });
});

/** As another copy of the package makes them: the same mark, and another class. */
function foreign(): unknown {
  class SharedBytes {
    get [Symbol.for('troupe.sharedBytes')](): true {
      return true;
    }
  }
  return new SharedBytes();
}
