/**
 * A plan: a flow's graph cut into segments, as data and functions.
 *
 * Every place builds the plan anew from the flow's arguments, since functions cannot travel, and runs some of its
 * segments. The signature says what the graph looks like without its functions, so that two places that run different
 * versions of a flow notice it.
 *
 * A segment is what one actor runs: a head that gives elements, and behind it a tree of branches that end in edges to
 * other segments or in sinks. It is cut where elements change their place or their order: at keys, where inputs join,
 * at a stage that says where it runs, at a lossy edge, and before a sink that several instances lead to. Everything
 * else is fused.
 */

import type { Where } from '../actors/placed/where.ts';
import type { Key } from '../base/hash-key.ts';
import type {
  Fanning,
  GraphNode,
  Joining,
  JoinNode,
  OutputNode,
  ProcessorNode,
  SinkNode,
  SourceNode,
  TableNode,
} from './graph.ts';
import type { Via } from './island.ts';
import type { OverflowStrategy } from './overflow.ts';

/** Takes the elements of one or several inputs. */
export interface PortsHead {
  readonly kind: 'ports';
  readonly stage: string;
  readonly how: Joining;
  readonly ports: number;
}

/** Reads the flow's source. */
export type SourceHead = Pick<SourceNode, 'kind' | 'stage' | 'source' | 'time'>;
/** Takes the elements of its partition and keeps state by their keys. */
export interface ProcessorHead
  extends Pick<ProcessorNode, 'kind' | 'stage' | 'spec' | 'late' | 'sides' | 'timed' | 'broadcast'> {
  readonly ports: number;
  /** Of each port that is split by key. */
  readonly keyOf: readonly ((item: unknown) => Key)[];
}

export type Route =
  | { readonly kind: 'forward' }
  /** To the instance with the most room. */
  | { readonly kind: 'balance' }
  /** To every instance. */
  | { readonly kind: 'all' }
  /** To the partition that owns the key. */
  | { readonly kind: 'key'; readonly stage: string; readonly keyOf: (item: unknown) => Key };

/** Elements go to another segment. */
export interface EdgeTail {
  readonly kind: 'edge';
  /** Index into `Plan.edges`. */
  readonly edge: number;
  readonly route: Route;
  readonly overflow: { readonly stage: string; readonly strategy: OverflowStrategy<unknown> } | undefined;
}
export type SinkTail = Pick<SinkNode, 'kind' | 'stage' | 'sink'>;
export type OutputTail = Pick<OutputNode, 'kind' | 'stage' | 'name'>;
/** The processor keeps what it is given and is asked for it. */
export type TableTail = Pick<TableNode, 'kind' | 'stage' | 'name'>;
/** Elements go to several branches of the same segment. */
export interface FanTail {
  readonly kind: 'fan';
  readonly stage: string;
  readonly how: Fanning;
  readonly predicates: readonly ((item: unknown) => boolean)[];
  readonly branches: readonly BranchPlan[];
}

/** Operators, and where what comes out of them goes. */
export interface BranchPlan {
  readonly vias: readonly Via[];
  readonly tail: EdgeTail | SinkTail | OutputTail | TableTail | FanTail;
}

export interface SegmentPlan {
  readonly index: number;
  readonly head: SourceHead | ProcessorHead | PortsHead;
  readonly trunk: BranchPlan;
  /** How many instances run. */
  readonly parallelism: number;
  /** Where the instances are placed; undefined for the place that the run is started on. */
  readonly on: Where | undefined;
}

/** What every instance of a segment sends to instances of another: all to all. */
export interface EdgePlan {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  /** Which port of the reader. */
  readonly port: number;
  /** Whether elements carry event times over it. */
  readonly timed: boolean;
  /** Edges to the same segment that lead from the same sources: they are idle together. The first of them. */
  readonly group: number;
}

/** Elements that leave a flow by a name. */
export interface SidePlan {
  readonly name: string;
  /** Elements that came late; what a processor writes to it; elements that operators gave up; an end of the flow. */
  readonly kind: 'late' | 'side' | 'dead-letters' | 'end';
}

/** The name of the output of elements that operators gave up. */
export const deadLettersName = 'dead-letters';

export interface Plan {
  readonly segments: readonly SegmentPlan[];
  readonly edges: readonly EdgePlan[];
  /** The side outputs, by the segments that give them. */
  readonly outputs: readonly (SidePlan & { readonly segment: number })[];
  readonly signature: string;
}

/** Cuts a graph, which begins with `heads`, into segments. */
export function planOf(heads: readonly SourceNode[]): Plan {
  const cutter = new Cutter();
  for (const head of heads) cutter.segment(head, head, { on: head.on, parallelism: head.parallelism });
  return cutter.plan(signatureOf(heads));
}

interface Placed {
  readonly parallelism: number;
  readonly on: Where | undefined;
}
const single: Placed = { parallelism: 1, on: undefined };
type Draft<T> = { -readonly [K in keyof T]: T[K] };

class Cutter {
  readonly #segments: SegmentPlan[] = [];
  readonly #edges: Draft<EdgePlan>[] = [];
  /** Segments that several inputs lead to, by what they begin with. */
  readonly #shared = new Map<JoinNode | ProcessorNode, number>();

  plan(signature: string): Plan {
    const needed = segmentsThatNeedTime(this.#segments, this.#edges);
    const groups = edgeGroups(this.#edges);
    const edges = this.#edges.map((edge) => ({
      ...edge,
      timed: edge.timed && needed.has(edge.to),
      group: groups[edge.index]!,
    }));
    const outputs = this.#segments.flatMap((segment) =>
      sidesOf(segment).map((side) => ({ ...side, segment: segment.index })),
    );
    return { segments: this.#segments, edges, outputs, signature };
  }

  /**
   * A segment that begins with `head` and goes on with what is behind `before`. Answers its index.
   *
   * @param cut whether the boundary before the first stage, if that wants one, is the one before this segment.
   */
  segment(head: SegmentPlan['head'], before: GraphNode, placed: Placed, cut = false): number {
    const index = this.#segments.length;
    const segment: Draft<SegmentPlan> = { index, head, trunk: nowhere, ...placed };
    // Its place in the list is taken before what comes behind it is cut.
    this.#segments.push(segment);
    segment.trunk = this.#branch(segment, before, cut);
    return index;
  }

  #branch(segment: SegmentPlan, start: GraphNode, cut: boolean): BranchPlan {
    const vias: Via[] = [];
    let before = start;
    let node = before.next[0]!;
    while (node.kind === 'via' && (node.placed === undefined || (cut && before === start))) {
      vias.push(node.via);
      before = node;
      node = node.next[0]!;
    }
    return { vias, tail: this.#tail(segment, before, node) };
  }

  #tail(segment: SegmentPlan, before: GraphNode, node: GraphNode): BranchPlan['tail'] {
    const forward: Route = { kind: 'forward' };
    const gather = (placed: Placed, cut: boolean): number =>
      this.segment({ kind: 'ports', stage: 'gather', how: 'merge', ports: 1 }, cut ? before : node, placed, cut);
    switch (node.kind) {
      case 'output':
      case 'table':
        return node;
      case 'sink':
        // A sink is written once, and on the place that the run was started on.
        if (segment.parallelism === 1 && segment.on === undefined) return node;
        return this.#edge(segment, before, forward, () => gather(single, true));
      case 'fan': {
        const branches = node.next.map((branch) => this.#branch(segment, branch, false));
        return { kind: 'fan', stage: node.stage, how: node.how, predicates: node.predicates, branches };
      }
      case 'via': {
        const { on, parallelism } = node.placed!;
        const route: Route = parallelism === 1 ? forward : { kind: 'balance' };
        return this.#edge(segment, before, route, () => gather({ on, parallelism }, true));
      }
      case 'key': {
        const { stage, keyOf, on, parallelism } = node;
        const route: Route = { kind: 'key', stage, keyOf };
        const next = node.next[0]!;
        if (next.kind === 'processor') return this.#processorEdge(segment, before, next, node, route);
        return this.#edge(segment, before, route, () => gather({ on, parallelism }, false));
      }
      case 'processor':
        return this.#processorEdge(
          segment,
          before,
          node,
          before,
          node.parallelism === 1 ? forward : { kind: 'balance' },
        );
      case 'overflow': {
        const tail = this.#edge(segment, before, forward, () => gather(single, false));
        return { ...tail, overflow: { stage: node.stage, strategy: node.strategy } };
      }
      case 'join': {
        const port = node.before.indexOf(before);
        const { stage, how } = node;
        const lead = (): number =>
          this.#once(node, () => this.segment({ kind: 'ports', stage, how, ports: node.before.length }, node, single));
        return this.#edge(segment, before, forward, lead, port);
      }
      default:
        throw new Error(`a ${node.kind} stands behind no other stage`);
    }
  }

  /** An edge to the segment that `lead` makes or knows. */
  #edge(segment: SegmentPlan, before: GraphNode, route: Route, lead: () => number, port = 0): EdgeTail {
    const index = this.#edges.length;
    const edge: Draft<EdgePlan> = { index, from: segment.index, to: -1, port, timed: before.timed, group: index };
    this.#edges.push(edge);
    edge.to = lead();
    return { kind: 'edge', edge: index, route, overflow: undefined };
  }

  /** To the segment that a processor begins, by the port that `input` is of it. */
  #processorEdge(
    segment: SegmentPlan,
    before: GraphNode,
    node: ProcessorNode,
    input: GraphNode,
    route: Route,
  ): EdgeTail {
    const port = node.before.indexOf(input);
    const { kind, stage, spec, late, sides, timed, broadcast, on, parallelism } = node;
    const keyOf = node.before.map((one) => (one.kind === 'key' ? one.keyOf : keyless));
    const head: ProcessorHead = { kind, stage, spec, late, sides, timed, broadcast, keyOf, ports: keyOf.length };
    const lead = (): number => this.#once(node, () => this.segment(head, node, { on, parallelism }));
    return this.#edge(segment, before, port === broadcast ? { kind: 'all' } : route, lead, port);
  }

  /** The segment that begins with a node: made for the first of its inputs that is cut. */
  #once(node: JoinNode | ProcessorNode, make: () => number): number {
    const known = this.#shared.get(node);
    if (known !== undefined) return known;
    this.#shared.set(node, this.#segments.length);
    return make();
  }
}

/** The sinks that a branch leads to, in the order of the flow. */
export function sinksOf({ tail }: BranchPlan): readonly SinkTail[] {
  if (tail.kind === 'sink') return [tail];
  return tail.kind === 'fan' ? tail.branches.flatMap(sinksOf) : [];
}

/** The tables of a flow: the names, and the segments whose instances keep them. */
export function tablesOf({ segments }: Plan): ReadonlyMap<string, number> {
  return new Map(
    segments.flatMap(({ index, trunk }) => (trunk.tail.kind === 'table' ? [[trunk.tail.name, index]] : [])),
  );
}

/** The side outputs of a segment, in the order in which they follow its other outputs. */
export function sidesOf({ head, trunk }: SegmentPlan): readonly SidePlan[] {
  const sides: SidePlan[] = [];
  if (head.kind === 'processor') {
    if (head.late !== undefined) sides.push({ name: head.late, kind: 'late' });
    for (const name of head.sides) sides.push({ name, kind: 'side' });
  }
  const ends = (branch: BranchPlan): void => {
    if (branch.tail.kind === 'output') sides.push({ name: branch.tail.name, kind: 'end' });
    if (branch.tail.kind === 'fan') branch.tail.branches.forEach(ends);
  };
  ends(trunk);
  if (hasVias(trunk)) sides.push({ name: deadLettersName, kind: 'dead-letters' });
  return sides;
}

function hasVias({ vias, tail }: BranchPlan): boolean {
  return vias.length > 0 || (tail.kind === 'fan' && tail.branches.some(hasVias));
}

/** Stands in until what is behind a segment was cut. */
const nowhere: BranchPlan = {
  vias: [],
  tail: { kind: 'fan', stage: '', how: 'broadcast', predicates: [], branches: [] },
};

const keyless = (): never => {
  throw new Error('elements of this port have no key');
};

/** Segments with processors, and those that lead to one. */
function segmentsThatNeedTime(segments: readonly SegmentPlan[], edges: readonly EdgePlan[]): ReadonlySet<number> {
  const needed = new Set(segments.filter(({ head }) => head.kind === 'processor').map(({ index }) => index));
  for (let before = -1; before !== needed.size; ) {
    before = needed.size;
    for (const { from, to } of edges) if (needed.has(to)) needed.add(from);
  }
  return needed;
}

/** The group of each edge: of those to one segment, any two that have a source in common are in one. */
function edgeGroups(edges: readonly EdgePlan[]): readonly number[] {
  const sourcesOf = (segment: number): readonly number[] => {
    const before = edges.filter(({ to }) => to === segment);
    return before.length === 0 ? [segment] : before.flatMap(({ from }) => sourcesOf(from));
  };
  const groups: number[] = [];
  for (const edge of edges) {
    const sources = new Set(sourcesOf(edge.from));
    groups.push(edge.index);
    for (const other of edges.slice(0, edge.index)) {
      if (other.to !== edge.to || !sourcesOf(other.from).some((source) => sources.has(source))) continue;
      // Two groups that this edge belongs to become one.
      const [into, from] = [groups[other.index]!, groups[edge.index]!].sort((a, b) => a - b) as [number, number];
      groups.forEach((group, index) => {
        if (group === from) groups[index] = into;
      });
    }
  }
  return groups;
}

/** What the graph looks like: a chain for each source, and one for what is behind each join. */
function signatureOf(heads: readonly SourceNode[]): string {
  const joins = new Set<JoinNode | ProcessorNode>();
  const chain = (start: GraphNode): string => {
    const texts: string[] = [];
    for (let node: GraphNode | undefined = start; node !== undefined; node = node.next[0]) {
      const shared = node.kind === 'join' || (node.kind === 'processor' && node.before.length > 1);
      if (shared && node !== start) {
        joins.add(node as JoinNode | ProcessorNode);
        texts.push(node.stage);
        break;
      }
      texts.push(textOf(node));
      if (node.kind !== 'fan') continue;
      texts.push(`[${node.next.map((branch) => chain(branch)).join(' | ')}]`);
      break;
    }
    return texts.join(' → ');
  };
  const chains = heads.map(chain);
  // What is behind a join may lead to another.
  for (const join of joins) chains.push(chain(join));
  return chains.join('; ');
}

function textOf(node: GraphNode): string {
  switch (node.kind) {
    case 'source':
      return `${node.stage}(${node.source.name}${node.time === undefined ? '' : ', timed'}${node.parallelism === 1 ? '' : `, ${node.parallelism}`})`;
    case 'via': {
      const { placed } = node;
      return placed === undefined || placed.parallelism === 1 ? node.stage : `${node.stage}(${placed.parallelism})`;
    }
    case 'key':
      return `${node.stage}(${node.parallelism})`;
    case 'processor': {
      const outputs = [node.late ?? '', ...node.sides].join(', ');
      const inputs = node.before.length > 1 ? `, ${node.before.length}` : '';
      return `${node.stage}(${node.spec.text}; ${outputs}${inputs})`;
    }
    case 'overflow':
      return `${node.stage}(${node.strategy.strategy}, ${node.strategy.capacity ?? 1})`;
    case 'join':
      return `${node.stage}(${node.before.length})`;
    case 'sink':
      return `${node.stage}(${node.sink.name})`;
    case 'output':
    case 'table':
      return `${node.stage}(${node.name})`;
    case 'fan':
    case 'branch':
      return node.stage;
    default:
      return node satisfies never;
  }
}
