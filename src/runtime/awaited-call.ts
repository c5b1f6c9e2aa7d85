/**
 * Calls of actors to another place, as waits of the runs that made them: the part of the wait-for graph that leads away from
 * here. One that stays open looks now and then whether it waits for itself (`actors/wait-elsewhere.ts`).
 */
import { chainOf } from '../actors/request.ts';
import type { Run } from '../actors/run.ts';
import type { CallAge, Probe, ProbeGoingOn, WaitElsewhere } from '../actors/wait-elsewhere.ts';
import { noBlockers } from '../actors/wait-for.ts';
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import { limits } from '../base/limits.ts';
import type { MessageCall, RemoteCall } from './remote-calls.ts';

/** The place that they are made to, as they need it. */
export interface AwaitedPlace {
  readonly from: string;
  readonly placeId: string;
  readonly clock: Clock;
  readonly random: Random;
  /** All calls that are open. */
  readonly calls: ReadonlyMap<number, RemoteCall>;
  sendProbe(call: number, probe: Probe): void;
}

export class AwaitedCall implements WaitElsewhere {
  readonly elsewhere = true;
  readonly #place: AwaitedPlace;
  readonly #call: MessageCall;
  readonly #run: Run;
  readonly #madeAt: number;
  #age: CallAge | undefined = undefined;
  /** How many intervals it has been open, and at how many it looks again: each time after twice as long. */
  #intervals = 0;
  #looksAt = 2;
  #nonce = -1;
  #sentOn: Set<number> | undefined = undefined;

  constructor(place: AwaitedPlace, call: MessageCall, run: Run) {
    this.#place = place;
    this.#call = call;
    this.#run = run;
    this.#madeAt = place.clock.now();
    run.waitsFor(this);
  }

  /** It has settled. */
  over(): void {
    this.#run.waitsNoMore(this);
  }

  /** Nobody here: see `sendOn`. */
  blockers(): typeof noBlockers {
    return noBlockers;
  }

  /** An interval has passed. */
  look(): void {
    this.#intervals += 1;
    if (this.#intervals < this.#looksAt || !this.#call.sent) return;
    this.#looksAt *= 2;
    this.#nonce = Math.floor(this.#place.random.fraction() * Number.MAX_SAFE_INTEGER);
    this.#send({ of: null, nonce: this.#nonce, path: [] });
  }

  isProbing(nonce: number): boolean {
    return nonce === this.#nonce;
  }

  closesCycle({ of, path }: ProbeGoingOn): void {
    this.#call.closesCycle([...path, path[0]!], of.hasBegun);
  }

  sendOn(probe: ProbeGoingOn): void {
    if (!this.#call.sent || this.#sentOn?.has(probe.nonce)) return;
    if (this.#sentOn === undefined || this.#sentOn.size >= limits.probesSentOnMax) this.#sentOn = new Set();
    this.#sentOn.add(probe.nonce);
    this.#send(probe);
  }

  #send(probe: Omit<Probe, 'along'>): void {
    const { from, placeId } = this.#place;
    const { id } = this.#call;
    // Most calls are over before anybody wants to know.
    this.#age ??= {
      madeAt: this.#madeAt,
      depth: chainOf({ openRun: this.#run }).length,
      name: `${from} ${placeId} ${id}`,
    };
    this.#place.sendProbe(id, { along: this.#age, ...probe });
  }
}

/** Those to one place. */
export class AwaitedCalls {
  readonly #place: AwaitedPlace;
  #looks = false;

  constructor(place: AwaitedPlace) {
    this.#place = place;
  }

  /** The run waits for the call from now on. */
  add(call: MessageCall, run: Run): void {
    call.awaited = new AwaitedCall(this.#place, call, run);
    if (!this.#looks) this.#lookLater();
  }

  #lookLater(): void {
    this.#looks = true;
    this.#place.clock.timer(limits.probeMs, () => {
      this.#looks = false;
      let left = false;
      for (const { awaited } of this.#place.calls.values()) {
        if (awaited === undefined) continue;
        left = true;
        awaited.look();
      }
      if (left && !this.#looks) this.#lookLater();
    });
  }
}
