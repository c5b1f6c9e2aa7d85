/**
 * Calls of actors to another place, as waits of the runs that made them: the part of the wait-for graph that leads away from
 * here. One that stays open looks now and then whether it waits for itself (`actors/wait-elsewhere.ts`).
 */
import { chainOf } from '../actors/request.ts';
import type { Run } from '../actors/run.ts';
import type { Owner } from '../actors/target.ts';
import type { CallAge, Probe, ProbeGoingOn, WaitElsewhere } from '../actors/wait-elsewhere.ts';
import { noBlockers } from '../actors/wait-for.ts';
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import { limits } from '../base/limits.ts';
import type { MessageCall, RemoteCall } from './remote-calls.ts';

type SendProbe = (call: number, probe: Probe) => void;

export class AwaitedCall implements WaitElsewhere {
  readonly elsewhere = true;
  readonly #age: CallAge;
  readonly #call: MessageCall;
  readonly #run: Run;
  readonly #send: SendProbe;
  /** How many intervals it has been open, and at how many it looks again: each time after twice as long. */
  #intervals = 0;
  #looksAt = 2;
  #nonce = -1;
  #sentOn: Set<number> | undefined = undefined;

  constructor(call: MessageCall, run: Run, age: CallAge, send: SendProbe) {
    this.#call = call;
    this.#run = run;
    this.#age = age;
    this.#send = send;
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
  look(random: Random): void {
    this.#intervals += 1;
    if (this.#intervals < this.#looksAt || !this.#call.sent) return;
    this.#looksAt *= 2;
    this.#nonce = Math.floor(random.fraction() * Number.MAX_SAFE_INTEGER);
    this.#send(this.#call.id, { along: this.#age, of: null, nonce: this.#nonce, path: [] });
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
    this.#send(this.#call.id, { along: this.#age, ...probe });
  }
}

/** Those to one place. */
export class AwaitedCalls {
  readonly #from: string;
  readonly #to: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #calls: ReadonlyMap<number, RemoteCall>;
  readonly #send: SendProbe;
  #looks = false;

  /** @param calls all that are open */
  constructor(
    names: { readonly from: string; readonly to: string },
    clock: Clock,
    random: Random,
    calls: ReadonlyMap<number, RemoteCall>,
    send: SendProbe,
  ) {
    this.#from = names.from;
    this.#to = names.to;
    this.#clock = clock;
    this.#random = random;
    this.#calls = calls;
    this.#send = send;
  }

  /** `run` waits for the call from now on. */
  add(call: MessageCall, run: Run, owner: Owner): void {
    const name = `${this.#from} ${this.#to} ${call.id}`;
    const age = { madeAt: this.#clock.now(), depth: chainOf(owner).length, name };
    call.awaited = new AwaitedCall(call, run, age, this.#send);
    if (!this.#looks) this.#lookLater();
  }

  #lookLater(): void {
    this.#looks = true;
    this.#clock.timer(limits.probeMs, () => {
      this.#looks = false;
      let left = false;
      for (const { awaited } of this.#calls.values()) {
        if (awaited === undefined) continue;
        left = true;
        awaited.look(this.#random);
      }
      if (left && !this.#looks) this.#lookLater();
    });
  }
}
