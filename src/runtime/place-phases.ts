/** What one place does in each phase of a shutdown; the same on the main thread and on a worker. */
import type { Host } from '../actors/host.ts';
import type { ActorView } from '../actors/tree.ts';
import { limits } from '../base/limits.ts';
import type { Router } from './router.ts';
import type { WorkerPhase } from './thread-messages.ts';

export interface PhaseLeft {
  /** Actors that were killed. */
  readonly killed: readonly ActorView[];
  /** Names of resources that did not close. */
  readonly unclosed: readonly string[];
}

const nothing: PhaseLeft = { killed: [], unclosed: [] };

export async function runPhase(host: Host, phase: WorkerPhase, deadlineMs: number): Promise<PhaseLeft> {
  switch (phase) {
    case 'stop-accepting':
      host.refuseSpawns();
      return nothing;
    case 'drain':
      await host.drain(deadlineMs);
      return nothing;
    case 'stop-actors':
      return { killed: await host.stop(deadlineMs), unclosed: [] };
    case 'close-resources':
      return { killed: [], unclosed: await host.closeResources(deadlineMs) };
    default:
      return phase satisfies never;
  }
}

/**
 * Makes a worker without actors ready to be ended, so that nobody notices: nothing more starts there, what it had open is
 * closed, and the others have received what it sent. False where it holds an actor, messages in quarantine, or some for a node
 * whose link was cut, and goes on.
 */
export async function retire(host: Host, router: Router): Promise<boolean> {
  if (host.rootCount > 0 || host.counters.quarantined > 0 || router.waitsForNodes) return false;
  host.refuseSpawns('place-lost');
  const unclosed = await host.closeResources(limits.threadRetireMs);
  if (unclosed.length > 0) {
    host.log.warn({ unclosed }, `resources had not closed when their thread ended: ${unclosed.join(', ')}`);
  }
  await router.flush(limits.threadRetireMs);
  router.report();
  return true;
}
