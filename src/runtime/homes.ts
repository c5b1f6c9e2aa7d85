/**
 * Where actors of this node live that are not where their address says: those that were moved, and the children that were
 * placed elsewhere by actors of this place. Kept by the main thread, by way of which every move goes.
 */
import type { Host } from '../actors/host.ts';
import { PlacedCell } from '../actors/placed/placed-cell.ts';
import type { Address, Target } from '../actors/target.ts';

export class Homes {
  readonly #host: Host;
  readonly #moved = new Map<string, string>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** An actor has moved. It is kept until it ends, wherever it goes. */
  moved(target: Target, placeId: string): void {
    const key = keyOf(target.address());
    const isKept = this.#moved.has(key);
    this.#moved.set(key, placeId);
    if (!isKept) target.watch({ terminated: () => this.#moved.delete(key) });
  }

  of(address: Address): string {
    const cell = address.place === this.#host.placeId ? this.#host.cell(address.cell) : undefined;
    if (cell instanceof PlacedCell) return cell.placedAt?.place ?? address.place;
    return this.#moved.get(keyOf(address)) ?? address.place;
  }
}

function keyOf({ place, cell }: Address): string {
  return `${place}#${cell}`;
}
