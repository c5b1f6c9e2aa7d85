/** Code that could not be loaded, a registry module or the entry of workers: what stood in the way, and each way around it. */
import { TroupeError } from '../base/errors.ts';

/** What stands in the way, as text, and each way around it as a text of its own. */
export interface Finding {
  readonly reason: RegistryLoadFailed['reason'];
  /** A sentence without its full stop. */
  readonly what: string;
  /** What to do, each beginning with a verb; one of them is enough. */
  readonly waysOut: readonly string[];
}

/** The registry module could not be loaded; nothing of the system runs without it. Not retryable: the file must change. */
export class RegistryLoadFailed extends TroupeError<'RegistryLoadFailed'> {
  /**
   * What stood in the way.
   *
   * - `not-found`: there is no such file, or something that it imports was not found. `unreadable`: it may not be read.
   * `not-file-url`: code comes from files only.
   * - `no-typescript-loader`: it is TypeScript, and this thread loads none. `typescript-syntax`: it uses what type
   * stripping cannot erase, such as an `enum`. `typescript-in-node-modules`: Node strips no types there.
   * - `syntax`: it does not parse. `threw`: it threw while loading. `unfinished`: it did not finish loading in time.
   * - `no-default-export`, `not-a-registry`: it exports nothing as its default, or something else.
   * - `version`: it was made by another version of this package.
   */
  readonly reason:
    | 'not-found'
    | 'unreadable'
    | 'not-file-url'
    | 'no-typescript-loader'
    | 'typescript-syntax'
    | 'typescript-in-node-modules'
    | 'syntax'
    | 'threw'
    | 'unfinished'
    | 'no-default-export'
    | 'not-a-registry'
    | 'version';
  /** The file, or what was named in place of one. */
  readonly file: string;
  /** What to do; one of them is enough. */
  readonly waysOut: readonly string[];
  /** What happened, without the ways out. */
  readonly finding: string;

  constructor(file: string, { reason, what, waysOut }: Finding, cause?: unknown) {
    super('RegistryLoadFailed', `The registry module cannot be loaded from ${file}: ${what}.${waysOutText(waysOut)}`, {
      cause,
    });
    this.reason = reason;
    this.file = file;
    this.finding = what;
    this.waysOut = waysOut;
  }
}

/** The worker threads have no module to begin with: a bundler left it out. */
export class WorkerEntryMissing extends TroupeError<'WorkerEntryMissing'> {
  /** What to do; one of them is enough. */
  readonly waysOut: readonly string[];

  constructor(besides: string) {
    const waysOut = [
      "leave the package out of the bundle: external: ['troupe'] of esbuild and Rollup, build.ssr of Vite",
      "name it as an entry of the bundle: { 'worker-main': 'troupe/worker' } beside main and actors",
    ];
    super(
      'WorkerEntryMissing',
      `No worker thread can be started: worker-main.js is not beside ${besides}, as a bundler left it out.${waysOutText(waysOut)}`,
    );
    this.waysOut = waysOut;
  }
}

/** Ways out as the end of a text. */
function waysOutText(waysOut: readonly string[]): string {
  if (waysOut.length === 0) return '';
  const text = waysOut.join(', or ');
  return ` ${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
