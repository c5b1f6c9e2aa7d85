/**
 * `each`: a plain pipeline for each element. Its completion is the acknowledgement, so retries, time limits and dead
 * letters are exact, whatever operators it is made of.
 */

import type { Observable, ObservableInput, OperatorFunction } from 'rxjs';
import * as rx from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { ElementGivenUp } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { type Held, Holder } from './holder.ts';
import { onlyInFlow } from './own-here.ts';
import { checkRetry, type RetryOptions, retryWaitMs } from './retrying.ts';
import { checkRate, type RateLimitOptions, Turns } from './turns.ts';

/** What the function of `each` is told about the attempt. */
export interface Attempt {
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts when the attempt is given up: it took too long, the stage failed, or the flow was cancelled. */
  readonly signal: AbortSignal;
}

/** How `each` works on elements, and what becomes of those that fail. */
export interface EachOptions<T = unknown> {
  /** How many elements are worked at once; 1 unless given. More than the island may hold never is. */
  readonly concurrency?: number;
  /** What comes out is in the order of the elements; true unless given. Done elements wait for those before, held. */
  readonly ordered?: boolean;
  /** Tries an element again whose attempt failed; none is unless given. While it waits it counts as worked. */
  readonly retry?: RetryOptions;
  /**
   * Lets no more attempts begin than so many in so much time, the first ones and those of retries alike, by key where one is
   * given. While an element waits for its turn it counts as worked, but its `timeoutMs` has not begun.
   */
  readonly rate?: RateLimitOptions<T>;
  /** The time of one attempt, by the flow's clock; none unless given. */
  readonly timeoutMs?: number;
  /**
   * After the last attempt: `'fail'` fails the stage, `'skip'` drops and counts the element, `'dead-letter'` also
   * hands it to the run's dead letters. `'fail'` unless given.
   */
  readonly onError?: 'fail' | 'skip' | 'dead-letter';
}

/** What became of an element. */
interface Done<T, R> {
  readonly held: Held<T>;
  readonly outputs: readonly R[];
  readonly error?: unknown;
}

/**
 * Works each element by a pipeline of its own: `each((row) => of(row).pipe(…))`, or by an asynchronous function,
 * `each(async (row) => …)`. What an attempt gives comes out when it has completed, so one that fails leaves nothing.
 *
 * @throws UsageError where an option is out of range, or outside of a flow.
 */
export function each<T, R>(
  work: (element: T, attempt: Attempt) => ObservableInput<R>,
  options: EachOptions<T> = {},
): OperatorFunction<T, R> {
  const { concurrency = 1, ordered = true, onError = 'fail', retry, rate, timeoutMs } = options;
  check('concurrency', concurrency);
  check('timeoutMs', timeoutMs ?? 1);
  if (retry !== undefined) checkRetry(retry);
  if (rate !== undefined) checkRate('each(…, { rate })', rate);
  return onlyInFlow<T, R>('each', (source, here) => {
    const holder = new Holder<T>(here, 'each');
    const out = new rx.Observable<R>((subscriber) => {
      const turns = rate && new Turns<T>(here, 'each(…, { rate })', rate);
      subscriber.add(() => turns?.close());
      const worked = holder
        .arrivals(source, rate?.key)
        .pipe(rx.mergeMap((held) => attempts(work, held, { holder, turns, options }), concurrency));
      const finish = ({ held, outputs, error }: Done<T, R>): void => {
        if (error === undefined) {
          holder.letGo(held, () => {
            for (const output of outputs) subscriber.next(output);
          });
        } else if (onError === 'fail') here.ledger.enter(held.claim, held.level, () => subscriber.error(error));
        else if (onError === 'skip') holder.release(held, 'skipped-by-error');
        else {
          here.ledger.events.deadLetter(here.stage.name, held.value, error);
          holder.release(held, 'dead-lettered');
        }
      };
      const results = new rx.Subscriber<Done<T, R>>({
        next: ordered ? inOrder(holder, finish) : finish,
        error: (thrown: unknown) => subscriber.error(thrown),
        complete: () => here.enter(() => subscriber.complete()),
      });
      subscriber.add(results);
      worked.subscribe(results);
    });
    return holder.over(out);
  });
}

/** Gives done elements on in the order in which they came. */
function inOrder<T, R>(holder: Holder<T>, finish: (done: Done<T, R>) => void): (done: Done<T, R>) => void {
  const waiting = new Map<Held<T>, Done<T, R>>();
  return (done) => {
    waiting.set(done.held, done);
    for (let first = holder.first; first !== undefined; first = holder.first) {
      const next = waiting.get(first);
      if (next === undefined) return;
      waiting.delete(first);
      finish(next);
      if (holder.first === first) return;
    }
  };
}

/** Tries until an attempt completes or the last one has failed. Never fails itself. */
function attempts<T, R>(
  work: (element: T, attempt: Attempt) => ObservableInput<R>,
  held: Held<T>,
  given: { readonly holder: Holder<T>; readonly turns: Turns<T> | undefined; readonly options: EachOptions<T> },
): Observable<Done<T, R>> {
  const { holder, turns } = given;
  const { retry = { max: 0 }, timeoutMs } = given.options;
  const { here } = holder;
  const scheduler = here.on();
  let attempt = 0;
  const tried = new rx.Observable<readonly R[]>((subscriber) => {
    attempt += 1;
    const abort = new AbortController();
    const outputs: R[] = [];
    const enter = (end: () => void): void => here.ledger.enter(held.claim, held.level, end);
    const giveUp = (what: string): void =>
      enter(() => subscriber.error(new ElementGivenUp(here.stage.name, `${what} in each(…)`)));
    let ended = false;
    const inner = new rx.Subscriber<R>({
      next: (value: R) => {
        if (outputs.length < streamLimits.eachOutputsMax) outputs.push(value);
        else giveUp(`it made more than ${streamLimits.eachOutputsMax} outputs`);
      },
      error: (thrown: unknown) => {
        ended = true;
        enter(() => subscriber.error(thrown));
      },
      complete: () => {
        ended = true;
        enter(() => {
          subscriber.next(outputs);
          subscriber.complete();
        });
      },
    });
    subscriber.add(inner);
    subscriber.add(() => {
      if (!ended) abort.abort();
    });
    const start = (): void => {
      try {
        rx.from(work(held.value, { attempt, signal: abort.signal })).subscribe(inner);
      } catch (thrown) {
        subscriber.error(thrown);
      }
    };
    const begin = (): void => {
      if (timeoutMs !== undefined)
        subscriber.add(scheduler.schedule(() => giveUp(`it took longer than ${timeoutMs} ms`), timeoutMs));
      holder.begin(subscriber, () => enter(start));
    };
    if (turns === undefined) begin();
    else subscriber.add(turns.wait(held.value, held.key, begin));
  });
  const again = (error: unknown, failed: number): Observable<unknown> => {
    const waitMs = retryWaitMs(retry, failed, error, here.ledger.random);
    return waitMs === false ? rx.throwError(() => error) : rx.timer(waitMs, scheduler);
  };
  return tried.pipe(
    rx.retry({ delay: again }),
    rx.map((outputs): Done<T, R> => ({ held, outputs })),
    rx.catchError((error: unknown) => rx.of<Done<T, R>>({ held, outputs: [], error: error ?? new Error('no error') })),
  );
}

function check(option: string, value: number): void {
  if (value >= 1) return;
  throw new UsageError(`each(…, { ${option}: ${String(value)} }) is out of range; it is 1 at least`);
}
