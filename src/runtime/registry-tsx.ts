/**
 * Brings in tsx for a registry that this thread could not load by itself.
 *
 * `--import tsx` does not reach the workers of Node 20, so it is done from within, by tsx's programming interface. It
 * stays registered, since actors may import more when they run.
 */
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RegistryLoadFailed } from './load-failed.ts';
import { registryLoadFailed } from './registry-findings.ts';

interface Hooks {
  deregister(): void;
}

interface Resolved {
  readonly url: string;
}

type ResolveHook = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Resolved,
) => Resolved;

/** Node 22.15 and later; the types of Node 20 do not know it. */
type RegisterHooks = (hooks: { readonly resolve: ResolveHook }) => Hooks;

/** Node remembers for each URL that it could not be loaded, so the second attempt needs another one. */
const secondAttempt = 'loaded-by=tsx';

/**
 * Registers tsx in this thread and imports the module through it.
 * @param failure why the thread could not do it alone; the reason given when tsx is not installed.
 * @throws RegistryLoadFailed
 */
export async function importThroughTsx(path: string, failure: unknown): Promise<unknown> {
  const tsx = findTsx(path);
  if (tsx === undefined) throw registryLoadFailed(path, failure);
  try {
    // CommonJS first: beside a package.json with "type": "commonjs" the one hook hands over to the other.
    for (const kind of ['cjs', 'esm']) {
      const api = await import(/* @vite-ignore */ pathToFileURL(join(tsx, 'dist', kind, 'api', 'index.mjs')).href);
      api.register();
    }
  } catch (cause) {
    const what = `tsx was found at ${tsx} but could not be started`;
    const waysOut = ['install tsx 4.8 or later', 'compile to JavaScript'];
    throw new RegistryLoadFailed(path, { reason: 'no-typescript-loader', what, waysOut }, cause);
  }
  const hooks = renameTypeScriptModules();
  try {
    return await import(/* @vite-ignore */ `${pathToFileURL(path).href}?${secondAttempt}`);
  } catch (error) {
    throw registryLoadFailed(path, error);
  } finally {
    hooks?.deregister();
  }
}

/**
 * The folder of the tsx that is installed for the registry, for the working directory, or that started this process
 * (`npx tsx main.ts` installs it elsewhere). By its package.json: `require.resolve('tsx/esm/api')` names the CommonJS
 * build, which fails in a worker.
 */
export function findTsx(path: string): string | undefined {
  const startedBy = process.execArgv.filter((flag) => /^file:.*\/tsx\/dist\/loader\.mjs$/.test(flag));
  for (const base of [path, join(process.cwd(), 'package.json'), ...startedBy]) {
    let folder: string;
    try {
      folder = dirname(createRequire(base).resolve('tsx/package.json'));
    } catch {
      continue; // Not installed here.
    }
    if (existsSync(join(folder, 'dist', 'esm', 'api', 'index.mjs'))) return folder;
  }
  return undefined;
}

/**
 * Gives every TypeScript module of the second attempt another URL, as Node 22 remembers failures of the modules
 * further down as well. Where this cannot be done (Node 20), nothing further down was reached.
 */
function renameTypeScriptModules(): Hooks | undefined {
  const { registerHooks } = nodeModule as { readonly registerHooks?: RegisterHooks };
  return registerHooks?.({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      return /^file:[^?]*\.[cm]?tsx?$/.test(resolved.url)
        ? { ...resolved, url: `${resolved.url}?${secondAttempt}` }
        : resolved;
    },
  });
}
