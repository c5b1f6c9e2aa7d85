/**
 * The account of one via stage: how many elements came in, and how each of them ended.
 *
 * `in = emitted + absorbed + dropped + deadLettered + lost + held`, at any moment between two pushes. An element is
 * `emitted` when at least one element was made of it, `absorbed` when an operator filtered or gathered it, `dropped`
 * when an operator let it go unused (`switchMap`, `debounce`, …), and `lost` when the stage failed around it.
 */

/** How an element ended; anything but the four words is a reason for which it was dropped. */
export type Fate = 'emitted' | 'absorbed' | 'dead-lettered' | 'lost' | DropReason;

/** Why an operator let an element go unused. */
export type DropReason = 'switched' | 'exhausted' | 'sampled' | 'skipped-by-error' | 'unsubscribed';

/** The element that a stage has held longest. */
export interface OldestHeld {
  /** The operator that holds it. */
  readonly operator: string;
  /** For how long, in ms. */
  readonly heldMs: number;
  /** Its event time, in ms since the epoch; not finite where the flow has none. */
  readonly timeMs: number;
  /** Its key, where the operator works by key. */
  readonly key?: unknown;
}

/** What one via stage did, in elements. */
export interface StageFates {
  readonly name: string;
  readonly in: number;
  /** What it gave on; one element may make none or many. */
  readonly out: number;
  readonly emitted: number;
  readonly absorbed: number;
  readonly dropped: number;
  /** `dropped` by its reasons. */
  readonly droppedBy: { readonly [R in DropReason]?: number };
  readonly deadLettered: number;
  /** What a failure of the stage took along. */
  readonly lost: number;
  /** Still in one of its operators. */
  readonly held: number;
  /** How often it was built anew after a failure. */
  readonly restarts: number;
  /** What `meter(…)` still counted as held when its operator had completed: its `releases` counts too little. */
  readonly heldAtEnd: number;
  readonly oldest: OldestHeld | undefined;
}

/** An operator that holds elements of the stage. */
export interface Holding {
  oldest(): OldestHeld | undefined;
}

export class StageAccount {
  readonly name: string;
  in = 0;
  out = 0;
  emitted = 0;
  absorbed = 0;
  dropped = 0;
  deadLettered = 0;
  lost = 0;
  held = 0;
  restarts = 0;
  heldAtEnd = 0;
  /** Things under way that hold no element: a timer, an observable that an operator waits for. */
  waits = 0;
  /** What becomes of elements that are held when their operator is unsubscribed. */
  unsubscribedFate: Fate = 'unsubscribed';
  readonly holdings: Set<Holding> = new Set<Holding>();
  readonly #droppedBy = new Map<DropReason, number>();

  constructor(name: string) {
    this.name = name;
  }

  settle(fate: Fate | undefined): void {
    switch (fate) {
      case undefined:
      case 'absorbed':
        this.absorbed += 1;
        break;
      case 'emitted':
        this.emitted += 1;
        break;
      case 'dead-lettered':
        this.deadLettered += 1;
        break;
      case 'lost':
        this.lost += 1;
        break;
      default:
        this.dropped += 1;
        this.#droppedBy.set(fate, (this.#droppedBy.get(fate) ?? 0) + 1);
    }
  }

  fates(): StageFates {
    const { name, out, emitted, absorbed, dropped, deadLettered, lost, held, restarts, heldAtEnd } = this;
    const droppedBy = Object.fromEntries(this.#droppedBy);
    const counts = { emitted, absorbed, dropped, droppedBy, deadLettered, lost, held };
    return { name, in: this.in, out, ...counts, restarts, heldAtEnd, oldest: this.#oldest() };
  }

  #oldest(): OldestHeld | undefined {
    let oldest: OldestHeld | undefined;
    for (const holding of this.holdings) {
      const candidate = holding.oldest();
      if (candidate !== undefined && !(candidate.heldMs <= (oldest?.heldMs ?? -1))) oldest = candidate;
    }
    return oldest;
  }
}
