/**
 * The registry that `troupe doctor` starts its threads with: the user's own, loaded as it would be, and a probe.
 *
 * The main thread names the user's in the environment, which worker threads get a copy of.
 */
import * as z from 'zod';
import { actor } from '../actors/actor.ts';
import { ask, protocol } from '../actors/protocol.ts';
import { type Registry, registry } from '../actors/registry.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { thread } from '../runtime/placement.ts';
import { loadRegistry } from '../runtime/preflight.ts';

/** The environment variable that holds the URL of the user's registry module, if there is one. */
export const registryVariable = 'TROUPE_DOCTOR_REGISTRY';

const Probe = protocol('troupe-doctor-probe', {
  look: ask({ output: z.object({ how: z.string().optional() }) }),
});

const given = process.env[registryVariable];
const loaded = given === undefined ? undefined : await loadRegistry(new URL(given));

const probe = actor(Probe, { args: z.object({}), state: () => ({}) }, { look: () => ({ how: loaded?.how }) });

/** Starts the probe on a worker thread. @returns what asks it how the registry was loaded there. @throws SpawnFailed */
export async function startProbe(system: ActorSystem): Promise<() => Promise<string | undefined>> {
  const ref = await system.spawn(probe, { on: thread() });
  return async () => (await ref.look()).how;
}

const withProbe: Registry = registry(...(loaded?.value.definitions ?? []), probe);

// A registry module is found by its default export.
export { withProbe as default };
