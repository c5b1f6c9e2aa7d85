/**
 * Why a registry module could not be loaded, told from what Node, tsx or Vite threw.
 *
 * Loaded when a load has failed and not before: a worker that starts has no use for it.
 */
import { stripVTControlCharacters } from 'node:util';
import { describeThrown } from '../base/errors.ts';
import { codeOf, stackOf } from '../base/thrown.ts';
import { type Finding, RegistryLoadFailed } from './load-failed.ts';
import { syntaxFinding, typeScriptFinding } from './typescript-findings.ts';

/** The codes by which Node says that TypeScript is the trouble, not what is written in it. */
const typeScriptCodes: ReadonlySet<string> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
]);

/** An import that names no file as it stands: tsx tries `./dep.ts` for `./dep.js`, endings, folders and `paths`. */
const resolutionCodes: ReadonlySet<string> = new Set([
  'ERR_MODULE_NOT_FOUND',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_PACKAGE_IMPORT_NOT_DEFINED',
]);

/**
 * Whether tsx may load what just failed. False once anything of the module ran, since it must not run twice, and
 * where another loader is in charge and does know TypeScript.
 */
export function canTsxHelp(error: unknown, inheritsLoader: boolean): boolean {
  const code = codeOf(error) ?? '';
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return true;
  if (inheritsLoader) return false;
  return typeScriptCodes.has(code) || resolutionCodes.has(code) || isSyntaxError(error);
}

/** Says what the thrown value means, which file it is about, and what to do. */
export function registryLoadFailed(path: string, error: unknown): RegistryLoadFailed {
  // A registry module that loads another one has found out already.
  if (codeOf(error) === 'RegistryLoadFailed') return error as RegistryLoadFailed;
  return new RegistryLoadFailed(path, findingOf(path, error), error);
}

function findingOf(path: string, error: unknown): Finding {
  const code = codeOf(error) ?? '';
  // Vite colours its errors.
  const thrown = stripVTControlCharacters(describeThrown(error));
  if (typeScriptCodes.has(code)) return typeScriptFinding(code, path, thrown, stackOf(error) ?? '');
  if (resolutionCodes.has(code)) {
    return {
      reason: 'not-found',
      what: `something that it imports was not found (${thrown})`,
      waysOut: [
        'correct the import, or install the package',
        'use tsx (npm install tsx), or compile, where an import of a .ts file is written with the ending .js',
      ],
    };
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'ERR_ACCESS_DENIED') {
    return {
      reason: 'unreadable',
      what: `it or a file that it imports may not be read (${thrown})`,
      waysOut: ['give this process the right to read it'],
    };
  }
  if (isSyntaxError(error) || code === commonJsMixUp) {
    return syntaxFinding(thrown, stackOf(error) ?? '', code === commonJsMixUp);
  }
  return {
    reason: 'threw',
    what: `it, or a module that it imports, threw while loading (${thrown}${thrownAt(stackOf(error) ?? '')})`,
    waysOut: ['correct it there', 'move what may fail into a resource (open), where its failure is one of a spawn'],
  };
}

/** Node 20, when an ECMAScript module is taken for CommonJS and turns out not to be. */
const commonJsMixUp = 'ERR_REQUIRE_CYCLE_MODULE';

/** True for what was found before anything ran; a `JSON.parse` of the module that failed is not meant. */
function isSyntaxError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // esbuild speaks for tsx, Rolldown and oxc for Vite; their errors are plain ones that carry a list.
  if (error.name === 'TransformError' || 'plugin' in error || /^(Transform|Parse) failed/.test(error.message))
    return true;
  if (error.name !== 'SyntaxError') return false;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at (?!async )/.test(line));
  return frames.every((frame) => frame.includes('node:') || frame.includes('(<anonymous>)'));
}

/** The first place of a stack that is not Node's own. */
function thrownAt(stack: string): string {
  const place = /^\s+at (?:.*\()?((?:file:\/\/|\/|[A-Za-z]:\\)[^\n]*?:\d+):\d+\)?$/m.exec(stack);
  return place === null ? '' : ` at ${place[1]!.replace(/^file:\/\/(?=\/)/, '')}`;
}
