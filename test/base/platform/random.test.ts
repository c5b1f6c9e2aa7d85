import { describe, expect, test } from 'vitest';
import type { Random } from '../../../src/base/environment/random.ts';
import { realRandom } from '../../../src/base/platform/real-random.ts';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.u32());

describe.each([
  ['real chance', realRandom],
  ['seeded chance', () => seededRandom(1)],
])('%s', (_name, create) => {
  test('gives integers in [0, 2^32), whose 32 bits are each set in about half of 20,000', () => {
    const drawn = draw(create(), 20_000);
    expect(drawn.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32)).toBe(true);
    for (let bit = 0; bit < 32; bit++) {
      const share = drawn.filter((n) => (n >>> bit) & 1).length / drawn.length;
      // 7 standard deviations to either side: once in 10^11 runs by chance.
      expect(Math.abs(share - 0.5)).toBeLessThan(0.025);
    }
  });

  test('gives fractions in [0, 1) of more than 32 bits, a tenth of 20,000 in each tenth', () => {
    const random = create();
    const tenths = new Array<number>(10).fill(0);
    let isFine = false;
    for (let n = 0; n < 20_000; n++) {
      const fraction = random.fraction();
      tenths[Math.floor(fraction * 10)]!++;
      isFine ||= !Number.isInteger(fraction * 2 ** 32);
    }
    expect(tenths).toHaveLength(10);
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(300);
    expect(isFine).toBe(true);
  });

  test('gives 20,000 different ids of 12 characters, each of the 36 in use', () => {
    const random = create();
    const ids = Array.from({ length: 20_000 }, () => random.id());
    expect(ids.every((id) => /^[a-z0-9]{12}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(20_000);
    expect(new Set(ids.join('')).size).toBe(36);
  });

  test.each([0, 1, 3, 4, 5, 70_000])('gives %i bytes in memory of their own', (length) => {
    const bytes = create().bytes(length);
    expect(bytes).toHaveLength(length);
    expect(bytes.buffer.byteLength).toBe(length);
    if (length > 1_000) expect(new Set(bytes).size).toBe(256);
  });
});

describe('seeded chance', () => {
  test('gives the same numbers for the same seed in every version, and others for every other seed', () => {
    // What the published code of cyrb128 and sfc32 gives for the text '1', 12 rounds left out.
    expect(draw(seededRandom(1), 4)).toEqual([986_517_678, 2_672_681_029, 625_981_019, 663_261_097]);
    expect(draw(seededRandom(1).fork('network'), 2)).toEqual([3_232_756_751, 1_875_061_418]);
    expect(seededRandom(1).id()).toBe('iwffhlr5qki6');
    const firsts = [-1, 0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].map((seed) => draw(seededRandom(seed), 2).join());
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test('forks by label alone, whatever the parent or another fork drew before', () => {
    const untouched = seededRandom(7).fork('network');
    const parent = seededRandom(7);
    draw(parent, 100);
    draw(parent.fork('timers'), 100);
    const later = parent.fork('network');
    expect(draw(later, 10)).toEqual(draw(untouched, 10));
    expect(draw(parent.fork('timers'), 10)).not.toEqual(draw(parent.fork('network'), 10));
  });

  test('is not shifted by taking a fork', () => {
    const [quiet, forking] = [seededRandom(7), seededRandom(7)];
    forking.fork('network').u32();
    expect(draw(forking, 10)).toEqual(draw(quiet, 10));
  });

  test('keeps forks of forks apart, whatever their labels look like', () => {
    const root = seededRandom(7);
    const forks = [
      root.fork('a').fork('b'),
      root.fork('b').fork('a'),
      root.fork('a/b'),
      root.fork('a/1:b'),
      root.fork('ab'),
      root.fork(''),
      root,
    ];
    expect(new Set(forks.map((random) => draw(random, 2).join())).size).toBe(forks.length);
  });

  test.each([1.5, Number.NaN, 2 ** 53])('refuses %d as a seed', (seed) => {
    expect(() => seededRandom(seed)).toThrow(/whole number/);
  });
});

test('real chance gives a fork numbers of its own, even for the same label', () => {
  const random = realRandom();
  expect(draw(random.fork('a'), 4)).not.toEqual(draw(random.fork('a'), 4));
});
