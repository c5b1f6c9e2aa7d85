import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameRefused } from '../../src/transport/errors.ts';
import { RefusedValue, recordsCodec, strictCodec } from '../../src/transport/frame-codec.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import { bytesOf } from './support.ts';

const batch = (messages: number): unknown[] => {
  const items: unknown[] = [0, 0, 0, 0];
  for (let n = 0; n < messages; n += 1) items.push(1, 7, 2, { type: 'inc', n, id: 'abc' });
  return items;
};
const refusal = (act: () => unknown): FrameRefused => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(FrameRefused);
    return error as FrameRefused;
  }
  throw new Error('nothing was refused');
};

describe.each([
  ['records', recordsCodec],
  ['strict', strictCodec],
])('the %s codec', (_name, codecOf) => {
  it('returns 128 messages as they were packed, frame after frame', () => {
    const codec = codecOf();
    for (let round = 0; round < 5; round += 1) expect(codec.unpack(codec.pack(batch(128)))).toEqual(batch(128));
  });

  it('needs no state of the other side: the third frame is read when the first two are lost', () => {
    const sender = codecOf();
    sender.pack(batch(3));
    sender.pack([{ other: 1 }]);
    expect(codecOf().unpack(sender.pack(batch(3)))).toEqual(batch(3));
  });

  it('packs into an ArrayBuffer of exactly the size of the frame', () => {
    const frame = codecOf().pack(batch(2));
    expect([frame.byteOffset, frame.buffer.byteLength]).toEqual([0, frame.byteLength]);
    structuredClone(frame, { transfer: [frame.buffer] });
    expect(frame.byteLength).toBe(0);
  });

  it('keeps undefined in arrays and in objects', () => {
    const codec = codecOf();
    const items = codec.unpack(codec.pack([undefined, { a: undefined }, [undefined]]));
    expect(items).toStrictEqual([undefined, { a: undefined }, [undefined]]);
  });

  it('gives binary values a buffer of their own', () => {
    const codec = codecOf();
    const [bytes] = codec.unpack(codec.pack([Uint8Array.of(1, 2, 3)])) as [Uint8Array];
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(bytes.buffer.byteLength).toBe(3);
  });

  it('returns 300 random lists of JSON-like values unchanged', () => {
    const codec = codecOf();
    const value = fc.jsonValue({ maxDepth: 5 }).filter((json) => !/__proto__|-0/.test(JSON.stringify(json)));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 10 }), (items) => {
        const expected = JSON.parse(JSON.stringify(items)) as unknown[]; // msgpack makes 0 of -0
        expect(codec.unpack(codec.pack(items))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the strict codec', () => {
  it('refuses to pack a Date, which msgpack has no plain form for', () => {
    const { finding, index } = refusal(() => strictCodec().pack([1, 2, { when: new Date() }]));
    expect([finding, index]).toEqual(['extension', 2]);
  });

  it('refuses to pack what a peer would refuse, and names the limit and the item', () => {
    const deep = Array.from({ length: 34 }).reduce<unknown>((inner) => [inner], 0);
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const keys = Object.fromEntries(Array.from({ length: 1_025 }, (_, index) => [`k${index}`, 0]));
    const proto = JSON.parse('{"__proto__": 1}') as unknown;
    const refused = [deep, 'x'.repeat(2 ** 20 + 1), keys, proto, 2n ** 60n].map((item) =>
      refusal(() => strictCodec().pack([0, item])),
    );
    expect(refused.map(({ finding }) => finding)).toEqual(['depth', 'string', 'keys', 'key-name', 'integer']);
    expect(refused.map(({ index }) => index)).toEqual([1, 1, 1, 1, 1]);
    expect(refusal(() => strictCodec().pack([cyclic])).finding).toBe('value');
    expect(refusal(() => strictCodec().pack([Symbol('s')])).finding).toBe('value');
    expect(refusal(() => strictCodec().pack(new Array(100_001).fill(0)))).toMatchObject({ finding: 'items' });
    expect(refusal(() => strictCodec().pack([new Uint8Array(transportLimits.frameBytesMax)])).finding).toBe('bytes');
    expect(refused[0]?.message).toMatch(/item 1 .*33 levels/);
  });

  it('packs again after it refused', () => {
    const codec = strictCodec();
    refusal(() => codec.pack([2n ** 70n]));
    expect(codec.unpack(codec.pack(batch(2)))).toEqual(batch(2));
  });

  it('decodes the 3 good items around one with a __proto__ key, and pollutes nothing', () => {
    const evil = bytesOf(0x81, 0xa9, '__proto__', 0x81, 0xa8, 'polluted', 1);
    const frame = bytesOf(0x94, 1, 0xa1, 'a', evil, 0x81, 0xa1, 'k', 2);
    const items = strictCodec().unpack(frame);
    expect(items).toEqual([1, 'a', new RefusedValue('key-name'), { k: 2 }]);
    expect(items[2]).toBeInstanceOf(RefusedValue);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('refuses a foreign extension with the whole frame', () => {
    const { finding, message } = refusal(() => strictCodec().unpack(recordsCodec().pack([1, { a: 1 }])));
    expect(finding).toBe('extension');
    expect(message).toMatch(/at item 1/);
  });

  it('answers 20,000 mutated frames with items or FrameRefused, and with nothing else', () => {
    const codec = strictCodec();
    const frame = codec.pack([
      ...batch(3),
      'text',
      [1, [2, { deep: [null, true, 1.5] }]],
      new Uint8Array(9),
      undefined,
    ]);
    const edits = fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    let decoded = 0;
    let refused = 0;
    fc.assert(
      fc.property(edits, fc.nat(frame.length), (changes, cut) => {
        const mutant = frame.slice(0, cut % 3 === 0 ? cut : frame.length);
        for (const [at, byte] of changes) if (at < mutant.length) mutant[at] = byte;
        try {
          expect(Array.isArray(codec.unpack(mutant))).toBe(true);
          decoded += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(FrameRefused);
          refused += 1;
        }
      }),
      { numRuns: 20_000 },
    );
    expect(decoded).toBeGreaterThan(1_000);
    expect(refused).toBeGreaterThan(1_000);
  });

  it('answers 5,000 frames of random bytes with items or FrameRefused', () => {
    const codec = strictCodec();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          codec.unpack(bytesOf(0xdc, 0, bytes.length, bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(FrameRefused);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
