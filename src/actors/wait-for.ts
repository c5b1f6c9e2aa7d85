/**
 * The wait-for graph of one place: which open run waits for which.
 *
 * An edge leads from a run to the run that its open ask or offer depends on: the one that handles the ask, or the one that
 * keeps the target busy. The call that would close a cycle is refused when it is made, so that nobody waits out a
 * deadline. A run that has ended is no edge; an interleaving operation waits for nobody. As in Chandy, Misra and Haas
 * ("Distributed Deadlock Detection", 1983), but searched at once, since all edges are at hand.
 */
import { limits } from '../base/limits.ts';
import type { Cell } from './cell.ts';
import type { Operation } from './operation.ts';
import { Rejected } from './outcomes.ts';
import type { ChainLink } from './request.ts';
import type { Run } from './run.ts';

/** An ask or an offer that a run has made and that is still open. */
export interface OpenWait {
  /** The run that must end first; undefined where it only waits for its turn. */
  blocker(): Run | undefined;
}

/**
 * What is to be done with a call that `run` makes to `target`.
 *
 * @returns `admit` when the target waits for this very run and lets such calls in; `queue` otherwise.
 * @throws Rejected `cycle`, when the call would wait for itself
 */
export function judgeCall(target: Cell, run: Run, operation: Operation): 'admit' | 'queue' {
  const holder = target.exclusiveRun;
  const path =
    holder === undefined ? pathThroughPlaces(target, run) : (waitPath(holder, run) ?? pathThroughPlaces(target, run));
  if (path === undefined) return 'queue';
  if (operation.interleaves > 0 || target.behavior.reentrant) return 'admit';
  throw closesCycle(target, path, operation);
}

/** The same for a call from another place, which brings its chain along. */
export function judgeChain(target: Cell, chain: readonly ChainLink[], operation: Operation): 'admit' | 'queue' {
  const at = linkTo(target, chain);
  if (at < 0) return 'queue';
  if (operation.interleaves > 0 || target.behavior.reentrant) return 'admit';
  throw closesCycle(target, pathOf(chain, at), operation);
}

/** The same for an offer: a mailbox that is full is emptied only when its actor is free. */
export function judgeOffer(target: Cell, run: Run, operation: Operation): void {
  const holder = target.exclusiveRun;
  const path = holder === undefined ? undefined : waitPath(holder, run);
  if (path !== undefined) throw closesCycle(target, path, operation);
}

/** The actors from `from` to `to` along what they wait for, as paths; undefined when `from` does not wait for `to`. */
function waitPath(from: Run, to: Run): string[] | undefined {
  const cameFrom = new Map<Run, Run | undefined>([[from, undefined]]);
  for (const run of cameFrom.keys()) {
    if (run === to) {
      const path: string[] = [];
      for (let at: Run | undefined = to; at !== undefined; at = cameFrom.get(at)) path.unshift(at.path());
      return path;
    }
    for (const wait of run.waits ?? []) {
      const blocker = wait.blocker();
      if (blocker !== undefined && !blocker.isOver && !cameFrom.has(blocker)) cameFrom.set(blocker, run);
    }
    if (cameFrom.size > limits.waitForRunsMax) return undefined;
  }
  return undefined;
}

/** The same where the chain of calls has led through another place, whose runs cannot be followed from here. */
function pathThroughPlaces(target: Cell, run: Run): string[] | undefined {
  const path: string[] = [];
  for (let at: Run | undefined = run; at !== undefined && !at.isOver; at = at.request?.callerRun) {
    path.unshift(at.path());
    const chain = at.request?.remoteChain ?? [];
    const link = linkTo(target, chain);
    if (link >= 0) return [...pathOf(chain, link), ...path];
  }
  return undefined;
}

function linkTo(target: Cell, chain: readonly ChainLink[]): number {
  if (chain.length === 0) return -1;
  const { place, cell } = target.address();
  return chain.findIndex((link) => link.place === place && link.cell === cell && target.hasOpenRun(link.run));
}

function pathOf(chain: readonly ChainLink[], at: number): string[] {
  return chain
    .slice(0, at + 1)
    .map((link) => `troupe://${link.place}/#${link.cell}`)
    .reverse();
}

function closesCycle(target: Cell, path: readonly string[], operation: Operation): Rejected {
  const whole = [...path, target.path()];
  return new Rejected(
    'cycle',
    `${operation.label}: the call closes a cycle and would wait for itself: ${whole.join(' → ')}. Answer with a tell, ` +
      'make the operation `readonly` or `concurrent`, or let its actor have `callChainReentrancy`',
    whole,
  );
}
