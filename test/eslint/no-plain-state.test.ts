import { RuleTester } from 'eslint';
import * as rx from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { rules } from '../../src/eslint/index.ts';
import { Rig } from '../streams/rx/rig.ts';

Object.assign(RuleTester, { afterAll, describe, it });

const said = (messageId: 'twin' | 'none', name: string) => ({ messageId, data: { name } });

new RuleTester().run('no-plain-state', rules['no-plain-state'] as never, {
  valid: [
    "import { scan } from 'rxjs'; f.from(s).via('sum', scan(add, 0)).to(sink)",
    "import { scan } from 'rxjs'; f.from(s).via('sum', scan(add, 0), { durable: false }).to(sink)",
    "import { map } from 'rxjs'; f.from(s).via('sum', map(add), { durable: true }).to(sink)",
    "import { scan } from 'troupe/streams/durable'; f.from(s).via('sum', scan(add, 0, keeps), { durable: true })",
    "import { scan } from 'rxjs'; f.from(s).via('a', scan(add)).via('b', own(), { durable: true })",
  ],
  invalid: [
    {
      code: "import { scan, skip } from 'rxjs'; f.from(s).via('sum', scan(add).pipe(skip(1)), { durable: true }).to(sink)",
      errors: [said('twin', 'scan'), said('none', 'skip')],
    },
    {
      code: "import { distinct as once } from 'troupe/streams/rx'; s.via('d', ($) => $.pipe(once(key)), { durable: true })",
      errors: [said('twin', 'distinct')],
    },
    {
      code: "import * as rx from 'rxjs'; f.from(s).via('a', rx.pairwise(), { on: place, durable: true }).via('b', rx.scan(add))",
      errors: [said('none', 'pairwise')],
    },
  ],
});

describe('the rule', () => {
  it('flags what a durable stage refuses', () => {
    const fn = (): boolean => true;
    const refused = Object.entries({
      ...{ bufferCount: rx.bufferCount(2), count: rx.count(), defaultIfEmpty: rx.defaultIfEmpty(1) },
      ...{ distinct: rx.distinct(), distinctUntilChanged: rx.distinctUntilChanged(), elementAt: rx.elementAt(1) },
      ...{ every: rx.every(fn), find: rx.find(fn), findIndex: rx.findIndex(fn), first: rx.first() },
      ...{ groupBy: rx.groupBy(fn), isEmpty: rx.isEmpty(), last: rx.last(), max: rx.max(), min: rx.min() },
      ...{ pairwise: rx.pairwise(), reduce: rx.reduce(fn), scan: rx.scan(fn), share: rx.share(), single: rx.single() },
      ...{ skipLast: rx.skipLast(1), skipWhile: rx.skipWhile(fn), take: rx.take(1), takeLast: rx.takeLast(1) },
      ...{ takeWhile: rx.takeWhile(fn), throwIfEmpty: rx.throwIfEmpty(), timeInterval: rx.timeInterval() },
      ...{ toArray: rx.toArray(), windowCount: rx.windowCount(2), withLatestFrom: rx.withLatestFrom(rx.NEVER) },
      ...{ map: rx.map(fn), filter: rx.filter(fn), tap: rx.tap(fn), materialize: rx.materialize() },
    } as object).filter(([, operator]) => {
      const rig = new Rig({ stage: { operator: operator as never, durable: true } });
      return rig.failures.length > 0;
    });
    expect(refused.map(([name]) => name).filter((name) => !flags(name))).toEqual([]);
    expect(refused.length).toBe(30);
    expect(['map', 'filter', 'tap', 'materialize'].filter(flags)).toEqual([]);
  });
});

function flags(name: string): boolean {
  const reports: unknown[] = [];
  const id = (text: string): object => ({ type: 'Identifier', name: text });
  const durable = { key: id('durable'), value: { type: 'Literal', value: true } };
  const body = [
    { type: 'ImportDeclaration', source: { value: 'rxjs' }, specifiers: [{ local: id(name), imported: id(name) }] },
    {
      type: 'CallExpression',
      callee: { type: 'MemberExpression', property: id('via') },
      arguments: [
        { type: 'Literal' },
        { type: 'CallExpression', callee: id(name), arguments: [] },
        { type: 'ObjectExpression', properties: [durable] },
      ],
    },
  ];
  const context = { sourceCode: { getText: () => '' }, report: (problem: object) => reports.push(problem) };
  rules['no-plain-state'].create(context).Program({ type: 'Program', body } as never);
  return reports.length > 0;
}
