/** What one metered operator holds: each element with its claim, let go of in the element's own time and epoch. */
import { Observable, Subscriber } from 'rxjs';
import { type Claim, GatheredClaim } from '../ledger.ts';
import { streamLimits } from '../limits.ts';
import type { DropReason, Fate, Holding, OldestHeld } from '../stage-account.ts';
import type { Here } from './here.ts';

/** An element in the hands of an operator. */
export class Held<T> {
  readonly value: T;
  readonly claim: Claim;
  readonly level: number;
  readonly sinceMs: number;
  readonly key: unknown;

  constructor(value: T, claim: Claim, level: number, sinceMs: number, key: unknown) {
    this.value = value;
    this.claim = claim;
    this.level = level;
    this.sinceMs = sinceMs;
    this.key = key;
  }
}

export class Holder<T> implements Holding {
  readonly here: Here;
  readonly #operator: string;
  readonly #counted: boolean;
  readonly #held = new Set<Held<T>>();
  #subscriber: Subscriber<unknown> | undefined;
  #nested = 0;

  /**
   * @param counted false where only more input sets elements free: that would wait for itself if it stopped the input.
   *   Such an operator has a bound of its own.
   */
  constructor(here: Here, operator: string, counted = true) {
    this.here = here;
    this.#operator = operator;
    this.#counted = counted;
  }

  /** Nobody listens to the operator any more. */
  get closed(): boolean {
    return this.#subscriber?.closed === true;
  }

  /** The one that it holds longest. */
  get first(): Held<T> | undefined {
    for (const held of this.#held) return held;
    return undefined;
  }

  get size(): number {
    return this.#held.size;
  }

  hold(value: T, key?: unknown): Held<T> {
    const { ledger } = this.here;
    const held = new Held(value, ledger.claimHere(), ledger.level, ledger.clock.monotonicMs(), key);
    if (this.closed) {
      held.claim.release(this.here.stage.unsubscribedFate);
      return held;
    }
    this.#held.add(held);
    if (this.#counted) ledger.countHeld(held.level);
    return held;
  }

  /** Does nothing where it was released before. */
  release(held: Held<T>, fate?: Fate): void {
    if (!this.#held.delete(held)) return;
    if (this.#counted) this.here.ledger.countReleased(held.level);
    held.claim.release(fate);
  }

  /**
   * Runs `work`, which begins what an operator does for an element: now, or by the clock where too much began inside of
   * each other. RxJS begins what is queued from within the end of the one before, so a queue of inners that end at once
   * would overflow the stack, and RxJS loses that error and the queue.
   */
  begin(subscriber: Subscriber<unknown>, work: () => void): void {
    const begin = (): void => {
      this.#nested += 1;
      try {
        work();
      } finally {
        this.#nested -= 1;
      }
    };
    if (this.#nested < streamLimits.nestedInnersMax) begin();
    else subscriber.add(this.here.on().schedule(begin));
  }

  /** Runs `work`, in which the element comes out, as the element's own, and releases it. */
  letGo(held: Held<T>, work: () => void): void {
    try {
      this.here.ledger.enter(held.claim, held.level, work);
    } finally {
      this.release(held);
    }
  }

  /** The same for elements that come out as one. @param released those of them that will not come out again */
  letGoAll(members: readonly Held<T>[], work: () => void, released: readonly Held<T>[] = members): void {
    const first = members[0];
    if (first === undefined) {
      this.here.enter(work);
      return;
    }
    const claim = new GatheredClaim(members.map((member) => member.claim));
    try {
      this.here.ledger.enter(claim, first.level, work);
    } finally {
      for (const member of released) this.release(member);
    }
  }

  /** `source`, and whatever is held when it is unsubscribed is settled. */
  over<R>(source: Observable<R>): Observable<R> {
    const { holdings } = this.here.stage;
    return new Observable<R>((subscriber) => {
      holdings.add(this);
      this.#subscriber = subscriber;
      source.subscribe(subscriber);
      // Runs after the operators have been torn down, which know better reasons.
      subscriber.add(() => {
        holdings.delete(this);
        for (const held of [...this.#held]) this.release(held, this.here.stage.unsubscribedFate);
      });
    });
  }

  /** Each element of `source` as one that is held. */
  arrivals(source: Observable<T>, keyOf?: (value: T) => unknown): Observable<Held<T>> {
    return new Observable<Held<T>>((subscriber) => {
      source.subscribe(new Arriving<T>(subscriber, (value) => this.hold(value, keyOf?.(value))));
    });
  }

  /** Each held element of `source` as itself, released when it has come out. */
  departures(source: Observable<Held<T>>): Observable<T> {
    return new Observable<T>((subscriber) => {
      source.subscribe(new Departing<T>(subscriber, this));
    });
  }

  /** Marks the fate of the element that is being pushed, where nothing holds it. */
  dropHere(reason: DropReason): void {
    this.here.ledger.fate ??= reason;
  }

  oldest(): OldestHeld | undefined {
    if (this.first === undefined) return undefined;
    const { sinceMs, claim, key } = this.first;
    const heldMs = this.here.ledger.clock.monotonicMs() - sinceMs;
    return { operator: this.#operator, heldMs, timeMs: claim.timeMs, ...(key === undefined ? {} : { key }) };
  }
}

class Arriving<T> extends Subscriber<T> {
  readonly #hold: (value: T) => Held<T>;

  constructor(destination: Subscriber<Held<T>>, hold: (value: T) => Held<T>) {
    super(destination as Subscriber<unknown>);
    this.#hold = hold;
  }

  protected override _next(value: T): void {
    let held: Held<T>;
    try {
      held = this.#hold(value);
    } catch (thrown) {
      this.error(thrown);
      return;
    }
    this.destination.next(held);
  }
}

class Departing<T> extends Subscriber<Held<T>> {
  readonly #holder: Holder<T>;

  constructor(destination: Subscriber<T>, holder: Holder<T>) {
    super(destination as Subscriber<unknown>);
    this.#holder = holder;
  }

  protected override _next(held: Held<T>): void {
    this.#holder.letGo(held, () => this.destination.next(held.value));
  }
}
