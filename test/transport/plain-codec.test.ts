/** The codec of clients speaks the strict form: what one of the two writes the other reads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BesideBytes } from '../../src/base/beside-bytes.ts';
import { clientLimits } from '../../src/transport/client-limits.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { plainCodec } from '../../src/transport/plain-codec.ts';
import { proofRuns } from '../support/proof-runs.ts';

const leaf = fc.oneof(
  fc.constant(null),
  fc.constant(undefined),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.double(),
  // Text as JavaScript has it, but for lone surrogates, which no UTF-8 can say.
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  fc.string({ maxLength: 400 }),
  fc.uint8Array({ maxLength: 400 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 20 }),
  map: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 20, noNullPrototype: true },
  ),
}));
const frames = fc.array(value!, { maxLength: 20 });
const runs = proofRuns(400);

/** What the strict form keeps: not the sign of 0, and NaN as NaN. */
function kept(one: unknown): unknown {
  if (Object.is(one, -0)) return 0;
  if (Array.isArray(one)) return one.map(kept);
  if (one instanceof Uint8Array) return [...one];
  if (typeof one === 'object' && one !== null)
    return Object.fromEntries(Object.entries(one).map(([k, v]) => [k, kept(v)]));
  return one;
}

describe('the codec of clients', () => {
  const plain = plainCodec();
  const strict = strictCodec();

  it(`writes what nodes read, and reads what they write, in ${runs} random frames`, () => {
    fc.assert(
      fc.property(frames, (items) => {
        expect(kept(strict.unpack(plain.pack(items)))).toEqual(kept(items));
        expect(kept(plain.unpack(strict.pack(items)))).toEqual(kept(items));
        expect(kept(plain.unpack(plain.pack(items)))).toEqual(kept(items));
      }),
      { numRuns: runs },
    );
  });

  it(`reads ${runs} mutated frames, or says in one typed error why not`, () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (items, changes) => {
          const frame = plain.pack(items);
          for (const [at, byte] of changes) frame[at % frame.length] = byte;
          try {
            expect(Array.isArray(plain.unpack(frame))).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'FrameRefused' });
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it.each([
    ['an array of 2^32 - 1 values', [0xdd, 0xff, 0xff, 0xff, 0xff], 'truncated'],
    ['a map of 2^32 - 1 keys', [0x91, 0xdf, 0xff, 0xff, 0xff, 0xff], 'keys'],
    ['bytes of 2^32 - 1', [0x91, 0xc6, 0xff, 0xff, 0xff, 0xff], 'truncated'],
    ['text of 2^32 - 1', [0x91, 0xdb, 0xff, 0xff, 0xff, 0xff], 'string'],
    ['no array', [0x01], 'not-an-array'],
    ['nothing', [], 'empty'],
    ['two values', [0x90, 0x90], 'trailing'],
    ['an extension', [0x91, 0xd4, 0x01, 0x00], 'extension'],
    ['the byte that is never used', [0x91, 0xc1], 'reserved'],
    ['a key that is a number', [0x91, 0x81, 0x01, 0x01], 'key-type'],
    ['a key __proto__', [0x91, 0x81, 0xa9, ...Buffer.from('__proto__'), 0x80], 'key-name'],
    ['an integer beyond 2^53', [0x91, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'integer'],
    ['40 levels', Array.from({ length: 40 }, () => 0x91).concat(0x90), 'depth'],
  ])('refuses %s', (_what, bytes, finding) => {
    expect(() => plain.unpack(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'FrameRefused', finding }),
    );
  });

  it('writes bytes that could lie beside a frame as bytes', () => {
    const beside = new BesideBytes(Uint8Array.of(1, 2, 3).buffer);
    expect(strict.unpack(plain.pack([beside]))).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  it.each<[string, () => unknown, string]>([
    ['a string of more than 1 MiB', () => 'x'.repeat(clientLimits.stringBytesMax + 1), 'string'],
    ['more bytes than a frame has', () => new Uint8Array(clientLimits.linkFrameBytesMax), 'bytes'],
    ['bytes far beyond that', () => new Uint8Array(16 * clientLimits.linkFrameBytesMax), 'bytes'],
    ['a cycle', () => cycle(), 'depth'],
    ['a function', () => () => 1, 'value'],
    ['a bigint', () => 1n, 'value'],
    ['too many values', () => Array.from({ length: clientLimits.itemsMax }, () => 0), 'items'],
    ['too many keys', () => Object.fromEntries(Array.from({ length: 1_025 }, (_, n) => [`k${n}`, n])), 'keys'],
  ])('does not write %s', (_what, make, finding) => {
    expect(() => plain.pack([1, make()])).toThrow(expect.objectContaining({ code: 'FrameRefused', finding }));
    // And goes on after that.
    expect(plain.unpack(plain.pack(['ä', 1]))).toEqual(['ä', 1]);
  });
});

function cycle(): unknown {
  const ring: unknown[] = [];
  ring.push(ring);
  return ring;
}
