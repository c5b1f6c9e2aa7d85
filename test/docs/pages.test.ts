import { describe, expect, it } from 'vitest';
import { fits, pageOf, strayFragments } from './pages.ts';

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;

describe('a page', () => {
  it('is cut into 2 files, a fragment and the 2 commands of one block', () => {
    const page = pageOf(
      'page',
      [
        fenced('ts', '// a.ts\nconst a = 1;'),
        fenced('json', '// b.json\n{}'),
        fenced('ts', 'const a = 1;'),
        fenced('text', '$ node a.js\none\n$ node b.js\ntwo\nthree'),
      ].join('\nwords\n'),
    );
    expect([...page.files]).toEqual([
      ['a.ts', '// a.ts\nconst a = 1;\n'],
      ['b.json', '// b.json\n{}\n'],
    ]);
    expect(page.fragments).toEqual(['const a = 1;\n']);
    expect(page.commands).toEqual([
      { line: 'node a.js', prints: 'one\n' },
      { line: 'node b.js', prints: 'two\nthree\n' },
    ]);
  });

  it.each([
    ['a block without a language', fenced('', 'anything')],
    ['output without a command', fenced('text', 'one')],
    ['JavaScript without a name', fenced('js', 'run();')],
    ['2 files of one name', fenced('ts', '// a.ts\n1;') + fenced('ts', '// a.ts\n2;')],
  ])('with %s is refused', (_what, markdown) => {
    expect(() => pageOf('page', markdown)).toThrow('page.md has');
  });

  it('may show a fragment of its own file or of an example, however indented, and no other', () => {
    const text = [
      fenced('ts', '// a.ts\nif (x) {\n  one();\n  two();\n}'),
      fenced('ts', 'one();\ntwo();'),
      fenced('ts', 'three();'),
      fenced('ts', 'two();\none();'),
    ].join('\n');
    expect(strayFragments(pageOf('page', text), ['  three();'])).toEqual(['two();\none();\n']);
  });
});

describe('what a program printed', () => {
  it.each([
    ['a w1#27 b\n', 'a w1#… b\n', true],
    ['a w1#27 c\n', 'a w1#… b\n', false],
    ['a [1] (2)\n', 'a [1] (2)\n', true],
    ['a\n', 'a\nb\n', false],
    ['a\nb\n', 'a…\n', false],
    ['a\nb\n', 'a\n', false],
  ])('%j fits %j: %s', (printed, expected, does) => {
    expect(fits(printed, expected)).toBe(does);
  });
});
