/** What can stand behind `keyBy`: each step that keeps state adds a processor to the graph. */
import type { UsageError } from '../base/errors.ts';
import type { Key } from '../base/hash-key.ts';
import type { WithTableOptions } from './builder-tables.ts';
import type { AnyStage, Keyed, Outputs, ViaOptions } from './flow-types.ts';
import type { KeyNode, ProcessorNode } from './graph.ts';
import type { Via } from './island.ts';
import { runningAggregates } from './keyed/running-aggregates.ts';
import { runningValue } from './keyed/running-value.ts';
import type { ProcessorSpec } from './processor.ts';
import { type Aggregate, retractingForms } from './windows/aggregate.ts';
import { windowMisfit } from './windows/make-windowing.ts';
import { onClose, type Trigger } from './windows/trigger.ts';
import type { WindowSpec } from './windows/window.ts';
import { windowProcessor } from './windows/window-processor.ts';

/** The graph, as the steps see it. */
export interface KeyedGraph {
  via(before: KeyNode, name: string, operator: Via['operator'], options: ViaOptions | undefined): AnyStage;
  /** @param inputs what the ports of the processor are. */
  processor(inputs: readonly KeyNode[], spec: ProcessorSpec, options?: ProcessorOptions): AnyStage;
  withTable(left: KeyNode, table: unknown, options: WithTableOptions | undefined): AnyStage;
  checkDuration(option: string, valueMs: number): void;
  wrong(what: string): UsageError;
}

/** What a processor has beside its spec, unless it has it not. */
export type ProcessorOptions = Partial<Pick<ProcessorNode, 'late' | 'sides'>> & {
  /** What the stage is called; after its kind unless given. */
  readonly name?: string;
};

interface WindowOptions {
  readonly allowedLatenessMs?: number;
  readonly late?: string;
  readonly trigger?: Trigger;
}

type Aggregates = Readonly<Record<string, Aggregate<unknown, unknown>>>;

/** @param revised whether the elements are revisions of values; see `regroup`. */
export function keyedSteps(node: KeyNode, graph: KeyedGraph, revised = false): Keyed<unknown, Key, Outputs> {
  const steps = {
    via: (name: string, operator: Via['operator'], options?: ViaOptions) => graph.via(node, name, operator, options),
    window: (window: WindowSpec, options: WindowOptions = {}) => {
      const { allowedLatenessMs = 0, late, trigger = onClose() } = options;
      if (!node.timed) throw graph.wrong('has windows but no event time; give from(source, { time: (item) => … })');
      graph.checkDuration('allowedLatenessMs', allowedLatenessMs);
      const misfit = windowMisfit(window, trigger, allowedLatenessMs);
      if (misfit !== undefined) throw graph.wrong(misfit);
      return {
        aggregate: (aggregates: Aggregates) =>
          graph.processor([node], windowProcessor({ window, trigger, allowedLatenessMs, aggregates }), { late }),
      };
    },
    withTable: (table: unknown, options?: WithTableOptions) => graph.withTable(node, table, options),
    aggregate: (aggregates: Aggregates) => {
      const forms = revised ? retractingForms('regroup(…).aggregate(…)', aggregates) : aggregates;
      return graph.processor([node], runningAggregates(forms, { revised }));
    },
    reduce: (reducer: (value: unknown, item: unknown) => unknown) => {
      if (typeof reducer !== 'function') throw graph.wrong('gives reduce(…) no function');
      return graph.processor(
        [node],
        runningValue({ kind: 'reduce', first: (item) => item, next: reducer, newestOnly: false }),
      );
    },
    scanBy: (scanner: (value: unknown, item: unknown, key: Key) => unknown, seed: (key: Key) => unknown) => {
      if (typeof scanner !== 'function' || typeof seed !== 'function') {
        throw graph.wrong('gives scanBy(…) no functions: scanBy((sum, item) => sum + item.price, () => 0)');
      }
      const first = (item: unknown, key: Key): unknown => scanner(seed(key), item, key);
      return graph.processor([node], runningValue({ kind: 'scan-by', first, next: scanner, newestOnly: false }));
    },
    latest: () => {
      const pick = (item: unknown): unknown => item;
      const next = (_value: unknown, item: unknown): unknown => item;
      return graph.processor([node], runningValue({ kind: 'latest', first: pick, next, newestOnly: node.timed }));
    },
  };
  return (revised ? { aggregate: steps.aggregate } : steps) as unknown as Keyed<unknown, Key, Outputs>;
}
