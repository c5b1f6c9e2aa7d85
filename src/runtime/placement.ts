/** Where an actor is to run. A `Where` is data: what it names is chosen when something is spawned. */
import { checkWhere, type Where } from '../actors/placed/where.ts';
import { UsageError } from '../base/errors.ts';

/** The place that spawns. */
export function here(): Where {
  return { kind: 'here' };
}

/** A worker thread of this process: the one with the least under way. */
export function thread(): Where {
  return { kind: 'thread' };
}

/**
 * Another process that has joined with this role: the one with the least under way. For now the actor runs on the main
 * thread there; the worker threads of a node run what its own code spawns on them.
 */
export function node(options: { role: string }): Where {
  if (typeof options?.role !== 'string' || options.role === '')
    throw new UsageError('node({ role }) needs the name of a role');
  return { kind: 'node', role: options.role };
}

/** One after the other: the first spawn goes to the first place, and so on around. */
export function spread(places: readonly Where[]): Where {
  if (!Array.isArray(places) || places.length === 0) throw new UsageError('spread([…]) needs at least one place');
  for (const place of places) checkWhere(place, 'spread([…])');
  return { kind: 'spread', places: [...places] };
}
