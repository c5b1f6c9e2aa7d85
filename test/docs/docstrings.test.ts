import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as rxjs from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Declared, declarationsOf, entryPoints } from './declarations.ts';

const missing = (declared: readonly Declared[]): readonly string[] =>
  declared.filter(({ comment, name }) => comment.trim() === '' && !isOfRxJS(name)).map(({ name }) => name);

/** An operator with the name and signature of RxJS's, which is documented there; the guide says what is different. */
const isOfRxJS = (name: string): boolean =>
  name.startsWith('troupe/streams/rx: ') && name.slice('troupe/streams/rx: '.length) in rxjs;

describe('the types that the package exports', () => {
  it('say in a comment what each export is, and each public member of an exported class or interface', () => {
    const declared = declarationsOf(entryPoints());
    expect(declared.length).toBeGreaterThan(400);
    expect(missing(declared)).toEqual([]);
  });

  it('would be found without a comment: a function, a member, and a member of a type', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-docs-'));
    const file = join(folder, 'index.d.ts');
    await writeFile(
      file,
      `/** Said. */
      export interface One extends Base {
        bare: string;
        /** Said. */
        said(): void;
        /** @internal */
        hidden: number;
      }
      interface Base { inherited: number }
      export {};
      export declare function two(): void;
      /** Said. */
      export type Three = { readonly inside: number } & {
        /** Said. */
        more?: number;
      };
      /** Said. */
      export declare class Four {
        private secret: string;
        get value(): number;
        [Symbol.iterator](): Iterator<number>;
      }`,
    );
    try {
      expect([...missing(declarationsOf(new Map([['x', file]])))].sort()).toEqual([
        'x: Four.value',
        'x: One.bare',
        'x: One.inherited',
        'x: Three.inside',
        'x: two',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
