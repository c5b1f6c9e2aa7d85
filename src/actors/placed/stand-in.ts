/**
 * The definition of a stand-in, made of that of the actor it stands for: it is supervised, named and bounded as that one
 * says, and has neither its state nor its hooks nor its resources, which are where the actor runs.
 */
import { ActorBehavior } from '../behavior.ts';
import { type CompiledProtocol, compiledProtocol } from '../operation.ts';
import { protocol } from '../protocol.ts';
import type { Supervise, SupervisionPolicy } from '../supervise.ts';
import { PlacedCell } from './placed-cell.ts';

export function standInOf(definition: ActorBehavior): ActorBehavior {
  const { front, protocol: spoken, args, name, supervision, reentrant } = definition;
  // What waits in a pool is its jobs.
  const { highWater, capacity, overflow, stashMax, lanes } = front?.bounds ?? definition;
  return new ActorBehavior(spoken, {
    args,
    name,
    createState: () => undefined,
    internal: {},
    uses: [],
    mailbox: {
      highWater,
      capacity,
      overflow,
      stash: stashMax,
      ...(lanes === undefined ? {} : { lanes: lanes.count, laneOf: lanes.of as never }),
    },
    idleMs: undefined,
    signals: {},
    supervise: declared(supervision),
    strategy: undefined,
    reentrant,
    handlers: {},
    behaviors: [],
    behaviorHandlers: {},
    closure: true,
    front: { cellClass: PlacedCell as never, control: front?.control ?? unmanaged(), own: [] },
  });
}

/** Nobody manages a stand-in: what is said about a router that it stands for goes on to that one. */
function unmanaged(): CompiledProtocol {
  return compiledProtocol(protocol('troupe.placed', {}));
}

function declared(policy: SupervisionPolicy): Supervise {
  const { directive, restartsMax, withinMs, exhausted, backoff } = policy;
  return { directive, restartsMax, withinMs, exhausted, ...(backoff === undefined ? {} : { backoff }) };
}
