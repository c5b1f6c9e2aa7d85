/**
 * The way to an actor that has moved, as one place knows it: where messages go now, and how they change over to another way
 * without overtaking each other.
 *
 * To change over, a fence is sent the old way, behind the last message, and what comes from then on waits here. The fence is
 * answered by wherever the actor lives, so once the answer is here everything before it has arrived, and what waited goes
 * the new way. The actor may have moved on since it answered, and then takes along what it had: see `arrival.ts`, which keeps
 * what comes the new way behind that. Fences only follow the actor forward in its moves, so none waits for itself.
 */
import { limits } from '../../base/limits.ts';
import type { EndReason, Target, Watcher } from '../target.ts';

/** The actor of this place that is about to take over the way to itself. */
interface Arrival {
  readonly isReady: () => void;
}

export class Way<T extends Target = Target> {
  #to: T;
  /** The newest way that is known, where it is not taken yet. */
  #wanted: T | undefined = undefined;
  /** How often the actor had moved for the newest way: news of earlier moves counts for nothing. */
  #hop: number;
  /** What waits for the change-over. */
  #held: (() => void)[] | undefined = undefined;
  #arrival: Arrival | undefined = undefined;
  #closed = false;
  #maybe: { readonly to: T; readonly hop: number } | undefined = undefined;
  /** True where nobody has said that the actor did arrive where this leads. */
  #isDoubtful = false;
  /** Places that were told of this way. */
  readonly told: Set<string> = new Set();
  /** How the old way was said to have ended, while it was about to be left. */
  #missed: EndReason | undefined = undefined;
  /** Those who watch the actor this way, and what is told instead of them. */
  readonly #watchers = new Map<Watcher, Watcher>();
  readonly #onEnded: (reason: EndReason) => void;
  readonly #follower: Watcher;

  /** @param onEnded called once, when the actor has ended */
  constructor(to: T, hop: number, onEnded: (reason: EndReason) => void) {
    this.#to = to;
    this.#hop = hop;
    this.#onEnded = onEnded;
    this.#follower = {
      terminated: (reason) => {
        // The old way may be lost with its place while the actor lives on where the new one leads.
        if (this.#wanted !== undefined || this.#arrival !== undefined) this.#missed = reason;
        else if (reason === 'place-lost' && this.#maybe !== undefined) this.#tryElsewhere(this.#maybe);
        else this.#over(this.#isDoubtful && reason === 'unknown' ? 'place-lost' : reason);
      },
    };
  }

  /** Begins to follow the actor's end. */
  follow(): this {
    watchAgain(this.#to, this.#follower);
    return this;
  }

  get to(): T {
    return this.#to;
  }

  get hop(): number {
    return this.#hop;
  }

  /** True while messages wait for the change-over. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** True when no more may wait. */
  get isFull(): boolean {
    return this.waiting >= limits.outboxCapacity;
  }

  /** Does `send` once the way is open: at once, or in its turn. */
  through(send: () => void): void {
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }

  // ── changing over ──

  /** The actor has moved for the `hop`th time, and `to` leads to where it is now. */
  switchTo(to: T, hop: number): void {
    if (hop <= this.#hop || this.#closed) return;
    this.#hop = hop;
    this.#wanted = to;
    if (this.#maybe !== undefined && this.#maybe.hop <= hop) this.#maybe = undefined;
    this.#hold();
  }

  /** The actor may live at `to` from its `hop`th move on: if its place is lost in between, it is there or nowhere. */
  mayLead(to: T, hop: number): void {
    if (hop > this.#hop) this.#maybe = { to, hop };
  }

  #tryElsewhere({ to, hop }: { readonly to: T; readonly hop: number }): void {
    this.#maybe = undefined;
    this.#isDoubtful = true;
    if (hop > this.#hop) this.switchTo(to, hop);
    else this.#over('place-lost');
  }

  /** The actor is about to arrive at this very place: resolves once all that went this way has arrived where it was. */
  arrive(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrival = { isReady: resolve };
      this.#hold();
    });
  }

  /** It has arrived, `to` is itself: what waited goes there. */
  arrived(to: T, hop: number): void {
    this.#arrival = undefined;
    this.#wanted = undefined;
    this.#hop = hop;
    this.#take(to);
    this.#release();
  }

  /** It did not arrive after all: what waited goes the way it would have. */
  stayed(): void {
    if (this.#arrival === undefined) return;
    this.#arrival = undefined;
    // Where the fence is still on its way, its answer does the rest.
    if (this.#crossing === undefined) this.#cross();
  }

  /** The fence that is on its way. */
  #crossing: object | undefined = undefined;

  #hold(): void {
    if (this.#held !== undefined) {
      // One that has crossed already, and waits for the arrival only, is ready at once.
      if (this.#crossing === undefined) this.#arrival?.isReady();
      return;
    }
    this.#held = [];
    const crossing = {};
    this.#crossing = crossing;
    this.#to.fence().then(() => {
      if (this.#crossing !== crossing) return;
      this.#crossing = undefined;
      if (this.#arrival === undefined) this.#cross();
      else this.#arrival.isReady();
    });
  }

  #cross(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted !== undefined) this.#take(wanted);
    this.#release();
    if (this.#missed !== undefined) this.#over(this.#missed);
  }

  #over(reason: EndReason): void {
    if (this.#closed) return;
    this.close();
    this.#onEnded(reason);
  }

  #take(to: T): void {
    const old = this.#to;
    this.#to = to;
    this.#missed = undefined;
    this.told.clear();
    old.unwatch(this.#follower);
    for (const told of this.#watchers.values()) old.unwatch(told);
    watchAgain(to, this.#follower);
    for (const told of [...this.#watchers.values()]) watchAgain(to, told);
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#crossing = undefined;
    for (const send of held) send();
    // It has moved on meanwhile: what was sent now goes before the next fence.
    if (this.#wanted !== undefined && !this.#closed) this.#hold();
  }

  /** This way is used no more: what still waits is sent, for whoever sends it to see that. */
  close(): void {
    this.#closed = true;
    this.#to.unwatch(this.#follower);
    this.#wanted = undefined;
    this.#arrival = undefined;
    this.#release();
  }

  // ── those who watch the actor this way ──

  /** @throws Rejected where it cannot be watched */
  watch(watcher: Watcher, again: boolean): void {
    const told: Watcher = {
      terminated: (reason) => {
        // As for the follower: the watch goes on where the actor is.
        if (this.#wanted !== undefined) return;
        if (this.#watchers.get(watcher) !== told) return;
        this.#watchers.delete(watcher);
        watcher.terminated(reason);
      },
    };
    this.#watchers.set(watcher, told);
    this.#to.watch(told, again);
  }

  /** False where it is not among them. */
  unwatch(watcher: Watcher): boolean {
    const told = this.#watchers.get(watcher);
    if (told === undefined) return false;
    this.#watchers.delete(watcher);
    this.#to.unwatch(told);
    return true;
  }
}

function watchAgain(target: Target, watcher: Watcher): void {
  try {
    target.watch(watcher, true);
  } catch {
    // There are too many watches; the actor's end is then seen by what is sent to it.
  }
}
