/** What `troupe doctor` looks at before any code is loaded: Node, cores, memory, TypeScript loaders, packages. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { version } from '../base/version.ts';
import { findTsx } from '../runtime/registry-tsx.ts';
import type { Checked } from './doctor-report.ts';

const nodeMin: readonly [major: number, minor: number] = [20, 19];
/** What a thread needs at the least, code included. */
const threadBytesMin = 64 * 2 ** 20;

/** @param from the registry, or a file that would stand beside it: packages are looked for from there */
export function surroundings(from: string): readonly Checked[] {
  return [node(), troupe(from), cores(), memory(), typeScript(from), peer('zod', from), peer('rxjs', from)];
}

function node(): Checked {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1]);
  return {
    check: 'node',
    level: isNewEnough ? 'ok' : 'problem',
    text: isNewEnough ? process.version : `${process.version} is too old`,
    waysOut: isNewEnough ? [] : [`install Node ${nodeMin.join('.')} or later`],
  };
}

/** The copy that runs here must be the one that the registry imports. */
function troupe(from: string): Checked {
  const own = realpathSync(fileURLToPath(new URL('../../', import.meta.url)));
  const theirs = packageAt('troupe', from);
  if (theirs === undefined || theirs.folder === own) return ok('troupe', `${version} in ${own}`);
  const text = `${version} in ${own} runs here, and ${from} imports ${theirs.version} in ${theirs.folder}`;
  return {
    check: 'troupe',
    level: theirs.version === version ? 'warning' : 'problem',
    text,
    waysOut: [
      'install one copy (npm ls troupe), and run the program that is installed beside the registry: npx troupe doctor',
    ],
  };
}

function cores(): Checked {
  const parallel = availableParallelism();
  if (parallel > 1)
    return ok(
      'cores',
      `${parallel}, so ${parallel - 1} worker thread${parallel === 2 ? '' : 's'} at most unless threads says otherwise`,
    );
  return {
    check: 'cores',
    level: 'warning',
    text: 'one: a worker thread takes turns with the main thread, and keeps it free only while it waits',
    waysOut: ['give the process more cores, where work is to be done at the same time'],
  };
}

function memory(): Checked {
  const heapBytes = getHeapStatistics().heap_size_limit;
  const constrained = (process as { constrainedMemory?(): number }).constrainedMemory?.() ?? 0;
  // Where nothing constrains the process, Node says 0, or a number beyond any memory.
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const threads = Math.max(2, availableParallelism());
  const text = `${mebibytes(bytes)} for this process; a thread may use ${mebibytes(heapBytes)} of heap, and there are ${threads} threads with the main one`;
  const isTight = heapBytes > bytes || bytes / threads < threadBytesMin;
  return {
    check: 'memory',
    level: isTight ? 'warning' : 'ok',
    text,
    waysOut: isTight ? ['use fewer threads', 'give the process more memory, or less heap: --max-old-space-size'] : [],
  };
}

function typeScript(from: string): Checked {
  const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);
  const tsx = findTsx(from);
  const loaders = [
    ...(strips ? ['Node strips types by itself'] : []),
    ...(tsx === undefined ? [] : [`tsx ${versionIn(tsx)} is installed`]),
  ];
  if (loaders.length > 0) return ok('typescript', loaders.join('; '));
  const isNeeded = /\.[cm]?tsx?$/.test(from) && existsSync(from);
  return {
    check: 'typescript',
    level: isNeeded ? 'problem' : 'ok',
    text: 'there is no loader for TypeScript; JavaScript needs none',
    waysOut: isNeeded
      ? ['install tsx (npm install tsx)', 'compile it to JavaScript (npx tsc)', 'use Node 22.18 or later']
      : [],
  };
}

/** Schemas and Observables are handed from the user's copy to ours, so there must be one that both find. */
function peer(name: string, from: string): Checked {
  const here = fileURLToPath(import.meta.url);
  const wanted = wantedRange(name);
  const ours = packageAt(name, here);
  const theirs = packageAt(name, from);
  const install = `npm install ${name}@${wanted}`;
  if (ours === undefined) return bad(name, 'is not installed where troupe finds it', [install]);
  const unfit = [ours, theirs].find((one) => one !== undefined && !fits(one.version, wanted));
  if (unfit !== undefined) return bad(name, `${unfit.version} in ${unfit.folder}; ${wanted} is needed`, [install]);
  if (theirs === undefined || theirs.folder === ours.folder) return ok(name, ours.version);
  return {
    check: name,
    level: 'warning',
    text: `two copies: ${theirs.version} in ${theirs.folder} for the registry, ${ours.version} in ${ours.folder} for troupe`,
    waysOut: [`install one copy (npm ls ${name} shows who needs which; npm dedupe)`],
  };
}

function wantedRange(name: string): string {
  const { peerDependencies } = readJson(fileURLToPath(new URL('../../package.json', import.meta.url)));
  return (peerDependencies as Record<string, string>)[name]!;
}

/** For ranges of the form ^major.minor.patch, as our peers have. */
function fits(found: string, range: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(found);
  const [wantedMajor = 0, wantedMinor = 0, wantedPatch = 0] = numbersOf(range);
  return major === wantedMajor && (minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch));
}

function numbersOf(text: string): readonly number[] {
  return text
    .replace(/^\D+/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
}

interface Installed {
  readonly folder: string;
  readonly version: string;
}

function packageAt(name: string, from: string): Installed | undefined {
  try {
    const folder = realpathSync(dirname(createRequire(from).resolve(`${name}/package.json`)));
    return { folder, version: versionIn(folder) };
  } catch {
    return undefined; // Not installed there.
  }
}

function versionIn(folder: string): string {
  return String(readJson(join(folder, 'package.json')).version);
}

function readJson(file: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function ok(check: string, text: string): Checked {
  return { check, level: 'ok', text, waysOut: [] };
}

function bad(check: string, text: string, waysOut: readonly string[]): Checked {
  return { check, level: 'problem', text, waysOut };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;
}
