import { RuleTester } from 'eslint';
import * as rx from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { rules } from '../../src/eslint/index.ts';
import * as twins from '../../src/streams/rx/index.ts';

Object.assign(RuleTester, { afterAll, describe, it });

const inFlow = "import { flow } from 'troupe/streams';\n";
const said = (name: string) => ({ messageId: 'plain', data: { name, metered: 'troupe/streams/rx' } });

new RuleTester().run('no-plain-async-operators', rules['no-plain-async-operators'] as never, {
  valid: [
    `${inFlow}import { map, filter, scan } from 'rxjs';`,
    `${inFlow}import { mergeMap } from 'troupe/streams/rx';`,
    "import { mergeMap } from 'rxjs';",
    `${inFlow}import * as rx from 'rxjs';`,
    `${inFlow}import { mergeMap } from './own.js';`,
  ],
  invalid: [
    {
      code: `${inFlow}import { mergeMap } from 'rxjs';`,
      output: `${inFlow}import { mergeMap } from 'troupe/streams/rx';`,
      errors: [said('mergeMap')],
    },
    {
      code: `${inFlow}import { map, delay as later, bufferTime } from "rxjs/operators"`,
      output: `${inFlow}import { map } from "rxjs/operators"\nimport { delay as later, bufferTime } from "troupe/streams/rx"`,
      errors: [said('delay'), said('bufferTime')],
    },
    {
      code: "import { each } from 'troupe/streams/rx';\nimport { toArray } from 'rxjs';",
      output: "import { each } from 'troupe/streams/rx';\nimport { toArray } from 'troupe/streams/rx';",
      errors: [said('toArray')],
    },
  ],
});

describe('the rule', () => {
  it('flags exactly the names whose twin is no original', () => {
    const own = Object.entries(twins).filter(
      // The plain bufferCount is right: its twin has watermarks wait for what it gathers, which not everybody needs.
      ([name, twin]) => name in rx && name !== 'bufferCount' && (rx as Record<string, unknown>)[name] !== twin,
    );
    const flagged = own.map(([name]) => name).filter((name) => flags(name));
    expect(flagged).toEqual(own.map(([name]) => name));
    const same = Object.entries(twins).filter(([name, twin]) => (rx as Record<string, unknown>)[name] === twin);
    expect(same.map(([name]) => name).filter((name) => flags(name))).toEqual([]);
  });
});

function flags(name: string): boolean {
  const reports: unknown[] = [];
  const specifier = { type: 'ImportSpecifier', imported: { name } };
  const imports = [
    { type: 'ImportDeclaration', source: { value: 'troupe/streams' }, specifiers: [] },
    { type: 'ImportDeclaration', source: { value: 'rxjs' }, specifiers: [specifier] },
  ];
  const context = { sourceCode: { getText: () => '' }, report: (problem: object) => reports.push(problem) };
  rules['no-plain-async-operators'].create(context).Program({ body: imports });
  return reports.length > 0;
}
