/**
 * An actor on its way out: it comes to rest, its new place takes a snapshot of it, and then it leaves at once and for good.
 * Until that moment whatever comes between (its deadline, a failure, a stop, a refusal of the other place) has it go on
 * here as if nothing had been.
 */
import type { Cancel } from '../../base/environment/clock.ts';
import { limits } from '../../base/limits.ts';
import { MoveRefused } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Adoption, Destination, Snapshot, Station } from './destination.ts';

/** What it needs of its actor. */
export interface Departing {
  readonly host: Host;
  path(): string;
  /** Begins no more messages, and says when none is open. */
  comeToRest(departure: Departure): void;
  /** Work that it handed to `ctx.run` and that is still open. */
  readonly openWork: number;
  /** @throws MoveRefused where something cannot travel */
  snapshot(): Snapshot;
  /** Hands everything over; it is no actor of this place any more. */
  leave(adoption: Adoption, station: Station, hop: number): Promise<void>;
  /** Goes on here. */
  stay(): void;
}

export class Departure {
  readonly #actor: Departing;
  readonly #destination: Destination;
  readonly #endsAtMs: number;
  readonly #cancelTimer: Cancel;
  #rests = false;
  #adoption: Adoption | undefined = undefined;
  #over = false;
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(actor: Departing, destination: Destination, deadlineMs: number) {
    this.#actor = actor;
    this.#destination = destination;
    const { clock } = actor.host.environment;
    this.#endsAtMs = clock.monotonicMs() + deadlineMs;
    this.#cancelTimer = clock.wake(deadlineMs, () => {
      // From then on the other place has the word, and a time limit of its own.
      if (this.#adoption === undefined) this.interrupt(`did not come to rest within ${deadlineMs} ms`);
    });
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    actor.comeToRest(this);
  }

  /** No message of it is open, and none begins. */
  rests(): void {
    this.#rests = true;
    this.look();
  }

  /** Goes on where it rests and has no work open. */
  look(): void {
    if (this.#over || !this.#rests || this.#adoption !== undefined || this.#actor.openWork > 0) return;
    let snapshot: Snapshot;
    try {
      snapshot = this.#actor.snapshot();
    } catch (error) {
      this.#refuse(error);
      return;
    }
    const leftMs = this.#endsAtMs - this.#actor.host.environment.clock.monotonicMs();
    this.#adoption = this.#destination.adopt(snapshot, Math.max(0, leftMs) + limits.moveAnswerMs);
    this.#adoption.taken.then(
      (station) => this.#commit(station, snapshot.hop),
      (error: unknown) => this.#refuse(error),
    );
  }

  /** Something came between, and the actor goes on here. */
  interrupt(what: string): void {
    this.#refuse(new MoveRefused('busy', `${this.#actor.path()} ${what}; it runs on where it was. Try again later`));
  }

  #commit(station: Station, hop: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer();
    this.#actor.leave(this.#adoption!, station, hop).then(this.#resolve, this.#reject);
  }

  #refuse(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer();
    this.#adoption?.cancel();
    this.#actor.stay();
    this.#reject(error);
  }
}
