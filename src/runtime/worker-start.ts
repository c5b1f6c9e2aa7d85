/**
 * A worker thread that could not start: what it tells of it, and the error that this becomes for whoever wanted it.
 *
 * A worker loads this when it has failed and not before.
 */
import { SpawnFailed } from '../actors/errors.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { codeOf } from '../base/thrown.ts';
import { causesFromWire, causesToWire } from './cause-codec.ts';
import { type Finding, RegistryLoadFailed } from './load-failed.ts';
import { unfinished } from './preflight.ts';
import { workerEntry } from './worker-entry.ts';

/** What a worker tells before it ends without having started. */
export interface StartFailure {
  readonly code: string;
  readonly message: string;
  /** What stood in the way of the registry, and in which file. */
  readonly registry?: { readonly file: string; readonly finding: Finding };
  readonly causes: readonly (string | null)[];
}

/** In the worker. @param stacks whether the main thread is told where it was thrown */
export function startFailureOf(error: unknown, stacks: boolean): StartFailure {
  const isOurs = codeOf(error) === 'RegistryLoadFailed';
  const { file, reason, finding: what, waysOut } = error as RegistryLoadFailed;
  return {
    code: codeOf(error) ?? 'Error',
    message: describeThrown(error),
    ...(isOurs && { registry: { file, finding: { reason, what, waysOut } } }),
    causes: causesToWire(isOurs ? (error as Error).cause : error, stacks),
  };
}

/** In the main thread: the failure of the spawn that needed the worker, with what the worker found as its cause. */
export function startFailed(placeId: string, { message, registry, causes }: StartFailure): SpawnFailed {
  const cause = causesFromWire(causes);
  if (registry === undefined) {
    return new SpawnFailed('no-place', `worker ${placeId} could not start: ${message}`, cause);
  }
  const own = new RegistryLoadFailed(registry.file, registry.finding, cause);
  return new SpawnFailed('no-place', `worker ${placeId} could not start. ${own.message}`, own);
}

/** A worker that said nothing for as long as a registry may take to load. */
export function startUnfinished(placeId: string, registry: URL): SpawnFailed {
  const cause = unfinished(registry, 'a worker thread', limits.registryLoadMs);
  return new SpawnFailed('no-place', `worker ${placeId} could not start. ${cause.message}`, cause);
}

/** The module that a worker begins with. @throws SpawnFailed with what became of it as its cause */
export function entryForSpawn(): URL {
  try {
    return workerEntry();
  } catch (cause) {
    throw new SpawnFailed('no-place', (cause as Error).message, cause);
  }
}
