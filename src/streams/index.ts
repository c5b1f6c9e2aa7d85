/** Flows: the entry point `troupe/streams`. */
export type { Bound, Bounds } from './bounds.ts';
export type { Condition, Holding, Writing } from './condition.ts';
export { type DirectoryOptions, directory } from './connect/directory.ts';
export { jsonl } from './connect/jsonl.ts';
export type { JsonLinesOptions } from './connect/jsonl-source.ts';
export type { OnBadRow } from './connect/rows.ts';
export { type TailOptions, tail } from './connect/tail.ts';
export {
  AsyncOperator,
  CollectOverflow,
  EdgeBroken,
  ElementGivenUp,
  FlowCancelled,
  FlowError,
  OperatorOverflow,
  SinkFailed,
  SourceFailed,
  SourceOverflow,
  StageFailed,
  StageLost,
  StateMismatch,
  StateNotDurable,
  StateOutsideCall,
  StateOverflow,
  TableOverflow,
  TableUnavailable,
} from './errors.ts';
export { type ProcessingTime, processingTime, type TimeOptions } from './event-time.ts';
export type { ExplainedStep, Explanation } from './explain.ts';
export { type Flow, flow } from './flow.ts';
export type {
  Aggregated,
  AnyStage,
  ChangedValue,
  EmitOptions,
  FlowBuilder,
  FlowEnd,
  Keyed,
  KeyOptions,
  Outputs,
  Regrouped,
  SourceOptions,
  Stage,
  Stateful,
  TableLimits,
  ViaOptions,
  Windowed,
  WindowedResult,
  WithRow,
  WithTable,
} from './flow-types.ts';
export { forEach } from './for-each.ts';
export { fromIterable } from './from-iterable.ts';
export type { HotOptions, Overflow } from './hot-source.ts';
export {
  type AlwaysSpec,
  type AsOfSpec,
  always,
  asOf,
  type DuringSpec,
  during,
  type JoinHow,
  type JoinResult,
  type JoinSpec,
  type WindowJoinResult,
  type WithinSpec,
  within,
} from './joins/join-spec.ts';
export type { HowWithTable } from './joins/table-join.ts';
export type { Change } from './keyed/change.ts';
export type { ProcessContext, ProcessHandlers, ProcessTimers, TimerContext } from './keyed/process-types.ts';
export {
  type CollectionOptions,
  type ListOptions,
  type ListState,
  listState,
  type MapState,
  mapState,
  type SortedState,
  type StateOptions,
  type StateRange,
  type StateSpec,
  type StateSpecs,
  type States,
  sortedState,
  type ValueState,
  valueState,
} from './keyed/state.ts';
export { fromReadable, toWritable } from './node-streams.ts';
export type { OverflowStrategy } from './overflow.ts';
export type { Run } from './run.ts';
export type { InstanceStatistics, RunStatistics } from './run-statistics.ts';
export type { DeadElement } from './segment.ts';
export type { Sink, SinkOptions, SinkWriter } from './sink.ts';
export {
  batchOf,
  onlySplit,
  type Position,
  type Source,
  type SourceBatch,
  type SourceContext,
  type SourcePart,
} from './source.ts';
export type { Fates, SegmentCounts, StageCounts } from './stage-counts.ts';
export {
  type RangeOptions,
  type Table,
  type TableAddress,
  type TableNames,
  type TableOf,
  type TableRange,
  tableAddress,
  tableAt,
} from './tables/table.ts';
export { type Tick, ticks } from './ticks.ts';
export { fromWeb, toWeb } from './web-streams.ts';
export {
  type Aggregate,
  type AggregateFunctions,
  custom,
  type Retractable,
  type RetractableFunctions,
} from './windows/aggregate.ts';
export { approxCountDistinct, type Countable, countDistinct } from './windows/distinct.ts';
export { type Collected, type CollectOptions, collect, first, last } from './windows/elements.ts';
export { count, max, mean, min, sum } from './windows/numbers.ts';
export { approxQuantiles, quantiles } from './windows/quantiles.ts';
export { maxBy, minBy, type TopOptions, topN } from './windows/ranked.ts';
export { type OnClose, type OnWatermark, onClose, onWatermark, type Pane, type Trigger } from './windows/trigger.ts';
export {
  type AlignedSpec,
  type CountSpec,
  countWindow,
  type GlobalSpec,
  globalWindow,
  type SessionSpec,
  session,
  sliding,
  type TimeWindow,
  tumbling,
  type WindowSpec,
} from './windows/window.ts';
