/**
 * The ledger of an island: which elements its operators hold, whose they are, and what waits for them to leave.
 *
 * A push through synchronous operators leaves no trace here but two counts. The first operator that holds an element
 * makes a **claim** for it: one record per element and stage, counted by references, that carries the element's event
 * time and epoch to wherever it comes out. A **watermark** closes an epoch and is passed on when nothing of it or of an
 * older one is held, so it is exact through asynchronous operators and needs no pause of admission.
 *
 * Operators find the ledger through a variable, which is set while a pipeline is built, subscribed, pushed, or lets go
 * of an element. Nothing else could join an element that comes out to the one that went in: RxJS has no such identity.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import type { OperatorNames } from './operator-names.ts';
import type { Fate, StageAccount } from './stage-account.ts';
import { MemoryStateStore } from './state/memory-state-store.ts';
import type { StateStore } from './state/state-store.ts';

/** The time between two watermarks. */
export class Epoch {
  /** Claims of elements that came in it. */
  open = 0;
  /** Set when the epoch was closed. */
  watermarkMs: number | undefined;
  next: Epoch | undefined;
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** The record of one element, or of several that came out as one, that an operator of a stage holds. */
export interface Claim {
  readonly stage: StageAccount;
  readonly timeMs: number;
  readonly epoch: Epoch;
  retain(): void;
  /** @param fate what became of it, where it was not emitted; the first that was said counts. */
  release(fate?: Fate): void;
  emitted(): void;
}

class ElementClaim implements Claim {
  readonly stage: StageAccount;
  readonly timeMs: number;
  readonly epoch: Epoch;
  readonly #ledger: Ledger;
  /** False for what an operator made by itself, by a timer: it came in nowhere, so it has no fate. */
  readonly #isElement: boolean;
  #references = 1;
  #settled = false;
  #fate: Fate | undefined;

  constructor(ledger: Ledger, stage: StageAccount, isElement: boolean) {
    this.#ledger = ledger;
    this.stage = stage;
    this.timeMs = ledger.timeMs;
    this.epoch = ledger.epoch;
    this.#isElement = isElement;
    this.#fate = ledger.fate;
    this.epoch.open += 1;
    if (isElement) stage.held += 1;
  }

  retain(): void {
    this.#references += 1;
  }

  release(fate?: Fate): void {
    if (fate !== undefined) this.#fate ??= fate;
    this.#references -= 1;
    // An operator that is unsubscribed while it works may still touch what its unsubscription has settled.
    if (this.#references > 0 || this.#settled) return;
    this.#settled = true;
    this.epoch.open -= 1;
    if (this.#isElement) {
      this.stage.held -= 1;
      this.stage.settle(this.#fate);
    }
    this.#ledger.changed();
  }

  emitted(): void {
    this.#fate = 'emitted';
  }
}

/** Elements that were gathered and come out as one: it has the time of the latest, and the oldest one's epoch. */
export class GatheredClaim implements Claim {
  readonly stage: StageAccount;
  readonly timeMs: number;
  readonly epoch: Epoch;
  readonly #members: readonly Claim[];

  /** @param members at least one */
  constructor(members: readonly Claim[]) {
    const first = members[0]!;
    this.stage = first.stage;
    let { timeMs, epoch } = first;
    for (const member of members) {
      if (member.timeMs > timeMs) timeMs = member.timeMs;
      if (member.epoch.number < epoch.number) epoch = member.epoch;
    }
    this.timeMs = timeMs;
    this.epoch = epoch;
    this.#members = members;
  }

  retain(): void {
    for (const member of this.#members) member.retain();
  }

  release(fate?: Fate): void {
    for (const member of this.#members) member.release(fate);
  }

  emitted(): void {
    for (const member of this.#members) member.emitted();
  }
}

export interface LedgerEvents {
  readonly watermark: (timeMs: number) => void;
  /** As many elements are held as may be, or no longer. */
  readonly full: (isFull: boolean) => void;
  /** Elements may have left, and nothing is under way now. */
  readonly settled: () => void;
  readonly deadLetter: (stage: string, element: unknown, error: unknown) => void;
}

/** Time and chance, for operators. */
export interface LedgerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
}

let active: Ledger | undefined;

/** The ledger of the island that is being built, pushed, or lets go of an element; undefined outside of islands. */
export function activeLedger(): Ledger | undefined {
  return active;
}

export class Ledger {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: LedgerEvents;
  /** What durable operators keep. */
  readonly store: StateStore;
  readonly #heldMax: number;
  // What is under way now: whose stage, which element, with which time.
  stage: StageAccount | undefined;
  claim: Claim | undefined;
  fate: Fate | undefined;
  isElement = false;
  timeMs: number = Number.NaN;
  epoch: Epoch;
  /** Set while a stage is subscribed for the first time. */
  names: OperatorNames | undefined;
  /** How many pulled iterables the element has come through. */
  level = 0;
  /** Above 0 while elements may come out. */
  depth = 0;
  /** Elements that operators hold now, counted at each operator that holds one. */
  held = 0;
  heldHighest = 0;
  readonly #heldAtLevel: number[] = [];
  #first: Epoch;
  #current: Epoch;
  #lastClosed: Epoch | undefined;
  /** How far the stage has got; no time before the first element, and none where the flow has no event time. */
  #latestMs = Number.NaN;
  #full = false;
  #changed = false;
  #roomOpen = true;
  readonly #pulling = new Set<() => void>();

  constructor(
    { clock, random }: LedgerEnvironment,
    heldMax: number,
    events: LedgerEvents,
    store: StateStore = new MemoryStateStore(),
  ) {
    this.clock = clock;
    this.random = random;
    this.store = store;
    this.events = events;
    this.#heldMax = heldMax;
    this.#first = new Epoch(0);
    this.#current = this.#first;
    this.epoch = this.#first;
  }

  // ── what is under way ──

  /** Begins the push of an element. Answers what `endPush` is to be given. */
  beginPush(timeMs: number): Ledger | undefined {
    const outer = active;
    active = this;
    this.depth += 1;
    this.timeMs = timeMs;
    this.epoch = this.#current;
    this.level = 0;
    if (!(timeMs <= this.#latestMs)) this.#latestMs = timeMs;
    return outer;
  }

  endPush(outer: Ledger | undefined): void {
    active = outer;
    this.depth -= 1;
    if (this.#changed) this.#settle();
  }

  /** Lets go of what `claim` stands for: what comes out of `work` is of it. */
  enter<R>(claim: Claim, level: number, work: () => R): R {
    return this.#within(claim.stage, claim, claim, level, work);
  }

  /** Runs what belongs to a stage and to no element: building, subscribing, completing, a timer. */
  enterStage<R>(stage: StageAccount, work: () => R): R {
    const { epoch, level } = this.depth > 0 ? this : { epoch: this.#current, level: 0 };
    return this.#within(stage, undefined, { timeMs: this.#latestMs, epoch }, level, work);
  }

  #within<R>(
    stage: StageAccount,
    claim: Claim | undefined,
    at: { readonly timeMs: number; readonly epoch: Epoch },
    level: number,
    work: () => R,
  ): R {
    const outer = active;
    const before = {
      stage: this.stage,
      claim: this.claim,
      fate: this.fate,
      isElement: this.isElement,
      timeMs: this.timeMs,
      epoch: this.epoch,
      level: this.level,
    };
    active = this;
    // Kept while it is under way: what comes after its last release, such as a completion, may still be of it.
    claim?.retain();
    this.depth += 1;
    this.stage = stage;
    this.claim = claim;
    this.fate = undefined;
    this.isElement = false;
    this.timeMs = at.timeMs;
    this.epoch = at.epoch;
    this.level = level;
    try {
      return work();
    } finally {
      this.claim?.release();
      active = outer;
      this.depth -= 1;
      this.stage = before.stage;
      this.claim = before.claim;
      this.fate = before.fate;
      this.isElement = before.isElement;
      this.timeMs = before.timeMs;
      this.epoch = before.epoch;
      this.level = before.level;
      if (this.#changed && this.depth === 0) this.#settle();
    }
  }

  /** Something came out of the stage that is under way. */
  noteEmitted(): void {
    if (this.claim === undefined) this.fate = 'emitted';
    else this.claim.emitted();
  }

  /** The push of an element has returned: whoever releases its claim last settles it, or it is settled now. */
  settleElement(account: StageAccount): void {
    if (this.claim === undefined) account.settle(this.fate);
    else this.claim.release(this.fate);
  }

  // ── what is held ──

  /** The claim of the element that is under way, made now unless it has one; retained for the caller. */
  claimHere(): Claim {
    this.claim ??= new ElementClaim(this, this.stage!, this.isElement);
    this.claim.retain();
    return this.claim;
  }

  /** An operator took an element in that only time or I/O sets free again. */
  countHeld(level: number): void {
    this.held += 1;
    if (this.held > this.heldHighest) this.heldHighest = this.held;
    this.#heldAtLevel[level] = (this.#heldAtLevel[level] ?? 0) + 1;
    this.#changed = true;
  }

  countReleased(level: number): void {
    this.held -= 1;
    this.#heldAtLevel[level]! -= 1;
    this.changed();
  }

  changed(): void {
    this.#changed = true;
    if (this.depth === 0) this.#settle();
  }

  // ── watermarks ──

  watermark(watermarkMs: number): void {
    if (watermarkMs > this.#latestMs && watermarkMs !== Infinity) this.#latestMs = watermarkMs;
    const current = this.#current;
    if (current.open === 0) {
      if (current === this.#first) {
        this.events.watermark(watermarkMs);
        return;
      }
      // Nothing came since the one before, so both leave together: there are never more epochs than claims.
      this.#lastClosed!.watermarkMs = watermarkMs;
      return;
    }
    current.watermarkMs = watermarkMs;
    this.#lastClosed = current;
    this.#current = new Epoch(current.number + 1);
    current.next = this.#current;
    this.epoch = this.#current;
  }

  // ── room behind, for iterables that are pulled ──

  /** The queues behind the island have room, or have none. */
  room(open: boolean): void {
    this.#roomOpen = open;
    if (open && this.depth === 0) this.#pull();
  }

  /** True when an iterable may be asked for its next element, which operators behind may hold at `levelBehind`. */
  mayPull(levelBehind: number): boolean {
    return this.#roomOpen && (this.#heldAtLevel[levelBehind] ?? 0) < this.#heldMax;
  }

  /** Calls `pull` when it may be so again. Answers how to forget it. */
  whenRoom(pull: () => void): () => void {
    this.#pulling.add(pull);
    return () => this.#pulling.delete(pull);
  }

  #pull(): void {
    for (const pull of [...this.#pulling]) {
      if (!this.#roomOpen) return;
      if (this.#pulling.delete(pull)) pull();
    }
  }

  #settle(): void {
    this.#changed = false;
    while (this.#first.open === 0 && this.#first.watermarkMs !== undefined) {
      const passed = this.#first.watermarkMs;
      this.#first = this.#first.next!;
      this.events.watermark(passed);
    }
    const full = this.held >= this.#heldMax;
    if (full !== this.#full) {
      this.#full = full;
      this.events.full(full);
    }
    if (this.#pulling.size > 0) this.#pull();
    this.events.settled();
  }
}
