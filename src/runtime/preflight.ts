/**
 * What must hold before actors of a registry module can be started: it loads, in time, and is a registry of this version.
 *
 * The same for the main thread, for every worker and for `troupe doctor`: each loads the module by itself, and each may
 * find something else in the way.
 */
import { fileURLToPath } from 'node:url';
import type { Registry } from '../actors/registry.ts';
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import { version } from '../base/version.ts';
import { type Finding, RegistryLoadFailed } from './load-failed.ts';
import { type LoadedRegistry, loadRegistryModule } from './load-registry.ts';

/** A registry that was found fit, and how it was loaded. */
export interface CheckedRegistry extends LoadedRegistry {
  readonly value: Registry;
}

/**
 * @param mainVersion the version of the package on the main thread, for a worker
 * @throws RegistryLoadFailed
 */
export async function loadRegistry(url: URL, mainVersion: string = version): Promise<CheckedRegistry> {
  if (mainVersion !== version) throw new RegistryLoadFailed(fileOf(url), otherMain(mainVersion));
  const loaded = await loadRegistryModule(url);
  return { ...loaded, value: registryIn(loaded.value, fileURLToPath(loaded.loadedFrom)) };
}

/**
 * The same on the main thread, where nobody else would notice that it does not end.
 * @throws RegistryLoadFailed also with `unfinished`, after `deadlineMs`
 */
export function loadRegistryInTime(
  url: URL,
  clock: Clock,
  deadlineMs: number = limits.registryLoadMs,
): Promise<CheckedRegistry> {
  return new Promise((resolve, reject) => {
    const cancel = clock.wake(deadlineMs, () => reject(unfinished(url, 'the main thread', deadlineMs)));
    loadRegistry(url).then(resolve, reject).finally(cancel);
  });
}

/** A module that is still loading when its time is up, on the thread that `where` names. */
export function unfinished(url: URL, where: string, deadlineMs: number): RegistryLoadFailed {
  return new RegistryLoadFailed(fileOf(url), {
    reason: 'unfinished',
    what: `it has not finished loading on ${where} after ${deadlineMs} ms, since a top-level await does not end or a loop holds the thread`,
    waysOut: [
      'await that in a resource (open), or in the started signal of an actor, and not in the module itself',
      'give the registry a module of its own, where it is the one that awaits createSystem: it waits for itself',
    ],
  });
}

/** For people; what is no file's URL is refused when it is loaded. */
function fileOf(url: URL): string {
  return url.protocol === 'file:' ? fileURLToPath(url) : `a ${url.protocol} URL`;
}

/** @throws RegistryLoadFailed when it is no registry, or one of another version. */
function registryIn(value: unknown, file: string): Registry {
  const { kind, version: madeBy } = (value ?? {}) as Partial<Record<keyof Registry, unknown>>;
  if (kind !== 'registry') throw new RegistryLoadFailed(file, noRegistry(value, kind));
  if (madeBy !== version) throw new RegistryLoadFailed(file, otherVersion(String(madeBy)));
  return value as Registry;
}

function noRegistry(value: unknown, kind: unknown): Finding {
  const isDefinition = typeof kind === 'string' && ['actor', 'flow', 'resource'].includes(kind);
  const isPromise = typeof (value as { then?: unknown } | null)?.then === 'function';
  const found = isDefinition ? `the ${kind} itself` : isPromise ? 'a promise' : `a value of type ${typeof value}`;
  return {
    reason: 'not-a-registry',
    what: `its default export is ${found}, not what registry(…) returned`,
    waysOut: [
      isPromise
        ? 'write: export default await …'
        : 'write: export default registry(…), with every actor, flow and resource in it',
    ],
  };
}

function otherVersion(madeBy: string): Finding {
  return {
    reason: 'version',
    what: `its registry was made by troupe ${madeBy}, and troupe ${version} runs here`,
    waysOut: [
      'install one version for all of the program (npm ls troupe shows where there are two)',
      'build the program and its registry anew, where either is a bundle',
    ],
  };
}

function otherMain(mainVersion: string): Finding {
  return {
    reason: 'version',
    what: `the main thread runs troupe ${mainVersion}, and this worker thread troupe ${version}`,
    waysOut: [
      'install one version for all of the program (npm ls troupe shows where there are two)',
      'build the program anew, with worker-main from the same build',
    ],
  };
}
