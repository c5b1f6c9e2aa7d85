/** What a system is made of; `start-system.ts` makes them. */
import type { Host } from '../actors/host.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { Logger } from '../base/logger.ts';
import type { ClientPort } from './clients/client-port.ts';
import type { Homes } from './homes.ts';
import type { NodeLinks } from './node-links.ts';
import type { PlaceChoice } from './place-choice.ts';
import type { PlacementSupervisor } from './placement-supervisor.ts';
import type { Router } from './router.ts';
import type { Stalls } from './stalls.ts';
import type { WorkerLetters } from './worker-letters.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface SystemParts {
  readonly host: Host;
  readonly registry: RegistryIndex;
  readonly router: Router;
  readonly workers: WorkerPool;
  /** What stands above the actors on the worker threads. */
  readonly placement: PlacementSupervisor;
  /** Dead letters of the worker threads. */
  readonly letters: WorkerLetters;
  readonly links: NodeLinks;
  /** Where clients come in, where they may. */
  readonly clients: ClientPort | undefined;
  readonly stalls: Stalls;
  /** Ends the watch over what holds the threads. */
  readonly unwatch: () => void;
  /** Where an actor is to run. */
  readonly choice: PlaceChoice;
  readonly homes: Homes;
  readonly log: Logger;
  /** False for a system that can hold no process alive, such as one under virtual time. */
  readonly warnsAtExit: boolean;
}
