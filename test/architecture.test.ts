/**
 * The house as data: which folder stands on which floor, who may import what, and where the machine's own clock, chance
 * and timers may be touched. Change the diagram here first, and say why in the commit.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Rules, type Source, violations } from './support/source-rules.ts';

const rules: Rules = {
  // An import points down only; folders on one floor never import each other.
  floors: {
    base: 0,
    // Stands alone: it is loaded by ESLint and not by a program.
    eslint: 0,
    actors: 1,
    transport: 1,
    runtime: 2,
    persistence: 2,
    streams: 3,
    cluster: 3,
    tasks: 3,
    observe: 3,
    client: 3,
    testing: 4,
    cli: 5,
    'index.ts': 6,
    'browser.ts': 6,
  },
  packages: {
    zod: /^(actors|runtime|persistence|streams|cluster|tasks|observe|testing|cli)\//,
    pino: /^runtime\/pino-logger\.ts$/,
    nanoid: /^base\/platform\//,
    // A connector speaks plain WebSocket with what is no part of the system, and so beside its links.
    ws: /^(transport|streams\/connect)\//,
    msgpackr: /^transport\//,
    rxjs: /^streams\//,
    hyparquet: /^streams\/connect\//,
    'hyparquet-compressors': /^streams\/connect\//,
    'hyparquet-writer': /^streams\/connect\//,
    'csv-parse': /^streams\/connect\//,
    'node:worker_threads': /^runtime\/worker-/,
  },
  registries: /^cli\/doctor-registry\.ts$/,
  globals: /^(base\/platform\/|transport\/websocket-|runtime\/worker-|testing\/event-loop\.ts|cli\/)/,
};

describe('src', () => {
  const root = new URL('../src/', import.meta.url);
  const sources: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));

  test('keeps every rule of the house', () => {
    expect(sources.length).toBeGreaterThan(30);
    expect(violations(sources, rules)).toEqual([]);
  });
});

describe('the checker', () => {
  const planted: [string, Source[], string, string][] = [
    ['an import upward', [at('base/a.ts', "import { Cell } from '../actors/cell.ts';")], 'floor', 'actors'],
    [
      'an import upward of a type',
      [at('actors/a.ts', "import type { R } from '../runtime/r.ts';")],
      'floor',
      'runtime',
    ],
    [
      'an import upward inside a type',
      [at('actors/a.ts', "type R = import('../runtime/r.ts').R;")],
      'floor',
      'runtime',
    ],
    [
      'an import between folders of one floor',
      [at('transport/a.ts', "import { p } from '../actors/p.ts';")],
      'floor',
      'actors',
    ],
    [
      'an import from a subfolder of the neighbour',
      [at('streams/connect/a.ts', "import { p } from '../../cluster/p.ts';")],
      'floor',
      'cluster',
    ],
    ['a re-export from above', [at('actors/a.ts', "export { s } from '../streams/s.ts';")], 'floor', 'streams'],
    ['a dynamic import upward', [at('runtime/a.ts', "const s = await import('../streams/s.ts');")], 'floor', 'streams'],
    ['an import of the public face', [at('cli/a.ts', "import { actor } from '../index.ts';")], 'floor', 'index.ts'],
    ['a folder that stands on no floor', [at('utils/a.ts', "import { p } from '../base/p.ts';")], 'floor', 'utils'],
    ['ws outside of transport', [at('runtime/a.ts', "import { WebSocket } from 'ws';")], 'package', 'ws'],
    ['rxjs outside of streams', [at('actors/a.ts', "import { map } from 'rxjs/operators';")], 'package', 'rxjs'],
    [
      'threads outside of worker files',
      [at('runtime/a.ts', "import { Worker } from 'node:worker_threads';")],
      'package',
      'worker_threads',
    ],
    ['a package that is not named', [at('base/a.ts', "import _ from 'lodash';")], 'package', 'lodash'],
    ['a package on the lowest floor', [at('base/a.ts', "import * as z from 'zod';")], 'package', 'zod'],
    ['Date.now', [at('actors/a.ts', 'export const t = () => Date.now();')], 'global', 'Date.now'],
    ['globalThis.Date.now', [at('actors/a.ts', 'export const t = globalThis.Date.now;')], 'global', 'Date.now'],
    ['new Date()', [at('actors/a.ts', 'export const t = () => new Date();')], 'global', 'new Date()'],
    ['Math.random', [at('actors/a.ts', 'export const t = Math.random();')], 'global', 'Math.random'],
    [
      'performance.now',
      [at('transport/session.ts', 'export const t = performance.now();')],
      'global',
      'performance.now',
    ],
    ['process.hrtime', [at('runtime/a.ts', 'export const t = process.hrtime.bigint();')], 'global', 'process.hrtime'],
    [
      'AbortSignal.timeout',
      [at('streams/a.ts', 'export const t = AbortSignal.timeout(5);')],
      'global',
      'AbortSignal.timeout',
    ],
    ['setTimeout', [at('streams/a.ts', 'setTimeout(() => 1, 5);')], 'global', 'setTimeout'],
    ['globalThis.setInterval', [at('streams/a.ts', 'globalThis.setInterval(() => 1, 5);')], 'global', 'setInterval'],
    ['setImmediate as a value', [at('streams/a.ts', 'export const later = setImmediate;')], 'global', 'setImmediate'],
    ['queueMicrotask', [at('streams/a.ts', 'queueMicrotask(() => 1);')], 'global', 'queueMicrotask'],
    ['randomUUID by import', [at('runtime/a.ts', "import { randomUUID } from 'node:crypto';")], 'global', 'randomUUID'],
    ['crypto.randomUUID', [at('runtime/a.ts', 'export const id = crypto.randomUUID();')], 'global', 'randomUUID'],
    ['randomBytes', [at('transport/a.ts', "import { randomBytes } from 'node:crypto';")], 'global', 'randomBytes'],
    ['a default export', [at('actors/a.ts', 'export default 1;')], 'default-export', 'default'],
    ['a default function', [at('actors/a.ts', 'export default function f() {}')], 'default-export', 'default'],
    ['a default by name', [at('actors/a.ts', 'const a = 1; export { a as default };')], 'default-export', 'default'],
    ['export *', [at('actors/a.ts', "export * from './b.ts';")], 'export-star', '*'],
    ['export * as', [at('actors/a.ts', "export * as b from './b.ts';")], 'export-star', '*'],
    [
      'a cycle of 3 values',
      [
        at('actors/a.ts', "import { b } from './b.ts';"),
        at('actors/b.ts', "export { c } from './c.ts';"),
        at('actors/c.ts', "import { type A } from './a.ts';"),
      ],
      'cycle',
      'actors/a.ts → actors/b.ts → actors/c.ts → actors/a.ts',
    ],
  ];

  test.each(planted)('finds %s', (_what, sources, rule, text) => {
    const found = violations(sources, rules).filter((one) => one.rule === rule);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((one) => one.what.includes(text))).toBe(true);
  });

  const allowed: [string, Source[]][] = [
    [
      'imports downward and within a folder',
      [at('streams/connect/a.ts', "import { b } from '../b.ts'; import { c } from '../../actors/c.ts';")],
    ],
    [
      'a cycle of types',
      [at('actors/a.ts', "import type { B } from './b.ts';"), at('actors/b.ts', "import { a } from './a.ts';")],
    ],
    [
      'the globals in comments and texts',
      [at('actors/a.ts', "// Date.now() and setTimeout\nexport const text = 'Math.random';")],
    ],
    [
      'names of the globals on objects of one own',
      [at('actors/a.ts', 'clock.setTimeout(1); export const a = { setImmediate: 1 }; x.now();')],
    ],
    ['a date of a given time', [at('actors/a.ts', 'export const a = new Date(5); export type T = typeof setTimeout;')]],
    [
      'the globals where the machine is adapted',
      [
        at('base/platform/a.ts', 'Date.now(); setImmediate(f);'),
        at('runtime/worker-a.ts', "import 'node:worker_threads'; setTimeout(f);"),
      ],
    ],
    ['built-in modules on every floor', [at('base/a.ts', "import { join } from 'node:path';")]],
  ];

  test.each(allowed)('allows %s', (_what, sources) => {
    expect(violations(sources, rules)).toEqual([]);
  });
});

function at(path: string, text: string): Source {
  return { path, text };
}
