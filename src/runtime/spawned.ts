/** What another place answers a spawn with. */
import { SpawnFailed } from '../actors/errors.ts';

/** Where a spawned actor is. */
export interface Spawned {
  readonly cell: number;
  readonly branch: string;
}

/** @throws SpawnFailed where it is no address */
export function readSpawned(wire: unknown): Spawned {
  const [cell, branch] = Array.isArray(wire) ? (wire as [unknown, unknown]) : [];
  if (Number.isSafeInteger(cell) && typeof branch === 'string') return { cell: cell as number, branch };
  throw new SpawnFailed('place-lost', 'the other place answered a spawn with something that is no address');
}
