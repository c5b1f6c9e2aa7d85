/**
 * Where the module is that a worker thread begins with: beside this one, in the package as in a bundle that names it.
 *
 * Its URL is put together from a variable on purpose. Written out, bundlers would take it for an asset and put its text
 * where the URL stands.
 */
import { existsSync } from 'node:fs';
import { WorkerEntryMissing } from './load-failed.ts';

/** A bundler may put shared code into a folder below that of the entries, and may call its modules `.mjs`. */
const candidates: readonly string[] = [
  './worker-main.js',
  './worker-main.mjs',
  '../worker-main.js',
  '../worker-main.mjs',
];

/** @throws WorkerEntryMissing */
export function workerEntry(from: string = import.meta.url): URL {
  // Where a bundler wrote CommonJS there is no URL to begin with.
  if (!URL.canParse(from)) throw new WorkerEntryMissing('a module without import.meta.url, which CommonJS has none of');
  for (const candidate of candidates) {
    const entry = new URL(candidate, from);
    if (existsSync(entry)) return entry;
  }
  throw new WorkerEntryMissing(from);
}
