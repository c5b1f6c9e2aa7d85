/** How actors of one place start children elsewhere: the seam of the actor floor, over the sessions of this place. */
import type { ActorBehavior } from '../actors/behavior.ts';
import { SpawnFailed } from '../actors/errors.ts';
import type { Host } from '../actors/host.ts';
import { invalidMessage } from '../actors/isolation.ts';
import { PlaceLost } from '../actors/place-lost.ts';
import { placeHere } from '../actors/placed/placed-here.ts';
import type { Placed, Placement, PlaceRequest } from '../actors/placed/placement.ts';
import type { Where } from '../actors/placed/where.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import { placeElsewhere } from './placed-elsewhere.ts';
import type { Router } from './router.ts';

export interface ChildPlacementOptions {
  readonly registry: RegistryIndex;
  readonly router: Router;
  /** The id of the place that it says. @throws SpawnFailed */
  readonly choose: (where: Where, actorName: string) => Promise<string>;
}

export class ChildPlacement implements Placement {
  readonly #options: ChildPlacementOptions;

  constructor(options: ChildPlacementOptions) {
    this.#options = options;
  }

  check(actorName: string): void {
    registeredActor(this.#options.registry, actorName);
  }

  async place(request: PlaceRequest): Promise<Placed> {
    const { registry, router, choose } = this.#options;
    const { actor, where, args, standIn } = request;
    const behavior = registeredActor(registry, actor);
    const wire = argumentsToWire(behavior, args);
    const { host }: { readonly host: Host } = standIn;
    const placeId = await choose(where, actor);
    if (placeId === host.placeId) return placeHere(host, behavior, request);
    const place = router.place(placeId);
    if (place === undefined) throw new PlaceLost(placeId, 'unreachable');
    return placeElsewhere(place, request, wire);
  }
}

/** @throws SpawnFailed */
export function registeredActor(registry: RegistryIndex, name: string): ActorBehavior {
  const behavior = registry.actor(name);
  if (behavior !== undefined) return behavior;
  throw new SpawnFailed(
    'unregistered',
    `actor "${name}" is not in the registry, so no other place can find its code; add it to registry(…), or spawn it here`,
  );
}

/** The arguments of an actor that is to start elsewhere. @throws SpawnFailed */
export function argumentsToWire(behavior: ActorBehavior, args: unknown): unknown {
  try {
    return behavior.argsType.toWire(behavior.argsType.parse(args ?? {}));
  } catch (error) {
    const invalid = invalidMessage(error, `arguments of actor "${behavior.name}"`) as Error;
    throw new SpawnFailed('arguments', invalid.message, error);
  }
}
