/** Operators that remember without a bound in RxJS, here with one: `distinct` and `shareReplay`. */

import type { MonoTypeOperatorFunction, ObservableInput, ShareReplayConfig } from 'rxjs';
import * as rx from 'rxjs';
import { OperatorOverflow } from '../errors.ts';
import { metered } from './here.ts';
import { checkLimit, type GroupLimit } from './windowing.ts';

/** What bounds the keys that `distinct` remembers: how many they may be, or what makes it forget them. */
export type DistinctLimit = GroupLimit | { readonly flushes: ObservableInput<unknown> };

/**
 * As `distinct` of RxJS, with a limit.
 *
 * @throws UsageError at its subscription where it has none; fails the stage as `OperatorOverflow` beyond it.
 */
export function distinct<T, K>(keySelector: (value: T) => K, limit: DistinctLimit): MonoTypeOperatorFunction<T> {
  const flushes = limit !== undefined && 'flushes' in limit ? limit.flushes : undefined;
  return metered(
    () => rx.distinct(keySelector, flushes),
    (source, here) => {
      if (flushes !== undefined) return source.pipe(rx.distinct(keySelector, here.outside(flushes)));
      const max = checkLimit('distinct', 'maxKeys', (limit as GroupLimit | undefined)?.maxKeys);
      let keys = 0;
      return source.pipe(
        rx.distinct(keySelector),
        rx.tap(() => {
          keys += 1;
          if (keys > max) throw new OperatorOverflow(here.stage.name, 'distinct', 'maxKeys', max);
        }),
      );
    },
    'distinct',
  );
}

/**
 * As `shareReplay` of RxJS, with a limit.
 *
 * @throws UsageError at its subscription in a flow where it has no `bufferSize`.
 */
export function shareReplay<T>(config: ShareReplayConfig & { bufferSize: number }): MonoTypeOperatorFunction<T> {
  return (source) => {
    let shared: rx.Observable<T> | undefined;
    return metered<T, T>(
      () => rx.shareReplay(config),
      (_source, here) => {
        const bufferSize = checkLimit('shareReplay', 'bufferSize', config?.bufferSize);
        if (bufferSize === Number.POSITIVE_INFINITY) checkLimit('shareReplay', 'bufferSize', undefined);
        shared ??= source.pipe(rx.shareReplay({ ...config, scheduler: here.on(config.scheduler) }));
        return shared;
      },
      'shareReplay',
    )(source);
  };
}
