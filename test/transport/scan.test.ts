import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { FrameScanner } from '../../src/transport/scan.ts';
import { bytesOf } from './support.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const records = new Packr({ useRecords: true });
const moreTypes = new Packr({ useRecords: false, moreTypes: true, useBigIntExtension: true });
const small = { itemsMax: 1_000, depthMax: 4, stringBytesMax: 100, keysMax: 8 };

const scan = (bytes: Uint8Array): string => new FrameScanner().scan(bytes);
const scanSmall = (value: unknown): string => new FrameScanner(small).scan(packr.pack(value));
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');
const uint32 = 'ff ff ff ff';

function faultOf(item: Uint8Array, limits = small): string | undefined {
  const scanner = new FrameScanner(limits);
  expect(scanner.scan(bytesOf(0x93, 1, item, 2))).toBe('refused');
  expect(scanner.refused).toHaveLength(1);
  expect(scanner.refused[0]).toMatchObject({ index: 1, start: 2, end: 2 + item.length });
  return scanner.refused[0]?.fault;
}

describe('scan', () => {
  it('accepts every value of the wire form', () => {
    const value = [
      1,
      -1,
      2 ** 40,
      1.5,
      NaN,
      -0,
      null,
      undefined,
      true,
      'text',
      'é'.repeat(300),
      new Uint8Array(70_000),
    ];
    expect(scan(packr.pack([...value, value, { a: { b: [{}] }, c: undefined }, [], {}]))).toBe('ok');
    expect(scan(packr.pack([]))).toBe('ok');
  });

  it.each([
    ['an empty frame', '', 'empty'],
    ['a number', '01', 'not-an-array'],
    ['a map', '80', 'not-an-array'],
    ['a string', 'a1 61', 'not-an-array'],
    ['a second value', '90 90', 'trailing'],
    ['a byte that is never used', '91 c1', 'reserved'],
    ['an array header cut short', 'dc 00', 'truncated'],
    ['a missing element', '92 01', 'truncated'],
    ['a number cut short', '91 cb 00 00', 'truncated'],
    ['a string cut short', '91 a5 61', 'truncated'],
    ['a nested string cut short', '91 91 a5 61', 'truncated'],
    ['a map without its value', '91 81 a1 61', 'truncated'],
    ['a key cut short', '91 81 a5 61', 'truncated'],
  ])('answers for %s what is wrong with the frame', (_what, bytes, verdict) => {
    expect(scan(hex(bytes))).toBe(verdict);
  });

  it.each(['dd', '91 dd', '91 df', '91 db', '91 c6', '91 81 db', '92 91 dd'])(
    'catches the length 2^32 - 1 behind %s at once',
    (prefix) => {
      expect(scan(hex(`${prefix} ${uint32}`))).toBe('truncated');
      expect(scan(hex(`${prefix} ${uint32} 00`))).toBe('truncated');
    },
  );

  it.each([
    ['a RegExp', moreTypes.pack([/a/])],
    ['an Error', moreTypes.pack([new Error('x')])],
    ['a Set', moreTypes.pack([new Set([1])])],
    ['a Date', packr.pack([new Date()])],
    ['a typed array', moreTypes.pack([new Float64Array(2)])],
    ['a bigint of 100 bits', moreTypes.pack([2n ** 100n])],
    ['a record', records.pack([{ a: 1 }])],
    ['an extension of type 0 and length 2', hex('91 d5 00 00 00')],
    ['an undefined with a payload', hex('91 d4 00 01')],
    ['an ext 8', hex('91 c7 01 00 00')],
    ['an ext 32 of length 2^32 - 1', hex(`91 c9 ${uint32} 00`)],
    ['a pointer', hex('91 d6 70 00 00 00 01')],
    ['an extension inside a refused item', hex('91 92 81 01 02 d6 70 00 00 00 01')],
  ])('refuses %s as an extension that is not ours', (_what, bytes) => {
    expect(scan(bytes)).toBe('extension');
  });

  it('refuses an item nested 5 deep when 4 are allowed, and the frame around it lives', () => {
    expect(faultOf(packr.pack([[[[[]]]]]))).toBe('depth');
    expect(scanSmall([0, [[[[]]]]])).toBe('ok');
  });

  it('walks past an item nested 100,000 deep', () => {
    const bomb = Buffer.alloc(100_001, 0x91).fill(0xc0, 100_000);
    expect(faultOf(bomb)).toBe('depth');
    expect(scan(bytesOf(0x91, bomb.subarray(0, 100_000)))).toBe('truncated');
  });

  it('refuses a string of 101 bytes and a map of 9 keys, each at its limit plus one', () => {
    expect(scanSmall(['x'.repeat(100)])).toBe('ok');
    expect(faultOf(packr.pack('x'.repeat(101)))).toBe('string');
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]));
    expect(scanSmall([keys(8)])).toBe('ok');
    expect(faultOf(packr.pack(keys(9)))).toBe('keys');
  });

  it('refuses the frame at 1,001 values, counted over all items', () => {
    expect(scanSmall([new Array(499).fill(0), new Array(499).fill(0)])).toBe('ok');
    expect(scanSmall([new Array(499).fill(0), new Array(500).fill(0)])).toBe('items');
    expect(scanSmall(new Array(1_001).fill(0))).toBe('items');
  });

  it('refuses a key that is no string, is __proto__, or stands twice in its map', () => {
    expect(faultOf(hex('81 01 02'))).toBe('key-type');
    expect(faultOf(hex('81 90 02'))).toBe('key-type');
    expect(faultOf(bytesOf(0x81, 0xa9, '__proto__', 0x80))).toBe('key-name');
    expect(faultOf(bytesOf(0x81, 0xd9, 9, '__proto__', 0x80))).toBe('key-name');
    expect(faultOf(hex('82 a1 61 01 a1 61 02'))).toBe('key-twice');
    expect(faultOf(hex('82 a1 61 01 d9 01 61 02'))).toBe('key-twice');
    expect(faultOf(hex('82 a1 61 81 a1 62 01 a1 61 02'))).toBe('key-twice');
  });

  it('takes the same key in two maps, and the names of prototype members', () => {
    expect(scan(packr.pack([{ a: { a: { a: 1 }, b: { a: 2 } }, b: [{ a: 1 }, { a: 1 }] }]))).toBe('ok');
    expect(scan(packr.pack([{ constructor: 1, toString: 2, hasOwnProperty: 3 }]))).toBe('ok');
  });

  it('takes integers of 64 bits up to 2^53 - 1 on both sides of zero, and none beyond', () => {
    for (const exact of ['cf 001fffffffffffff', 'd3 001fffffffffffff', 'd3 ffe0000000000001', 'd3 ffffffffffffffff']) {
      expect(scan(bytesOf(0x91, hex(exact)))).toBe('ok');
    }
    for (const beyond of ['cf 0020000000000000', 'd3 0020000000000000', 'd3 ffe0000000000000', 'd3 8000000000000000']) {
      expect(faultOf(hex(beyond))).toBe('integer');
    }
  });

  it('names each refused item once when several are', () => {
    const scanner = new FrameScanner(small);
    const verdict = scanner.scan(packr.pack([1, 'x'.repeat(101), 2, [[[[[]]]]], 3]));
    expect(verdict).toBe('refused');
    expect(scanner.refused.map(({ index, fault }) => [index, fault])).toEqual([
      [1, 'string'],
      [3, 'depth'],
    ]);
    expect(scanner.scan(packr.pack([1]))).toBe('ok');
    expect(scanner.refused).toEqual([]);
  });

  const wireValue = fc.jsonValue({ maxDepth: 6 }).filter((value) => !JSON.stringify(value).includes('__proto__'));

  it('accepts whatever msgpackr packs from 500 random values', () => {
    fc.assert(
      fc.property(fc.array(wireValue, { maxLength: 20 }), (items) => {
        expect(scan(packr.pack(items))).toBe('ok');
      }),
      { numRuns: 500 },
    );
  });

  it('finds every proper prefix of a frame truncated, and every frame with a byte more trailing', () => {
    fc.assert(
      fc.property(fc.array(wireValue, { minLength: 1, maxLength: 4 }), (items) => {
        const frame = packr.pack(items);
        for (let size = 1; size < Math.min(frame.length, 300); size += 1) {
          expect(scan(frame.subarray(0, size))).toBe('truncated');
        }
        expect(scan(bytesOf(frame, 0))).toBe('trailing');
      }),
      { numRuns: 100 },
    );
  });
});
