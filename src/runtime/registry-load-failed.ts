/** Why a registry module could not be loaded, told from what Node, tsx or Vite threw. */
import { stripVTControlCharacters } from 'node:util';
import { describeThrown, TroupeError } from '../base/errors.ts';

/** The registry module could not be loaded; nothing of the system runs without it. Not retryable: the file must change. */
export class RegistryLoadFailed extends TroupeError<'RegistryLoadFailed'> {
  readonly reason:
    | 'not-found'
    | 'unreadable'
    | 'no-typescript-loader'
    | 'threw'
    | 'syntax'
    | 'no-default-export'
    | 'not-file-url';

  constructor(reason: RegistryLoadFailed['reason'], file: string, what: string, cause?: unknown) {
    super('RegistryLoadFailed', `The registry module cannot be loaded from ${file}: ${what}`, { cause });
    this.reason = reason;
  }
}

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

const threeWaysOut =
  'Compile it to JavaScript, or install tsx beside it (npm install tsx), or use Node 22.18 or later with TypeScript that only needs its types erased.';

/**
 * Whether tsx may load what just failed. False once anything of the module ran, since it must not run twice, and
 * where another loader is in charge and does know TypeScript.
 */
export function canTsxHelp(error: unknown, inheritsLoader: boolean): boolean {
  const code = codeOf(error);
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return true;
  if (inheritsLoader) return false;
  return typeScriptCodes.has(code) || resolutionCodes.has(code) || isSyntaxError(error);
}

/** Says what the thrown value means, which file it is about, and what to do. */
export function registryLoadFailed(path: string, error: unknown): RegistryLoadFailed {
  const code = codeOf(error);
  // Vite colours its errors.
  const thrown = stripVTControlCharacters(describeThrown(error));
  if (typeScriptCodes.has(code)) {
    const what = `this thread has no loader for the TypeScript in it (${thrown}). ${threeWaysOut}`;
    return new RegistryLoadFailed('no-typescript-loader', path, what, error);
  }
  if (resolutionCodes.has(code)) {
    const what = `something that it imports was not found (${thrown}). Correct the import, or install the package; an import of a .ts file that is written with the ending .js needs tsx, or compiling.`;
    return new RegistryLoadFailed('not-found', path, what, error);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'ERR_ACCESS_DENIED') {
    const what = `it or a file that it imports may not be read (${thrown}). Give this process the right to read it.`;
    return new RegistryLoadFailed('unreadable', path, what, error);
  }
  if (isSyntaxError(error) || isCommonJsMixUp(error)) {
    return new RegistryLoadFailed('syntax', path, `${thrown}. ${syntaxAdvice(error, thrown)}`, error);
  }
  return new RegistryLoadFailed(
    'threw',
    path,
    `it, or a module that it imports, threw while loading (${thrown}).`,
    error,
  );
}

function syntaxAdvice(error: unknown, thrown: string): string {
  if (isCommonJsMixUp(error) || /outside a module|"cjs" output format|top level bodies of modules/.test(thrown)) {
    return 'It is taken for CommonJS: write "type": "module" in the nearest package.json, or end its name in .mts.';
  }
  if (/does not provide an export named/.test(thrown)) return 'Correct the name, or write import type if it is a type.';
  return 'Correct what is written there, or in a module that it imports.';
}

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

/** Node 20, when an ECMAScript module is taken for CommonJS and turns out not to be. */
function isCommonJsMixUp(error: unknown): boolean {
  return codeOf(error) === 'ERR_REQUIRE_CYCLE_MODULE';
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}
