/** What one place does in each phase of a shutdown; the same on the main thread and on a worker. */
import type { Host } from '../actors/host.ts';
import type { ActorView } from '../actors/tree.ts';
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
