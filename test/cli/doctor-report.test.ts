import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Checked, isFine, jsonOf, linesOf, verdictOf } from '../../src/cli/doctor-report.ts';

const words = Array.from({ length: 60 }, (_, n) => `word${n}`).join(' ');
const path = `/a/${'long/'.repeat(30)}path.ts`;
const broken: Checked = {
  check: 'main thread',
  level: 'problem',
  text: `does not load ${path}: ${words}`,
  waysOut: [`first ${words}`, 'second'],
};
const fine: Checked = { check: 'node', level: 'ok', text: 'v20.19.0', waysOut: [] };
const doubtful: Checked = { check: 'cores', level: 'warning', text: 'one', waysOut: ['more'] };

describe('the report of troupe doctor', () => {
  it('keeps to 80 columns of a terminal, in whole words, and leaves a path that is longer in one piece', () => {
    const lines = linesOf(broken, { columns: 80, colours: false }).split('\n');
    const tooLong = lines.filter((line) => line.length > 80);
    expect(tooLong.map((line) => line.trim())).toEqual([`${path}:`]);
    expect(lines[0]).toBe('  ✗ main thread   does not load');
    expect(lines.every((line, index) => index === 0 || line.startsWith(' '.repeat(18)))).toBe(true);
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(words);
    expect(lines.filter((line) => /^ {18}(→|or) /.test(line))).toHaveLength(2);
  });

  it('gives texts 40 columns at least, uses 120 at most, and wraps nothing where there is no terminal', () => {
    const widest = (columns: number | undefined): number =>
      Math.max(
        ...linesOf({ ...fine, text: words }, { columns, colours: false })
          .split('\n')
          .map(({ length }) => length),
      );
    expect(widest(20)).toBeLessThanOrEqual(58);
    expect(widest(20)).toBeGreaterThan(45);
    expect(widest(500)).toBeLessThanOrEqual(120);
    expect(widest(500)).toBeGreaterThan(110);
    expect(widest(undefined)).toBe(18 + words.length);
  });

  it('has the same text in colours', () => {
    for (const one of [broken, fine, doubtful]) {
      const coloured = linesOf(one, { columns: 80, colours: true });
      expect(coloured).not.toBe(stripVTControlCharacters(coloured));
      expect(stripVTControlCharacters(coloured)).toBe(linesOf(one, { columns: 80, colours: false }));
    }
  });

  it('counts problems and warnings, and only problems are not fine', () => {
    const plain = { columns: 80, colours: false };
    expect(verdictOf([fine], plain)).toBe('Nothing stands in the way.');
    expect(verdictOf([fine, doubtful], plain)).toBe('Nothing stands in the way, 1 warning.');
    expect(verdictOf([broken, broken, doubtful], plain)).toBe('2 problems, 1 warning');
    expect([isFine([fine, doubtful]), isFine([fine, broken])]).toEqual([true, false]);
    expect(JSON.parse(jsonOf('1.2.3', [broken]))).toEqual({ troupe: '1.2.3', ok: false, checks: [broken] });
  });
});
