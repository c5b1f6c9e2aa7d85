/** Schedulers of RxJS on a flow's clock: what they run belongs to the stage that it was scheduled in. */
import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';
import type { Cancel } from '../../base/environment/clock.ts';
import type { Ledger } from '../ledger.ts';
import type { StageAccount } from '../stage-account.ts';

type Work<T> = (this: SchedulerAction<T>, state?: T) => void;

/** Runs what is scheduled by the clock of the environment, so that virtual time moves it. */
export class ClockScheduler implements SchedulerLike {
  readonly #ledger: Ledger;
  readonly #stage: StageAccount;

  constructor(ledger: Ledger, stage: StageAccount) {
    this.#ledger = ledger;
    this.#stage = stage;
  }

  now(): number {
    return this.#ledger.clock.now();
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    return new ClockAction<T>(this.#ledger, this.#stage, work).schedule(state, delay);
  }
}

class ClockAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #ledger: Ledger;
  readonly #stage: StageAccount;
  readonly #work: Work<T>;
  #cancel: Cancel | undefined;

  constructor(ledger: Ledger, stage: StageAccount, work: Work<T>) {
    super(() => this.#disarm());
    this.#ledger = ledger;
    this.#stage = stage;
    this.#work = work;
  }

  schedule(state?: T, delayMs = 0): Subscription {
    if (this.closed) return this;
    this.#disarm();
    this.#stage.waits += 1;
    this.#cancel = this.#ledger.clock.wake(delayMs, () => {
      this.#cancel = undefined;
      this.#stage.waits -= 1;
      this.#ledger.enterStage(this.#stage, () => this.#work(state));
      this.#ledger.changed();
    });
    return this;
  }

  #disarm(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#stage.waits -= 1;
    this.#ledger.changed();
  }
}

/** A scheduler that somebody gave, such as `asapScheduler`: it keeps its own time. */
export class EnteringScheduler implements SchedulerLike {
  readonly #scheduler: SchedulerLike;
  readonly #ledger: Ledger;
  readonly #stage: StageAccount;

  constructor(scheduler: SchedulerLike, ledger: Ledger, stage: StageAccount) {
    this.#scheduler = scheduler;
    this.#ledger = ledger;
    this.#stage = stage;
  }

  now(): number {
    return this.#scheduler.now();
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    const ledger = this.#ledger;
    const stage = this.#stage;
    stage.waits += 1;
    const action = this.#scheduler.schedule<T>(
      function (this: SchedulerAction<T>, now?: T) {
        ledger.enterStage(stage, () => work.call(this, now));
      },
      delay,
      state,
    );
    action.add(() => {
      stage.waits -= 1;
      ledger.changed();
    });
    return action;
  }
}
