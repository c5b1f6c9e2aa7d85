/** The test kit: the entry point `troupe/testing`. For any runner; it imports none. */
export { CapturedDeadLetters, type DeadLetterFilter } from './captured-dead-letters.ts';
export { CapturedLog, type LogFilter, type LogLine } from './captured-log.ts';
export {
  type ChaosDirection,
  type ChaosFaults,
  type ChaosProxy,
  type ChaosProxyOptions,
  type ChaosStatistics,
  chaosProxy,
} from './chaos-proxy.ts';
export { type CheckSinkOptions, checkSink } from './check-sink.ts';
export { type CheckSourceOptions, checkSource } from './check-source.ts';
export { NotSettled } from './errors.ts';
export { type EverywhereOptions, everywhere, type PlacedSystem, type TestPlace } from './everywhere.ts';
export type { FakesOf } from './fakes.ts';
export type { OpenCode } from './open-code.ts';
export type { ExpectOptions, Probe, ProbeAnswers, SilenceOptions } from './probe.ts';
export type { Received } from './probe-parts.ts';
export { type TestSystem, testSystem } from './test-system.ts';
export type { TestSystemOptions } from './test-system-options.ts';
export type { SettleOptions, TestTime } from './virtual-time.ts';
