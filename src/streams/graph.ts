/**
 * The graph of a flow as it is built: nodes that know what comes behind them.
 *
 * It is what users said, one node a call; `plan.ts` cuts it into segments.
 */
import type { Where } from '../actors/placed/where.ts';
import type { Key } from '../base/hash-key.ts';
import type { ProcessingTime, TimeOptions } from './event-time.ts';
import type { Via } from './island.ts';
import type { OverflowStrategy } from './overflow.ts';
import type { ProcessorSpec } from './processor.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';

/** How the elements of several inputs are joined. */
export type Joining = 'merge' | 'concat' | 'zip' | 'combineLatest' | 'withLatestFrom';
/** How elements are given to several branches. */
export type Fanning = 'broadcast' | 'balance' | 'partition';

interface Node<Kind extends string> {
  readonly kind: Kind;
  /** What statistics and errors call it. */
  readonly stage: string;
  /** Whether its elements carry event time. */
  readonly timed: boolean;
  /** What comes behind: one node, none yet, or the branches of a fan-out. */
  readonly next: GraphNode[];
  readonly before: readonly GraphNode[];
}

export interface SourceNode extends Node<'source'> {
  readonly source: Source<unknown>;
  readonly time: TimeOptions<unknown> | ProcessingTime | undefined;
  readonly on: Where | undefined;
  readonly parallelism: number;
}
/** Its inputs are what is `before`, in their order. */
export interface JoinNode extends Node<'join'> {
  readonly how: Joining;
}
export interface ViaNode extends Node<'via'> {
  readonly via: Via;
  /** A boundary before it, where it says where or how often it runs. */
  readonly placed: { readonly on: Where | undefined; readonly parallelism: number } | undefined;
}
export interface KeyNode extends Node<'key'> {
  readonly keyOf: (item: unknown) => Key;
  readonly parallelism: number;
  readonly on: Where | undefined;
}
/** Keeps state by key. Its inputs, which are its ports, are keys, or stages where it is not split by key. */
export interface ProcessorNode extends Node<'processor'> {
  readonly spec: ProcessorSpec;
  /** The output of elements that come too late. */
  readonly late: string | undefined;
  /** Outputs that it writes to itself. */
  readonly sides: readonly string[];
  readonly on: Where | undefined;
  readonly parallelism: number;
  /** The port of which every instance gets every element. Neither event time nor the end of the stage waits for it. */
  readonly broadcast: number | undefined;
}
export interface OverflowNode extends Node<'overflow'> {
  readonly strategy: OverflowStrategy<unknown>;
}
/** Its branches are what is `next`, in the order of their names. */
export interface FanNode extends Node<'fan'> {
  readonly how: Fanning;
  readonly names: readonly string[];
  /** One for each branch of a partition. */
  readonly predicates: readonly ((item: unknown) => boolean)[];
}
export interface BranchNode extends Node<'branch'> {}
export interface SinkNode extends Node<'sink'> {
  readonly sink: Sink<unknown>;
}

/** An end that is read by name. */
export interface OutputNode extends Node<'output'> {
  readonly name: string;
}

/** An end that is asked by name. It stands behind the processor that keeps it. */
export interface TableNode extends Node<'table'> {
  readonly name: string;
}

export type GraphNode =
  | SourceNode
  | JoinNode
  | ViaNode
  | KeyNode
  | ProcessorNode
  | OverflowNode
  | FanNode
  | BranchNode
  | SinkNode
  | OutputNode
  | TableNode;

/** Every node that leads to this one, this one included. */
export function leadingTo(node: GraphNode, found: Set<GraphNode> = new Set()): Set<GraphNode> {
  if (found.has(node)) return found;
  found.add(node);
  for (const one of node.before) leadingTo(one, found);
  return found;
}

/** Every node that leads to this one, this one included. What a lossy edge leads through does not hold anything back. */
export function heldBackBy(node: GraphNode, found: Set<GraphNode> = new Set()): Set<GraphNode> {
  if (found.has(node)) return found;
  found.add(node);
  if (node.kind === 'overflow') return found;
  for (const [port, one] of node.before.entries()) {
    // A broadcast table is loaded before anything comes out that could be held back.
    if (node.kind !== 'processor' || port !== node.broadcast) heldBackBy(one, found);
  }
  return found;
}
