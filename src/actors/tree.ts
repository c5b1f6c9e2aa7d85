/** What runs on a place, as people are shown it: the actors, those below them, and what each of them does. */
import { limits } from '../base/limits.ts';
import type { Cell } from './cell.ts';

/** Where an actor is in its life. */
export type ActorStatus =
  | 'starting'
  | 'idle'
  | 'ready'
  | 'running'
  | 'suspended'
  | 'restarting'
  | 'moving'
  | 'stopping'
  | 'stopped';

/** One actor, without those below it. */
export interface ActorView {
  /** `troupe://place/parent/name#incarnation`. */
  readonly path: string;
  /** The name of its definition. */
  readonly actor: string;
  /** `suspended` where a handler of it waits. */
  readonly status: ActorStatus;
  /** What it is busy with, such as `counter.inc` or `its stopping hook`; undefined where nothing is open. */
  readonly doing: string | undefined;
  /** Messages that wait in its mailbox. */
  readonly queued: number;
  /** How often it was restarted. */
  readonly restarts: number;
  /** The path of the actor that it stands in for: a child that its parent started elsewhere. */
  readonly runsAs?: string;
  /** The path of its stand-in, where its parent is at another place. */
  readonly standIn?: string;
}

/** An actor with those below it, in the order of their start. */
export interface ActorTree extends ActorView {
  /** Those that it started and that have not ended. */
  readonly children: readonly ActorTree[];
}

/** What runs on one place. */
export interface PlaceTree {
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  /** False for a thread whose loop is blocked, so that it could not be asked. */
  readonly answered: boolean;
  /** The top-level actors, in the order of their start. */
  readonly actors: readonly ActorTree[];
  /** How many actors were left out, because there are more than a listing holds. */
  readonly omitted: number;
}

/** Lists what runs below `roots`: whole levels of the tree, until there are too many. */
export function treeOf(place: string, roots: Iterable<Cell>, actorsMax: number = limits.treeActorsMax): PlaceTree {
  let left = actorsMax;
  let omitted = 0;
  type Open = ActorView & { children: ActorTree[] };
  const actors: ActorTree[] = [];
  let level: (readonly [cells: Iterable<Cell>, into: ActorTree[]])[] = [[roots, actors]];
  while (level.length > 0) {
    const below: typeof level = [];
    for (const [cells, into] of level) {
      for (const cell of cells) {
        if (left === 0) {
          omitted += 1 + descendants(cell);
          continue;
        }
        left -= 1;
        const one: Open = { ...cell.view(), children: [] };
        into.push(one);
        if (cell.children.size > 0) below.push([cell.children, one.children]);
      }
    }
    level = below;
  }
  return { place, answered: true, actors, omitted };
}

/** Everything below and with `roots` that has not ended, the lowest first, as it would be stopped. */
export function viewsOf(roots: Iterable<Cell>, viewsMax: number = limits.treeActorsMax): ActorView[] {
  const views: ActorView[] = [];
  const flat: Cell[] = [...roots];
  for (const cell of flat) {
    if (flat.length > viewsMax) break;
    flat.push(...cell.children);
  }
  for (const cell of flat.slice(0, viewsMax).reverse()) views.push(cell.view());
  return views;
}

function descendants(cell: Cell): number {
  let count = 0;
  for (const child of cell.children) count += 1 + descendants(child);
  return count;
}
