/** Where an actor is to run. A `Where` is data: what it names is chosen when something is spawned. */
import { checkKeys } from '../actors/given.ts';
import { checkName } from '../actors/operation.ts';
import { checkWhere, type NodePlace, type Where } from '../actors/placed/where.ts';
import type { AnyRef } from '../actors/protocol.ts';
import { isRef, targetOf } from '../actors/ref.ts';
import { isByName } from '../actors/target.ts';
import { UsageError } from '../base/errors.ts';

/** The place that spawns. */
export function here(): Where {
  return { kind: 'here' };
}

/**
 * A worker thread of this process: the one with the least to do, by the use of its event loop and by what is under way to
 * it; where these are alike they take turns.
 *
 * @param options.name the worker of that name, started for it and shared by all who say it: nothing else is placed there.
 * Letters, digits, `-`, `_`, `.`; at most 128 characters. It is shown in the inspector.
 * @param options.with the place where that actor lives, wherever that is, so that the two talk without a hop. Where an actor
 * that was placed so is started again after its thread was lost, any thread will do.
 * @throws UsageError for another name, for what is no ref, and for both at once
 */
export function thread(options: { name?: string; with?: AnyRef } = {}): Where {
  checkKeys(options, ['name', 'with'], 'thread(…)');
  const { name, with: ref } = options;
  if (name !== undefined && ref !== undefined) {
    throw new UsageError('thread({ name, with }): it is the thread of a name, or that of an actor; give one of them');
  }
  if (name !== undefined) {
    checkName(name, 'the name of a thread');
    return { kind: 'thread', name };
  }
  if (ref === undefined) return { kind: 'thread' };
  if (!isRef(ref)) throw new UsageError(`thread({ with }) takes a ref of an actor; it was given ${typeof ref}`);
  const target = targetOf(ref);
  if (isByName(target)) {
    throw new UsageError(
      `thread({ with }) takes a ref of an actor, and ${target.path()} is a name: find the actor first`,
    );
  }
  return { kind: 'thread', with: target.address() };
}

/**
 * Another process that has joined with this role: the one with the least to do, by what it says each second of the use of its
 * event loop and of what waits there, and by what is under way to it; where these are alike they take turns. One that is away is
 * chosen where there is no other, one that shuts down not at all. For now the actor runs on the main thread there; the
 * worker threads of a node run what its own code spawns on them.
 */
export function node(options: { role: string }): NodePlace {
  if (typeof options?.role !== 'string' || options.role === '')
    throw new UsageError('node({ role }) needs the name of a role');
  return { kind: 'node', role: options.role };
}

/**
 * One after the other: the first spawn goes to the first place, and so on around. `spread(node({ role }))` goes around the nodes of
 * that role, whatever they have to do.
 *
 * @throws UsageError for what is no place, and for no places
 */
export function spread(places: readonly Where[] | NodePlace): Where {
  if (!Array.isArray(places) && (places as Partial<NodePlace> | undefined)?.kind === 'node') {
    return { ...(places as NodePlace), inTurn: true };
  }
  if (!Array.isArray(places) || places.length === 0) throw new UsageError('spread([…]) needs at least one place');
  for (const place of places) checkWhere(place, 'spread([…])');
  return { kind: 'spread', places: [...places] };
}
