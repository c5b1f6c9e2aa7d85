/**
 * Loads the registry module, in whatever thread it is called, whether it is JavaScript or TypeScript.
 *
 * The rule: what the thread can load by itself is loaded by that; tsx is brought in only when the thread could not,
 * and before anything of the module ran. So a program behaves in its workers as in its main thread: an inherited
 * loader (vitest, `--import tsx`, any other) stays in charge, then Node's own type stripping, then tsx. On Node 20 a
 * worker inherits no TypeScript loader at all, even under `--import tsx`.
 */
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { limits } from '../base/limits.ts';
import { type Finding, RegistryLoadFailed } from './load-failed.ts';

export interface LoadedRegistry {
  /** The default export, unchecked. */
  readonly value: unknown;
  /** The file that was loaded: the one named, or its sibling with the other ending. */
  readonly loadedFrom: URL;
  readonly how: 'javascript' | 'inherited-loader' | 'tsx' | 'type-stripping';
}

/** A built package holds `actors.js` where its source says `./actors.ts`; a test of the source may say the reverse. */
const siblingEndings: Readonly<Record<string, readonly string[]>> = {
  '.ts': ['.js', '.mjs'],
  '.mts': ['.mjs'],
  '.cts': ['.cjs'],
  '.tsx': ['.js', '.jsx'],
  '.js': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
  '.jsx': ['.tsx'],
};

/**
 * Imports the module at `url` and hands over its default export. The path may hold any characters that the file system
 * allows. A failed load ran nothing twice, except what stands before a failing top-level `await import(…)`.
 * @throws RegistryLoadFailed when there is no such file, it cannot be loaded, or it has no default export.
 */
export async function loadRegistryModule(url: URL): Promise<LoadedRegistry> {
  const path = await existingPath(url);
  const loadedFrom = pathToFileURL(path);
  const isTypeScript = /\.[cm]?tsx?$/.test(path);
  let how = isTypeScript ? loaderOf(path) : 'javascript';
  let namespace: unknown;
  try {
    namespace = await import(/* @vite-ignore */ loadedFrom.href);
  } catch (error) {
    const { canTsxHelp, registryLoadFailed } = await import('./registry-findings.ts');
    if (!isTypeScript || !canTsxHelp(error, how === 'inherited-loader')) throw registryLoadFailed(path, error);
    const { importThroughTsx } = await import('./registry-tsx.ts');
    namespace = await importThroughTsx(path, error);
    how = 'tsx';
  }
  return { value: defaultExportOf(path, namespace), loadedFrom, how };
}

async function existingPath(url: URL): Promise<string> {
  const named = pathOf(url);
  const ending = extname(named);
  const stem = named.slice(0, named.length - ending.length);
  const candidates = [named, ...(siblingEndings[ending] ?? []).map((other) => stem + other)];
  for (const path of candidates) {
    let isFile: boolean;
    try {
      isFile = (await stat(path)).isFile();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      throw unreadable(path, `it cannot be looked at (${code})`, error);
    }
    if (!isFile) throw unreadable(path, 'it is not a file');
    return path;
  }
  const file = candidates.length === 1 ? named : `${named} (nor ${candidates.slice(1).join(', ')})`;
  throw new RegistryLoadFailed(file, {
    reason: 'not-found',
    what: 'there is no such file',
    waysOut: [
      'check the URL: new URL("./actors.ts", import.meta.url) is relative to the file it stands in',
      'name the module as an entry of its own where a bundler made that file, so that it stands beside it',
    ],
  });
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new RegistryLoadFailed(`a ${url.protocol} URL`, url.protocol === 'data:' ? bundledIn : notAFile, cause);
  }
}

const notAFile: Finding = {
  reason: 'not-file-url',
  what: 'code comes from files of this machine only',
  waysOut: ['pass new URL("./actors.ts", import.meta.url)'],
};

/** Vite, in builds that are not for Node, makes an asset of `new URL('./actors.ts', import.meta.url)`. */
const bundledIn: Finding = {
  reason: 'not-file-url',
  what: 'a bundler put the text of the module where its URL stood, and a thread can load files only',
  waysOut: [
    'build for Node (build.ssr of Vite), with the module as an entry of its own',
    "keep the bundler away from the URL: new URL(/* @vite-ignore */ './actors.ts', import.meta.url)",
  ],
};

function unreadable(path: string, what: string, cause?: unknown): RegistryLoadFailed {
  const waysOut = ['name a module file that this process may read'];
  return new RegistryLoadFailed(path, { reason: 'unreadable', what, waysOut }, cause);
}

/** Who turns TypeScript into JavaScript when this thread imports a file, if anybody does. */
function loaderOf(path: string): LoadedRegistry['how'] {
  // Vite rewrites the `import()` above, and gives the files it rewrote an `import.meta.env`.
  if ('env' in import.meta) return 'inherited-loader';
  const { typescript } = process.features as { readonly typescript?: string | false };
  if (!typescript) return 'inherited-loader';
  // tsx, ts-node and swc announce themselves to `require` too; Node's own type stripping does not.
  return createRequire(path).extensions['.ts'] === undefined ? 'type-stripping' : 'inherited-loader';
}

function defaultExportOf(path: string, namespace: unknown): unknown {
  let holder = namespace as { readonly default?: unknown };
  // Beside a package.json with "type": "commonjs", tsx makes a CommonJS module, whose exports arrive as the default.
  const inner = holder.default as { readonly __esModule?: unknown; readonly default?: unknown } | null | undefined;
  if (typeof inner === 'object' && inner?.__esModule === true) holder = inner;
  if (holder.default === undefined) {
    throw new RegistryLoadFailed(path, {
      reason: 'no-default-export',
      what: `it has no default export${namesOf(namespace)}`,
      waysOut: ['write: export default registry(…)'],
    });
  }
  return holder.default;
}

/** What a module exports by name, for people who forgot the default. */
function namesOf(namespace: unknown): string {
  const names = Object.keys(namespace as object).slice(0, limits.namesInText);
  return names.length === 0 ? '' : ` (it exports ${names.join(', ')})`;
}
