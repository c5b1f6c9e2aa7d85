/** Where an operator runs: the ledger and the stage of the flow that it is built, subscribed or pushed in. */

import type { Observable, OperatorFunction } from 'rxjs';
import { from, type ObservableInput, Observable as PlainObservable, type SchedulerLike, Subscriber } from 'rxjs';
import { activeLedger, type Ledger } from '../ledger.ts';
import type { StageAccount } from '../stage-account.ts';
import { ClockScheduler, EnteringScheduler } from './clock-scheduler.ts';

export class Here {
  readonly ledger: Ledger;
  readonly stage: StageAccount;

  constructor(ledger: Ledger, stage: StageAccount) {
    this.ledger = ledger;
    this.stage = stage;
  }

  /** The scheduler that was given, entering the stage when it runs something; the flow's clock unless one was. */
  on(given?: SchedulerLike): SchedulerLike {
    const clock = new ClockScheduler(this.ledger, this.stage);
    return given === undefined || given === clock ? clock : new EnteringScheduler(given, this.ledger, this.stage);
  }

  /** Runs what no element causes, unless an element of this stage is under way already. */
  enter(work: () => void): void {
    const { ledger, stage } = this;
    if (ledger.depth > 0 && ledger.stage === stage) work();
    else ledger.enterStage(stage, work);
  }

  /** `input`, which emits when it will: what comes of it is legal, and the stage waits for its end. */
  outside<T>(input: ObservableInput<T>): Observable<T> {
    return new PlainObservable<T>((subscriber) => {
      this.stage.waits += 1;
      subscriber.add(() => {
        this.stage.waits -= 1;
        this.ledger.changed();
      });
      from(input).subscribe(new Entering(subscriber, (work) => this.enter(work)));
    });
  }
}

/** Where the caller runs; undefined outside of flows. */
export function whereNow(): Here | undefined {
  const ledger = activeLedger();
  return ledger?.stage === undefined ? undefined : new Here(ledger, ledger.stage);
}

/**
 * The plain operator outside of flows, the metered one inside.
 *
 * @param keeps its name, where it remembers something beside the elements that it holds.
 */
export function metered<T, R>(
  plain: () => OperatorFunction<T, R>,
  inFlow: (source: Observable<T>, here: Here) => Observable<R>,
  keeps?: string,
): OperatorFunction<T, R> {
  return (source) => {
    const built = whereNow();
    return new PlainObservable<R>((subscriber) => {
      const here = whereNow() ?? built;
      if (here === undefined) return plain()(source).subscribe(subscriber);
      const input = here.ledger.names?.ours(source, keeps) ?? source;
      return inFlow(input, here).subscribe(subscriber);
    });
  };
}

/** Passes everything on through `enter`. */
export class Entering<T> extends Subscriber<T> {
  readonly #enter: (work: () => void) => void;

  constructor(destination: Subscriber<T>, enter: (work: () => void) => void) {
    super(destination);
    this.#enter = enter;
  }

  protected override _next(value: T): void {
    this.#enter(() => super._next(value));
  }

  protected override _error(error: unknown): void {
    this.#enter(() => super._error(error));
  }

  protected override _complete(): void {
    this.#enter(() => super._complete());
  }
}
