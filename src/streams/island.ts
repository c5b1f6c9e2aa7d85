/**
 * An island: a chain of RxJS operators, pushed one element at a time.
 *
 * Inside an island nothing is queued and nothing is granted ("metered islands": backpressure begins and ends at the
 * island's shores). Two rules decide whether the next element may be pushed. One push runs every synchronous operator
 * to its end, so the room in the queues behind is enough to know for those. Operators that let go later are imported
 * from `troupe/streams/rx` and count what they hold in the island's ledger, which says `full` when it is enough. An
 * operator that lets go later and counts nothing fails its stage.
 */
import type { Observable, Subscription } from 'rxjs';
import { AsyncOperator, asStageFailure, type FlowError, StateNotDurable } from './errors.ts';
import { Ledger, type LedgerEnvironment, type LedgerEvents } from './ledger.ts';
import { streamLimits } from './limits.ts';
import { OperatorNames } from './operator-names.ts';
import { Port } from './port.ts';
import { StageAccount, type StageFates } from './stage-account.ts';
import type { StateStore } from './state/state-store.ts';

/** What happens when a via stage fails. */
export interface FailureOptions {
  /**
   * `'fail'` ends the run; so it is unless given. With `restart` the stage's operators are built and subscribed anew;
   * what was held is lost, counted and reported, and so is what they kept, but for operators of
   * `troupe/streams/durable`. More than `max` restarts within `withinMs` end the run.
   */
  readonly onFailure?: 'fail' | { readonly restart: { readonly max: number; readonly withinMs: number } };
  /**
   * Declares that all of the stage's state outlives a failure: operators that keep theirs in closures (`scan`, `take`,
   * `pairwise` of RxJS) are refused at its start as {@link StateNotDurable}. What cannot be seen there is `skip`, an
   * index that a function is given, and what functions of the program keep. False unless given.
   */
  readonly durable?: boolean;
}

/** A named part of the chain. Its name is what errors and statistics speak of. */
export interface Via extends FailureOptions {
  readonly name: string;
  readonly operator: (input: Observable<unknown>) => Observable<unknown>;
}

export interface IslandEvents {
  /** One element came out at the end of the chain, with the event time of what it was made of. */
  readonly emit: (value: unknown, timeMs: number) => void;
  /** All that was pushed before this watermark was given has left. */
  readonly watermark: (timeMs: number) => void;
  /** As many elements are held inside as may be, or no longer: push nothing more until it is `false`. */
  readonly full: (full: boolean) => void;
  /** The input had ended, and all has come out. */
  readonly completed: () => void;
  /** The chain completed before its input did, by an operator such as `take`. */
  readonly closedEarly: () => void;
  /** A stage failed. Nothing is called after it. */
  readonly failed: (error: FlowError) => void;
  /** `each(…)` gave an element up. */
  readonly deadLetter?: (stage: string, element: unknown, error: unknown) => void;
  /** A stage failed and was built anew; `lost` elements were in it. */
  readonly restarted?: (stage: string, error: FlowError, lost: number) => void;
}

export interface IslandOptions extends LedgerEnvironment {
  readonly events: IslandEvents;
  /** How many elements its operators may hold before `full` is said. */
  readonly heldMax?: number;
  /** Where durable operators keep their state; in memory unless given. */
  readonly store?: StateStore;
}

/** One via stage at work. */
class IslandStage {
  readonly via: Via;
  readonly account: StageAccount;
  readonly #ledger: Ledger;
  /** What its operators are, as far as that can be seen. */
  readonly names: OperatorNames = new OperatorNames();
  port: Port<unknown> = new Port<unknown>();
  subscription: Subscription | undefined;
  inputCompleted = false;
  completed = false;
  readonly restartsMs: number[] = [];

  constructor(via: Via, ledger: Ledger) {
    this.via = via;
    this.account = new StageAccount(via.name);
    this.#ledger = ledger;
  }

  /** Pushes one element, whose time and epoch the ledger knows, and settles its fate unless somebody holds it. */
  take(value: unknown): void {
    const ledger = this.#ledger;
    const { stage, claim, fate, isElement } = ledger;
    this.account.in += 1;
    ledger.stage = this.account;
    ledger.claim = undefined;
    ledger.fate = this.completed ? 'unsubscribed' : undefined;
    ledger.isElement = true;
    this.port.next(value);
    ledger.settleElement(this.account);
    ledger.stage = stage;
    ledger.claim = claim;
    ledger.fate = fate;
    ledger.isElement = isElement;
  }
}

export class Island {
  readonly #events: IslandEvents;
  readonly #ledger: Ledger;
  readonly #stages: readonly IslandStage[];
  readonly #first: IslandStage | undefined;
  #inputEnded = false;
  #chainDone = false;
  /** Restarts that are yet to be said. */
  readonly #restarted: (() => void)[] = [];
  #stuckCheck = false;
  /** Nothing more comes out: completed, closed early, failed or disposed of. */
  closed = false;

  constructor(vias: readonly Via[], { clock, random, events, heldMax = streamLimits.heldMax, store }: IslandOptions) {
    this.#events = events;
    const told: LedgerEvents = {
      watermark: (timeMs) => {
        if (!this.closed) events.watermark(timeMs);
      },
      full: (isFull) => {
        if (!this.closed) events.full(isFull);
      },
      settled: () => this.#settled(),
      deadLetter: (stage, element, error) => events.deadLetter?.(stage, element, error),
    };
    this.#ledger = new Ledger({ clock, random }, heldMax, told, store);
    this.#stages = vias.map((via) => new IslandStage(via, this.#ledger));
    this.#first = this.#stages[0];
  }

  /** What each stage was given, and what became of it. */
  get stages(): readonly StageFates[] {
    return this.#stages.map(({ account }) => account.fates());
  }

  /** Elements that operators hold now, and the most that they held at once; see `Ledger.held`. */
  get held(): { readonly now: number; readonly highest: number } {
    return { now: this.#ledger.held, highest: this.#ledger.heldHighest };
  }

  /** Builds and subscribes the chain, from its end to its start; operators such as `startWith` emit here. */
  open(): void {
    for (let index = this.#stages.length - 1; index >= 0 && !this.closed; index -= 1) {
      const stage = this.#stages[index]!;
      this.#ledger.names = stage.names;
      this.#subscribe(index);
      this.#ledger.names = undefined;
      this.#refuseByNames(stage);
    }
  }

  /** Runs one element through the chain. Does nothing once the island is closed. */
  push(value: unknown, timeMs: number): void {
    if (this.closed) return;
    const first = this.#first;
    if (first === undefined) {
      this.#events.emit(value, timeMs);
      return;
    }
    const outer = this.#ledger.beginPush(timeMs);
    try {
      first.take(value);
    } finally {
      this.#ledger.endPush(outer);
    }
  }

  /** Event time has got to `timeMs`. It is passed on when all that was pushed before has left. */
  watermark(timeMs: number): void {
    if (!this.closed) this.#ledger.watermark(timeMs);
  }

  /** The queues behind have room, or have none: iterables that operators pull wait for it. */
  room(open: boolean): void {
    if (!this.closed) this.#ledger.room(open);
  }

  /** The input has ended. What the operators gathered or hold comes out, and then `completed` is said. */
  complete(): void {
    if (this.closed || this.#inputEnded) return;
    this.#inputEnded = true;
    if (this.#first === undefined) this.#chainCompleted();
    else this.#completePort(this.#first);
    this.#failIfStuck();
  }

  /** Unsubscribes everything; nothing comes out any more. */
  dispose(): void {
    this.closed = true;
    for (const stage of this.#stages) stage.subscription?.unsubscribe();
  }

  #subscribe(index: number): void {
    const stage = this.#stages[index]!;
    const { account } = stage;
    const ledger = this.#ledger;
    const following = this.#stages[index + 1];
    const { emit } = this.#events;
    stage.port = new Port<unknown>(() => this.#portSubscribed(stage));
    ledger.enterStage(account, () => {
      try {
        const output = stage.via.operator(stage.port.observable);
        // Set while subscribing already, for operators that fail or complete meanwhile.
        stage.subscription = output.subscribe({
          next: (value) => {
            if (this.closed) return;
            if (ledger.depth === 0) {
              this.#fail(new AsyncOperator(account.name, 'emitted', stage.names.maybeLate));
              return;
            }
            account.out += 1;
            ledger.noteEmitted();
            // RxJS would report what is thrown here as unhandled, from a timer of its own.
            try {
              if (following === undefined) emit(value, ledger.timeMs);
              else following.take(value);
            } catch (thrown) {
              this.#fail(asStageFailure(account.name, thrown));
            }
          },
          error: (thrown) => this.#stageFailed(index, asStageFailure(account.name, thrown)),
          complete: () => this.#stageCompleted(index),
        });
      } catch (thrown) {
        this.#fail(asStageFailure(account.name, thrown));
      }
    });
    if (this.closed) stage.subscription?.unsubscribe();
  }

  #portSubscribed(stage: IslandStage): void {
    if (this.#ledger.names === stage.names) stage.names.note();
    else if (this.#ledger.depth === 0) {
      // Nothing that is counted is under way: an operator has waited before it subscribed, as `subscribeOn` does.
      stage.names.note();
      this.#refuseByNames(stage);
    }
  }

  #refuseByNames({ via, account, names }: IslandStage): void {
    if (this.closed) return;
    if (names.late.length > 0) this.#fail(new AsyncOperator(account.name, 'waits', names.late));
    else if (via.durable && names.stateful.length > 0) this.#fail(new StateNotDurable(account.name, names.stateful));
  }

  #stageCompleted(index: number): void {
    if (this.closed) return;
    const stage = this.#stages[index]!;
    stage.completed = true;
    if (!stage.inputCompleted) {
      // Nobody listens to what the stages before would give.
      for (const before of this.#stages.slice(0, index)) {
        before.completed = true;
        before.subscription?.unsubscribe();
      }
    }
    const following = this.#stages[index + 1];
    if (following === undefined) this.#chainCompleted();
    else this.#completePort(following);
  }

  #completePort(stage: IslandStage): void {
    stage.inputCompleted = true;
    this.#ledger.enterStage(stage.account, () => stage.port.complete());
  }

  /** The last stage completed, and so the chain: because its input did, or early. */
  #chainCompleted(): void {
    if (this.closed) return;
    // Said when what is under way has returned: watermarks that wait for its last element leave before the end does.
    this.#chainDone = true;
    this.#ledger.changed();
  }

  #finish(): void {
    this.dispose();
    if (this.#inputEnded) this.#events.completed();
    else this.#events.closedEarly();
  }

  #stageFailed(index: number, error: FlowError): void {
    if (this.closed) return;
    const stage = this.#stages[index]!;
    if (!this.#mayRestart(stage)) {
      this.#fail(error);
      return;
    }
    const { account } = stage;
    const ledger = this.#ledger;
    const lostBefore = account.lost;
    account.unsubscribedFate = 'lost';
    stage.subscription?.unsubscribe();
    account.unsubscribedFate = 'unsubscribed';
    account.restarts += 1;
    // The element that is being pushed is settled when its push returns; only then is the loss known.
    if (ledger.stage === account && ledger.isElement) ledger.fate ??= 'lost';
    this.#restarted.push(() => this.#events.restarted?.(account.name, error, account.lost - lostBefore));
    ledger.changed();
    this.#subscribe(index);
    if (stage.inputCompleted) this.#completePort(stage);
  }

  #mayRestart({ via, restartsMs }: IslandStage): boolean {
    const { onFailure = 'fail' } = via;
    if (onFailure === 'fail') return false;
    const { max, withinMs } = onFailure.restart;
    const nowMs = this.#ledger.clock.monotonicMs();
    while (restartsMs.length > 0 && restartsMs[0]! <= nowMs - withinMs) restartsMs.shift();
    if (restartsMs.length >= max) return false;
    restartsMs.push(nowMs);
    return true;
  }

  #fail(error: FlowError): void {
    if (this.closed) return;
    for (const { account } of this.#stages) account.unsubscribedFate = 'lost';
    this.dispose();
    this.#events.failed(error);
  }

  /** Elements left. If nothing is held after the input's end and a stage still does not complete, nothing ever will. */
  #settled(): void {
    if (this.closed) return;
    for (const say of this.#restarted.splice(0)) say();
    if (this.#chainDone) {
      this.#finish();
      return;
    }
    if (!this.#inputEnded || this.#stuckCheck || this.#stuck() === undefined) return;
    // An operator may complete right after it let go of its last element, so look again when it has returned.
    this.#stuckCheck = true;
    this.#ledger.clock.wake(0, () => {
      this.#stuckCheck = false;
      this.#failIfStuck();
    });
  }

  #failIfStuck(): void {
    const stuck = this.closed || this.#chainDone ? undefined : this.#stuck();
    if (stuck !== undefined) this.#fail(new AsyncOperator(stuck.account.name, 'held', stuck.names.maybeLate));
  }

  /** The first stage that has not completed, unless something that is counted is under way in it. */
  #stuck(): IslandStage | undefined {
    const stage = this.#stages.find(({ completed }) => !completed);
    return stage !== undefined && stage.account.held === 0 && stage.account.waits === 0 ? stage : undefined;
  }
}
