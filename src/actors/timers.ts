/** The timers of one actor. They deliver operations, never closures, and end with the actor. */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { UsageError } from '../base/errors.ts';
import type { TimerOptions } from './context.ts';
import { invalidMessage } from './isolation.ts';
import { ActorFailed } from './outcomes.ts';
import { type BoundOperation, reveal } from './ref.ts';
import { apart } from './schema/errors.ts';
import { Parcel } from './schema/parcel.ts';

const periodMsMin = 1;

/** A timer of the actor's, with what is left of it: how it goes to another place. */
export interface PendingTimer {
  readonly to: BoundOperation;
  readonly message: unknown;
  readonly leftMs: number;
  /** Undefined for one that fires once. */
  readonly periodMs: number | undefined;
  readonly name: string | undefined;
}

/** A timer of the runtime itself. */
export interface Armed {
  readonly cancel: Cancel;
  /** What is left of it; undefined once it has fired. */
  leftMs(): number | undefined;
}

export class Timers {
  readonly #clock: Clock;
  readonly #named = new Map<string, Cancel>();
  /** What says how a timer stands, by what cancels it; nothing for those of the runtime. */
  readonly #cancels = new Map<Cancel, (() => PendingTimer) | undefined>();
  readonly #delays = new Set<Cancel>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are pending. */
  get pending(): number {
    return this.#cancels.size + this.#delays.size;
  }

  /** How many waits in `delay` are pending. */
  get delaying(): number {
    return this.#delays.size;
  }

  start(delayMs: number, repeat: boolean, bound: unknown, first: unknown, second: TimerOptions | undefined): Cancel {
    const to = reveal(bound);
    if (to === undefined || to.operation.kind !== 'tell') {
      throw new UsageError('a timer delivers a tell: name it as ctx.self.tick, without calling it');
    }
    const leastMs = repeat ? periodMsMin : 0;
    if (!isDelay(delayMs, leastMs)) {
      throw new UsageError(`${to.operation.label}: a timer needs a delay of at least ${leastMs} ms, not ${delayMs}`);
    }
    const [message, options] = to.operation.takesMessage
      ? [first, second]
      : [undefined, first as TimerOptions | undefined];
    // Taken now, so that a wrong message fails the handler that set the timer, and a later change of it goes unseen.
    let taken: unknown;
    let given: Parcel | undefined;
    try {
      try {
        taken = to.operation.input.take(message, to.owner, true);
      } catch (thrown) {
        if (thrown !== apart) throw thrown;
        given = packed(to, message);
      }
    } catch (error) {
      throw invalidMessage(error, `a timer for ${to.operation.label}`);
    }
    if (this.#ended) return () => undefined;
    // The timer has them from now on. What it delivers once goes on to the actor, and is copied each time else.
    if (given !== undefined) taken = given.deliver(!repeat);
    const periodMs = repeat ? delayMs : undefined;
    return this.begin({ to, message: taken, leftMs: delayMs, periodMs, name: options?.name });
  }

  /** The same for one that is known to be right. */
  begin({ to, message, leftMs, periodMs, name }: PendingTimer): Cancel {
    if (this.#ended) return () => undefined;
    if (name !== undefined) this.#named.get(name)?.();
    let cancelClock: Cancel;
    let dueMs = this.#clock.monotonicMs() + leftMs;
    const fire = (): void => {
      if (periodMs !== undefined) {
        // From when it was due and not from now, or every delay of the machine would add up; what was missed is skipped.
        const nowMs = this.#clock.monotonicMs();
        dueMs += periodMs * Math.max(1, Math.floor((nowMs - dueMs) / periodMs) + 1);
        cancelClock = this.#clock.wake(dueMs - nowMs, fire);
      } else cancel();
      to.target.tell(to.operation, message);
    };
    const cancel = (): void => {
      cancelClock();
      this.#cancels.delete(cancel);
      if (name !== undefined && this.#named.get(name) === cancel) this.#named.delete(name);
    };
    const left = (): number => Math.max(0, dueMs - this.#clock.monotonicMs());
    cancelClock = this.#clock.wake(leftMs, fire);
    this.#cancels.set(cancel, () => ({ to, message, leftMs: left(), periodMs, name }));
    if (name !== undefined) this.#named.set(name, cancel);
    return cancel;
  }

  /** Calls `fire` once after `delayMs`: a timer of the runtime itself, which ends like any other. */
  arm(delayMs: number, fire: () => void): Armed {
    const dueMs = this.#clock.monotonicMs() + delayMs;
    if (this.#ended) return { cancel: () => undefined, leftMs: () => undefined };
    const cancelClock = this.#clock.wake(delayMs, () => {
      this.#cancels.delete(cancel);
      fire();
    });
    const cancel = (): void => {
      cancelClock();
      this.#cancels.delete(cancel);
    };
    this.#cancels.set(cancel, undefined);
    const left = (): number => Math.max(0, dueMs - this.#clock.monotonicMs());
    return { cancel, leftMs: () => (this.#cancels.has(cancel) ? left() : undefined) };
  }

  /** Takes out those of the actor, for the place that it goes to; everything else ends. */
  takeAll(): readonly PendingTimer[] {
    const taken: PendingTimer[] = [];
    for (const pending of this.#cancels.values()) if (pending !== undefined) taken.push(pending());
    this.close();
    return taken;
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!isDelay(ms, 0)) throw new UsageError(`ctx.delay needs a delay of at least 0 ms, not ${ms}`);
      if (this.#ended) throw endedInDelay();
      const cancelClock = this.#clock.wake(ms, () => {
        this.#delays.delete(cancel);
        resolve();
      });
      const cancel = (): void => {
        cancelClock();
        this.#delays.delete(cancel);
        reject(endedInDelay());
      };
      this.#delays.add(cancel);
    });
  }

  /** Ends what is pending. Returns how many tells will not come. */
  close(): number {
    const tells = this.#cancels.size;
    for (const cancel of [...this.#cancels.keys(), ...this.#delays]) cancel();
    return tells;
  }

  /** True once nothing may be started any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The actor has ended: a handler that was killed while it waited starts no timer that nobody would cancel. */
  end(): void {
    this.close();
    this.#ended = true;
  }
}

/** @throws InvalidValue */
function packed({ operation, owner }: BoundOperation, message: unknown): Parcel {
  const { counters } = owner.host;
  const options = { owner, forWire: false, keeps: false, counters };
  return Parcel.of(options, (parcel) => operation.input.take(message, parcel));
}

/** Endless is no delay: what never fires is a mistake. */
function isDelay(delayMs: unknown, leastMs: number): boolean {
  return typeof delayMs === 'number' && delayMs >= leastMs && delayMs < Number.POSITIVE_INFINITY;
}

/** What a wait ends in when the actor has ended or restarted meanwhile. */
export function endedInDelay(): ActorFailed {
  return new ActorFailed('the actor ended or restarted while it waited in ctx.delay');
}
