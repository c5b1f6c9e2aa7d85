/**
 * Operators for flows: the entry point `troupe/streams/rx`.
 *
 * Those that let go of elements later have the names and signatures of RxJS's and count what they hold; outside of a
 * flow they are the originals. Synchronous ones are the originals everywhere, so one import is enough.
 */
export {
  connect,
  count,
  defaultIfEmpty,
  defer,
  dematerialize,
  distinctUntilChanged,
  distinctUntilKeyChanged,
  EMPTY,
  elementAt,
  endWith,
  every,
  filter,
  finalize,
  find,
  findIndex,
  first,
  from,
  ignoreElements,
  isEmpty,
  last,
  map,
  mapTo,
  materialize,
  max,
  min,
  NEVER,
  Observable,
  of,
  pairwise,
  pipe,
  pluck,
  range,
  reduce,
  scan,
  share,
  single,
  skip,
  skipLast,
  skipWhile,
  startWith,
  take,
  takeLast,
  takeWhile,
  tap,
  throwError,
  throwIfEmpty,
} from 'rxjs';
export { type BatchOptions, batch } from './batch.ts';
export { bufferCount } from './counting.ts';
export { delay, delayWhen, interval, observeOn, subscribeOn, timeInterval, timer, timestamp } from './delaying.ts';
export { type Attempt, type EachOptions, each } from './each.ts';
export {
  concatAll,
  concatMap,
  concatMapTo,
  exhaustAll,
  exhaustMap,
  expand,
  flatMap,
  mergeAll,
  mergeMap,
  mergeMapTo,
  mergeScan,
  switchAll,
  switchMap,
  switchMapTo,
  switchScan,
} from './flattening.ts';
export { buffer, bufferTime, bufferToggle, bufferWhen, type GatherLimit, toArray } from './gathering.ts';
export {
  catchError,
  combineLatestWith,
  concatWith,
  mergeWith,
  onErrorResumeNextWith,
  raceWith,
  skipUntil,
  takeUntil,
  withLatestFrom,
  zipWith,
} from './joining.ts';
export { type LookupCache, type LookupLoad, type LookupOptions, lookup } from './lookup.ts';
export { type MeterOptions, meter } from './meter.ts';
export { rateLimit } from './rate-limit.ts';
export { repeat, retry, timeout, timeoutWith } from './repeating.ts';
export type { RetryOptions } from './retrying.ts';
export { audit, auditTime, debounce, debounceTime, sample, sampleTime, throttle, throttleTime } from './sampling.ts';
export type { RateLimitOptions } from './turns.ts';
export { type DistinctLimit, distinct, shareReplay } from './unbounded.ts';
export {
  type GroupLimit,
  groupBy,
  window,
  windowCount,
  windowTime,
  windowToggle,
  windowWhen,
} from './windowing.ts';
