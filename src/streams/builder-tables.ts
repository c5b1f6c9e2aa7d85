/** Tables in the graph: what an element can be looked up in. */
import type { Where } from '../actors/placed/where.ts';
import type { UsageError } from '../base/errors.ts';
import type { AnyStage } from './flow-types.ts';
import { type GraphNode, heldBackBy, leadingTo } from './graph.ts';
import { type HowWithTable, tableJoin, tablePort } from './joins/table-join.ts';
import { streamLimits } from './limits.ts';
import type { ProcessorSpec } from './processor.ts';
import { tableProcessor } from './tables/table-processor.ts';

export interface WithTableOptions {
  readonly by?: (item: unknown) => unknown;
  readonly how?: HowWithTable;
  readonly parallelism?: number;
  readonly on?: Where;
}

/** What a table that is asked may keep. */
export interface TableOptions {
  readonly entriesMax?: number;
  readonly ttlMs?: number;
}

/** @param changes whether the elements are changes. */
export function tableSpec(
  name: string,
  { entriesMax = streamLimits.tableEntriesMax, ttlMs }: TableOptions,
  changes: boolean,
  wrong: (what: string) => UsageError,
): ProcessorSpec {
  if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) {
    throw wrong(`gives table('${name}') entriesMax: ${String(entriesMax)}; it is a number of keys from 1 on`);
  }
  if (ttlMs !== undefined && !(Number.isFinite(ttlMs) && ttlMs > 0)) {
    throw wrong(`gives table('${name}') ttlMs: ${String(ttlMs)}; it takes milliseconds above 0`);
  }
  return tableProcessor({ name, changes, entriesMax, ttlMs });
}

/** The graph, as tables see it. */
export interface TablesGraph {
  /** What `keyBy` or a stage gave, as a node; undefined for anything else. */
  nodeOf(given: unknown): GraphNode | undefined;
  processor(
    inputs: readonly GraphNode[],
    spec: ProcessorSpec,
    given: { readonly on: Where | undefined; readonly parallelism: number; readonly broadcast: number },
  ): AnyStage;
  checkParallelism(what: string, parallelism: number): void;
  wrong(what: string): UsageError;
}

/** @param left a stage, or one that is split by key: then it runs where its partitions do. */
export function joinWithTable(
  graph: TablesGraph,
  left: GraphNode,
  table: unknown,
  options: WithTableOptions = {},
): AnyStage {
  const right = graph.nodeOf(table);
  if (right === undefined) {
    throw graph.wrong(
      'gives withTable(…) no table; it takes rows by their keys, rows.keyBy((row) => row.id), or a stage of changes',
    );
  }
  const by = options.by ?? (left.kind === 'key' ? left.keyOf : undefined);
  if (typeof by !== 'function') {
    throw graph.wrong('tells withTable(…) no key of its elements: { by: (item) => item.id }');
  }
  const { how = 'inner' } = options;
  if (how !== 'inner' && how !== 'left' && how !== 'anti') {
    throw graph.wrong(`gives withTable(…) how: ${JSON.stringify(how)}; it is 'inner', 'left' or 'anti'`);
  }
  if (right.kind === 'key' && (right.parallelism !== 1 || right.on !== undefined)) {
    throw graph.wrong(
      'splits the table of withTable(…) into partitions, but every instance has all of it; give parallelism and on to ' +
        'withTable(…)',
    );
  }
  checkTogether(graph, left, right);
  const spec = tableJoin({ by, how, changes: right.kind !== 'key' });
  return graph.processor([left, right], spec, { ...placeOf(graph, left, options), broadcast: tablePort });
}

function placeOf(
  graph: TablesGraph,
  left: GraphNode,
  options: WithTableOptions,
): { readonly on: Where | undefined; readonly parallelism: number } {
  if (left.kind !== 'key') {
    const { parallelism = 1, on } = options;
    graph.checkParallelism('withTable(…)', parallelism);
    return { on, parallelism };
  }
  if (options.parallelism === undefined && options.on === undefined) return left;
  throw graph.wrong(
    'gives parallelism or on to withTable(…) behind keyBy; they are said in keyBy(…, { parallelism, on })',
  );
}

/** The elements fill up while the table is loaded, and the table would wait for the fan-out that both come from. */
function checkTogether(graph: TablesGraph, left: GraphNode, right: GraphNode): void {
  const behind = leadingTo(right);
  const common = [...heldBackBy(left)].find((node) => node.kind === 'fan' && behind.has(node));
  if (common === undefined) return;
  throw graph.wrong(
    `joins a branch of '${common.stage}' with a table that is made of another, which would wait for ever: elements are ` +
      'held back until the table is loaded, and hold back the fan-out that it is made from. Read the source twice, or ' +
      'give overflow(…) to the elements',
  );
}
