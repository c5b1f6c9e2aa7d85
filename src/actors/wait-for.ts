/**
 * The wait-for graph of one place: which open run waits for which.
 *
 * An edge leads from a run to what its open ask, offer or stream depends on: the run that handles it, or those that keep
 * its turn from coming. Where any one of several would do, since an operation may have `n` runs, all of them must lead
 * back before a wait is without end. The call that would close a cycle is refused when it is made, so that nobody waits out
 * a deadline. A run that has ended is no edge. Beyond the place it goes on in `wait-elsewhere.ts`. As in Chandy, Misra and Haas ("Distributed Deadlock Detection", 1983), but
 * searched at once, since all edges are at hand.
 */
import { limits } from '../base/limits.ts';
import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import type { RoomWaiting } from './offer.ts';
import type { Operation } from './operation.ts';
import { Rejected } from './outcomes.ts';
import type { ChainLink, Request } from './request.ts';
import type { Run } from './run.ts';

/** Runs one of which must end first. */
export type OneOf = readonly Run[];

/** An ask, an offer or a stream that a run has made and that is still open. */
export interface OpenWait {
  /** Of each group one run must end first; none where it only waits for its turn, or for the world outside. */
  blockers(): readonly OneOf[];
  /** True for one whose blockers are known at another place: see `wait-elsewhere.ts`. */
  readonly elsewhere?: true;
}

export const noBlockers: readonly OneOf[] = [];

/** What a message of `operation` waits for before it begins: one that is queued as `own`, or one that is sent now. */
export function blockersOf(cell: Cell, operation: Operation, own?: Envelope): readonly OneOf[] {
  if (!cell.behavior.interleaves) {
    const holder = cell.exclusiveRun;
    return holder === undefined ? noBlockers : [[holder]];
  }
  return blockersOfHeads(cell, own, limits.waitForQueuedMax, operation);
}

/** What an accepted request waits for: the run that handles it, or what keeps that from beginning. */
export function blockersOfRequest(cell: Cell, request: Request): readonly OneOf[] {
  const { run } = request;
  // One whose run has ended is handed out again.
  return run === undefined || run.isOver ? blockersOf(cell, request.operation, request) : [[run]];
}

/** What the next value of a stream waits for: its handler goes on only while no exclusive run is open. */
export function blockersOfStreams(cell: Cell): readonly OneOf[] {
  return holdersOf(cell);
}

/** The runs that keep exclusive messages waiting: the exclusive one, and those that were let in beside it. */
function holdersOf(cell: Cell): OneOf[] {
  const holder = cell.exclusiveRun;
  const holders: OneOf[] = holder === undefined ? [] : [[holder]];
  if (!cell.behavior.interleaves) return holders;
  for (const run of cell.extension.beside.letIn) if (run !== holder) holders.push([run]);
  return holders;
}

/**
 * What an offer waits for, which waits as `own` or is made now: a mailbox that is full gets room only when its oldest
 * messages begin, and the offers before it are let in first.
 */
export function blockersOfRoom(cell: Cell, own?: RoomWaiting): readonly OneOf[] {
  let toBegin = cell.queued - cell.behavior.highWater + 1;
  for (const waiting of cell.extension.offers.values()) {
    if (waiting === own) break;
    if (!waiting.settled && waiting.takesRoom) toBegin += 1;
  }
  if (toBegin <= 0) return noBlockers;
  if (cell.behavior.interleaves) return blockersOfHeads(cell, undefined, toBegin, undefined);
  const holder = cell.exclusiveRun;
  return holder === undefined ? noBlockers : [[holder]];
}

/** What the first `count` messages wait for, up to `own`; and then one of operation `last`. */
function blockersOfHeads(
  cell: Cell,
  own: Envelope | undefined,
  count: number,
  last: Operation | undefined,
): readonly OneOf[] {
  const { beside } = cell.extension;
  const groups: OneOf[] = [];
  const full = new Set<Operation>();
  let exclusive = false;
  const needs = (operation: Operation, isAdmitted: boolean): void => {
    if (operation.interleaves === 0) exclusive ||= !isAdmitted;
    else if (!full.has(operation) && !beside.hasRoomFor(operation)) {
      full.add(operation);
      groups.push(beside.runsOf(operation));
    }
  };
  // What is let in to fill the rest of it is told, and so exclusive.
  exclusive = count > cell.queued && last === undefined;
  let left = count;
  for (const envelope of cell.waitingEnvelopes()) {
    if (envelope === own || left <= 0) break;
    left -= 1;
    if (!envelope.request?.settled) needs(envelope.operation, envelope.request?.isAdmitted === true);
  }
  if (last !== undefined) needs(last, own?.request?.isAdmitted === true);
  return exclusive ? [...groups, ...holdersOf(cell)] : groups;
}

/**
 * What is to be done with a call that `run` makes to `target`.
 *
 * @returns `admit` when the target waits for this very run and lets such calls in; `queue` otherwise.
 * @throws Rejected `cycle`, when the call would wait for itself
 */
export function judgeCall(target: Cell, run: Run, operation: Operation): 'admit' | 'queue' {
  const path = waitPath(blockersOf(target, operation), run) ?? pathThroughPlaces(target, run);
  if (path === undefined) return 'queue';
  if (letsIn(target, operation)) return 'admit';
  throw closesCycle(target, path, operation);
}

/** The same for a call from another place, which brings its chain along. */
export function judgeChain(target: Cell, chain: readonly ChainLink[], operation: Operation): 'admit' | 'queue' {
  const at = linkTo(target, chain);
  if (at < 0) return 'queue';
  if (letsIn(target, operation)) return 'admit';
  throw closesCycle(target, pathOf(chain, at), operation);
}

/** Refuses an offer that would wait for itself. @throws Rejected `cycle` */
export function judgeOffer(target: Cell, run: Run, operation: Operation): void {
  const path = waitPath(blockersOfRoom(target), run);
  if (path !== undefined) throw closesCycle(target, path, operation);
}

/** The same for a stream whose reader is about to wait for its next value. */
export function judgeRead(target: Cell, run: Run, operation: Operation, blockers: readonly OneOf[]): void {
  const path = waitPath(blockers, run);
  if (path !== undefined) throw closesCycle(target, path, operation);
}

/** An operation that interleaves is let in where it can begin at once: never more often than it may be open. */
function letsIn(target: Cell, operation: Operation): boolean {
  if (operation.interleaves === 0) return target.behavior.reentrant;
  return target.extension.beside.hasRoomFor(operation, target.admittedOf(operation));
}

/** The actors from `groups` to `to` along what they wait for, as paths; undefined when that wait has an end. */
function waitPath(groups: readonly OneOf[], to: Run): string[] | undefined {
  if (groups.length === 0) return undefined;
  const reached = reach(groups, to);
  if (reached === undefined || !reached.cameFrom.has(to)) return undefined;
  const cameFrom = reached.several ? reach(groups, to, runsThatMayEnd(reached.waits, to))?.cameFrom : reached.cameFrom;
  if (!cameFrom?.has(to)) return undefined;
  const way: string[] = [];
  for (let at: Run | undefined = to; at !== undefined; at = cameFrom.get(at)) way.unshift(at.path());
  return way;
}

interface Reached {
  /** Each run that was come to, and from which. */
  readonly cameFrom: ReadonlyMap<Run, Run | undefined>;
  /** What each of them waits for. */
  readonly waits: ReadonlyMap<Run, readonly OneOf[]>;
  /** True when there is a group of several among these. */
  readonly several: boolean;
}

/** Everything that `groups` wait for, as far as `to`, passing over groups of which one run is in `ending`. */
function reach(groups: readonly OneOf[], to: Run, ending?: ReadonlySet<Run>): Reached | undefined {
  const cameFrom = new Map<Run, Run | undefined>();
  const waits = new Map<Run, readonly OneOf[]>();
  let several = false;
  const follow = (group: OneOf, from: Run | undefined): void => {
    if (group.some((run) => run.isOver || ending?.has(run))) return;
    if (group.length > 1) several = true;
    for (const run of group) if (!cameFrom.has(run)) cameFrom.set(run, from);
  };
  for (const group of groups) follow(group, undefined);
  for (const run of cameFrom.keys()) {
    const own = run === to ? noBlockers : (run.waits ?? []).flatMap((wait) => wait.blockers());
    waits.set(run, own);
    for (const group of own) follow(group, run);
    if (cameFrom.size > limits.waitForRunsMax) return undefined;
  }
  return { cameFrom, waits, several };
}

/** The runs whose waits all have an end, if `to` never ends. */
function runsThatMayEnd(waits: Reached['waits'], to: Run): Set<Run> {
  const ending = new Set<Run>();
  const ends = (group: OneOf): boolean => group.some((run) => run.isOver || ending.has(run));
  for (let before = -1; before < ending.size; ) {
    before = ending.size;
    for (const [run, groups] of waits) if (run !== to && groups.every(ends)) ending.add(run);
  }
  return ending;
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
  const { place, cell } = target.station;
  return chain.findIndex((link) => link.place === place && link.cell === cell && target.isHeldBy(link.run));
}

function pathOf(chain: readonly ChainLink[], at: number): string[] {
  return chain
    .slice(0, at + 1)
    .map((link) => `troupe://${link.place}/#${link.cell}`)
    .reverse();
}

function closesCycle(target: Cell, path: readonly string[], operation: Operation): Rejected {
  return cycleOf([...path, target.path()], operation);
}

/** What a call is refused with that closes a cycle: through whom, from the actor that is called back to it. */
export function cycleOf(whole: readonly string[], operation: Operation): Rejected {
  return new Rejected(
    'cycle',
    `${operation.label}: the call closes a cycle and would wait for itself: ${whole.join(' → ')}. Answer with a tell, ` +
      'make the operation `readonly` or `concurrent`, or let its actor have `callChainReentrancy`',
    whole,
  );
}
