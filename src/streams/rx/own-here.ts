/** For operators that RxJS does not have: they count in a flow's ledger and mean nothing outside of one. */
import type { Observable, OperatorFunction } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { type Here, metered } from './here.ts';

export function onlyInFlow<T, R>(
  name: string,
  inFlow: (source: Observable<T>, here: Here) => Observable<R>,
): OperatorFunction<T, R> {
  return metered(() => {
    throw new UsageError(`${name}(…) works inside of a flow only: flow.via('name', ($) => $.pipe(${name}(…)))`);
  }, inFlow);
}
