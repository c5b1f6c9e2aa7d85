/**
 * The wait-for graph over several places, of which each knows its own part (`wait-for.ts`): it is followed by probes.
 *
 * A call of a run to another place that stays open sends a probe along: the other place follows what the call waits for
 * there, and sends the probe on along each open call to a further place that it comes to. A probe that comes back to the run
 * which made its call has gone round a cycle. Nobody on the way can have gone on meanwhile, since each waits for the next, so
 * there is no deadlock where none is seen, but for calls that were given up in between. After Chandy, Misra and Haas
 * ("Distributed Deadlock Detection", 1983).
 *
 * Of all calls of a cycle between places the latest is given up, since it has closed it: one that waits to be handled rather
 * than one whose handler has begun, which is `Rejected`, and not of unknown outcome. So a probe ends where it meets a later
 * call: that one finds the cycle by a probe of its own. The order of calls is by wall clock, which may be wrong between
 * machines but is the same wherever it is looked at; then by depth, since a call is made after the one that it serves.
 *
 * Not followed are waits for any one of several runs (an operation with `concurrent: n`), and streams: they end by their
 * deadlines.
 */
import { limits } from '../base/limits.ts';
import type { Run } from './run.ts';
import type { OneOf, OpenWait } from './wait-for.ts';

/** When a call was made, in an order that is the same at all places. */
export interface CallAge {
  /** Wall clock of its place, in ms. */
  readonly madeAt: number;
  /** How many calls its chain holds, itself included. */
  readonly depth: number;
  /** Who calls whom by which number: for those that are equal otherwise. */
  readonly name: string;
}

/** The call that a probe goes round for, as the place has seen it where it is handled. */
export interface ProbedCall extends CallAge {
  readonly hasBegun: boolean;
}

/** What goes along an open call to find a cycle. */
export interface Probe {
  /** That call. */
  readonly along: CallAge;
  /** The call that it was sent for first; null where it is that one. */
  readonly of: ProbedCall | null;
  /** Known to the call that sent it first, and to those that it waits for. */
  readonly nonce: number;
  /** The actors that it has come by: who is called, and whom each waits for. */
  readonly path: readonly string[];
}

/** The same as it goes on. */
export type ProbeGoingOn = Omit<Probe, 'along'> & { readonly of: ProbedCall };

/** A call to another place, as a wait of the run that made it. */
export interface WaitElsewhere extends OpenWait {
  readonly elsewhere: true;
  /** True where it sent the probe first. */
  isProbing(nonce: number): boolean;
  /** Its own probe has come back. */
  closesCycle(probe: ProbeGoingOn): void;
  /** Sends it along; each once. */
  sendOn(probe: ProbeGoingOn): void;
}

/** What the place knows of a call that it handles. */
export interface CallHere {
  readonly hasBegun: boolean;
  /** What it waits for. */
  blockers(): readonly OneOf[];
}

/** Follows a probe that has come along a call. @returns how many runs and calls it has come to */
export function followProbe(call: CallHere, { along, of: first, nonce, path: before }: Probe): number {
  const here = { ...along, hasBegun: call.hasBegun };
  const of = first ?? here;
  if (isLater(here, of)) return 0;
  const pathTo = new Map<Run, readonly string[]>();
  const come = (next: readonly OneOf[], path: readonly string[]): void => {
    for (const group of next) {
      const [run] = group;
      if (group.length === 1 && !run!.isOver && !pathTo.has(run!)) pathTo.set(run!, [...path, run!.path()]);
    }
  };
  come(call.blockers(), before);
  let sentOn = 0;
  for (const [run, path] of pathTo) {
    if (path.length > limits.probePathMax || pathTo.size > limits.waitForRunsMax) break;
    for (const wait of run.waits) {
      if (!isElsewhere(wait)) come(wait.blockers(), path);
      else if (wait.isProbing(nonce)) {
        wait.closesCycle({ of, nonce, path });
        return pathTo.size + sentOn;
      } else {
        wait.sendOn({ of, nonce, path });
        sentOn += 1;
      }
    }
  }
  return pathTo.size + sentOn;
}

function isElsewhere(wait: OpenWait): wait is WaitElsewhere {
  return wait.elsewhere === true;
}

function isLater(one: ProbedCall, other: ProbedCall): boolean {
  if (one.hasBegun !== other.hasBegun) return other.hasBegun;
  if (one.madeAt !== other.madeAt) return one.madeAt > other.madeAt;
  return one.depth === other.depth ? one.name > other.name : one.depth > other.depth;
}
