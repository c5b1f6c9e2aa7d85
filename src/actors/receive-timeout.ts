/**
 * The receive timeout of one actor: `signals.idle` is called when it has handled nothing for `idleMs`.
 *
 * A message costs nothing for it: a turn that ends with nothing left to do notes the time, and the one timer looks, when
 * it fires, how long ago that was. As in Erlang's gen_server it is told once for each quiet time, so an actor that wants
 * to be called again and again uses `ctx.every`. An open stream is no quiet time, since somebody reads.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { TellEnvelope } from './operation.ts';
import type { Signal } from './signal.ts';

/** What `signals.idle` gets. */
export interface IdleEvent {
  /** How long nothing was handled, as the definition says. */
  readonly idleMs: number;
}

/** How the quiet time of an actor stands. */
export interface QuietTime {
  readonly busy: boolean;
  readonly told: boolean;
  readonly quietMs: number;
}

/** What it needs of its actor. */
export interface Resting {
  /** True while it has nothing to do. */
  readonly isResting: boolean;
  readonly openStreams: number;
  acceptSignal(envelope: TellEnvelope, signal: Signal): void;
}

export class ReceiveTimeout implements Signal<IdleEvent> {
  readonly event: IdleEvent;
  readonly #actor: Resting;
  readonly #envelope: TellEnvelope;
  readonly #clock: Clock;
  /** True where something was handled since it last had nothing to do. */
  #busy = true;
  /** Signals of its own among what was handled last. */
  #own = 0;
  #sinceMs = 0;
  #told = false;
  #ended = false;
  #cancel: Cancel | undefined = undefined;

  constructor(actor: Resting, envelope: TellEnvelope, idleMs: number, clock: Clock) {
    this.#actor = actor;
    this.#envelope = envelope;
    this.#clock = clock;
    this.event = Object.freeze({ idleMs });
  }

  /** So many handlers were called, or have returned. */
  handled(count: number): void {
    if (count > this.#own) this.#busy = true;
    this.#own = 0;
  }

  /** The actor has nothing to do now. */
  rests(): void {
    if (this.#busy) {
      this.#busy = false;
      this.#beginsNow();
    }
    if (!this.#told && this.#cancel === undefined) this.#arm(this.event.idleMs);
  }

  /** A stream of the actor has ended: that was no quiet time. */
  streamEnded(): void {
    if (!this.#told) this.#beginsNow();
  }

  /** How the quiet time stands, for the place that the actor goes to. */
  get standing(): QuietTime {
    return { busy: this.#busy, told: this.#told, quietMs: this.#clock.monotonicMs() - this.#sinceMs };
  }

  /** Goes on with what began elsewhere. */
  resume({ busy, told, quietMs }: QuietTime): void {
    this.#busy = busy;
    this.#told = told;
    this.#sinceMs = this.#clock.monotonicMs() - quietMs;
    this.#cancel?.();
    this.#cancel = undefined;
    if (!told) this.#arm(busy ? this.event.idleMs : Math.max(0, this.event.idleMs - quietMs));
  }

  take(): IdleEvent | undefined {
    // It may have waited in the queue while its generation ended.
    if (this.#ended) return undefined;
    this.#told = true;
    this.#own += 1;
    return this.event;
  }

  /** Its generation has ended. */
  end(): void {
    this.#ended = true;
    this.#cancel?.();
  }

  #beginsNow(): void {
    this.#sinceMs = this.#clock.monotonicMs();
    this.#told = false;
  }

  #arm(delayMs: number): void {
    // Nobody waits for it: it keeps no process alive.
    this.#cancel = this.#clock.timer(delayMs, this.#look);
  }

  readonly #look = (): void => {
    this.#cancel = undefined;
    // Its turn will end in `rests`.
    if (!this.#actor.isResting) return;
    const { idleMs } = this.event;
    const leftMs = this.#sinceMs + idleMs - this.#clock.monotonicMs();
    if (this.#actor.openStreams > 0) this.#arm(idleMs);
    else if (leftMs > 0) this.#arm(leftMs);
    else this.#actor.acceptSignal(this.#envelope, this);
  };
}
