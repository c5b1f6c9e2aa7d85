/**
 * Windows that give several results: early ones, one when the watermark reaches their end, and late ones. Tumbling,
 * sliding, and the global window.
 *
 * Each window of a key has a row of its own, and a result is of all that the row holds, so an element is added to each
 * window that it is in. What the watermark makes due comes in the order of event time: a window at its end, and again
 * when the allowed lateness has passed and its state goes; then the early results, by window end. Within one window
 * the keys come by their first element.
 */
import type { GroupHeld } from '../processor.ts';
import { Chains, ownFields } from './chains.ts';
import { none } from './key-table.ts';
import { Slots } from './slots.ts';
import { Timers } from './timers.ts';
import { isEarlyTick, type OnWatermark, type Pane } from './trigger.ts';
import type { AlignedSpec, GlobalSpec, TimeWindow } from './window.ts';
import { rowsAtATime, Windowing, type WindowingOptions, type WindowResult, type WindowsHeld } from './windowing.ts';

/** Results given; elements since the last; place in its window; whether it is listed as changed; its latest time. */
const [indexField, changesField, orderField, listedField, latestField] = [0, 1, 2, 3, 4].map(
  (field) => ownFields + field,
) as [number, number, number, number, number];

/** A row in the lists of its window. */
const listedBytes = 16;

interface Open {
  /** In the timers. */
  readonly owner: number;
  readonly window: TimeWindow;
  /** In the order of the keys' first elements. */
  readonly rows: number[];
  /** Rows that may have changed since their last result. */
  changed: number[];
  ended: boolean;
}

/** Rows of a window on their way out. */
interface Leaving {
  readonly open: Open;
  readonly rows: readonly number[];
  readonly timing: Pane['timing'];
  readonly final: boolean;
  /** Whether those that have not changed give a result too. */
  readonly all: boolean;
  /** Whether the rows are not needed any more. */
  readonly closing: boolean;
  at: number;
}

export class PanedWindows extends Windowing {
  readonly #spec: AlignedSpec | GlobalSpec;
  readonly #trigger: OnWatermark;
  readonly #chains: Chains;
  /** By the start of the window. */
  readonly #open = new Map<number, Open>();
  readonly #byOwner = new Map<number, Open>();
  readonly #owners = new Slots();
  readonly #timers = new Timers();
  /** What was last given of each row. */
  #given: (WindowResult['value'] | undefined)[] = [];
  /** What the last element made due. */
  #ready: { readonly open: Open; readonly row: number; readonly timing: Pane['timing'] }[] = [];
  #leaving: Leaving | undefined;
  /** Windows that are to give early results. */
  #early: Open[] = [];
  resultTimeMs: number = -Infinity;

  constructor(spec: AlignedSpec | GlobalSpec, trigger: OnWatermark, options: WindowingOptions) {
    super(options);
    this.#spec = spec;
    this.#trigger = trigger;
    this.#chains = new Chains(5, options.aggregates);
  }

  get due(): boolean {
    return this.#ready.length > 0;
  }

  get held(): WindowsHeld {
    const stateBytes =
      this.#chains.bytes + this.#chains.rows.size * listedBytes + this.#open.size * 160 + this.#timers.bytes;
    return {
      windows: this.#open.size,
      keys: this.#chains.keys.size,
      stateBytes,
    };
  }

  get groups(): readonly GroupHeld[] {
    return this.#chains.groups(listedBytes);
  }

  protected take(item: unknown, timeMs: number): boolean {
    const spec = this.#spec;
    if (spec.kind === 'global') {
      this.#addTo(-Infinity, Infinity, this.#chains.keys.slotOf(this.keyOf(item)), item, timeMs);
      return true;
    }
    const { sizeMs, slideMs, offsetMs } = spec;
    const last = Math.floor((timeMs - offsetMs) / slideMs) * slideMs + offsetMs;
    const isOver = (startMs: number): boolean => startMs + sizeMs + this.latenessMs <= this.watermarkMs;
    if (isOver(last)) return false;
    const slot = this.#chains.keys.slotOf(this.keyOf(item));
    let oldest = last;
    while (oldest - slideMs + sizeMs > timeMs && !isOver(oldest - slideMs)) oldest -= slideMs;
    for (let start = oldest; start <= last; start += slideMs) {
      this.#addTo(start, start + sizeMs, slot, item, timeMs);
    }
    return true;
  }

  protected override onAdvance(beforeMs: number, watermarkMs: number): void {
    if (!isEarlyTick(this.#trigger, beforeMs, watermarkMs)) return;
    this.#early = [...this.#open.values()]
      .filter(({ window, changed }) => window.endMs > watermarkMs && changed.length > 0)
      .sort((a, b) => b.window.endMs - a.window.endMs);
  }

  protected give(): WindowResult | 'working' | undefined {
    const ready = this.#ready.shift();
    if (ready !== undefined) return this.#resultOf(ready.open, ready.row, ready.timing, false);
    for (let count = 0; count < rowsAtATime; count += 1) {
      this.#leaving ??= this.#nextDue() ?? this.#nextEarly();
      const leaving = this.#leaving;
      if (leaving === undefined) return undefined;
      const { open, rows, timing, final, all, closing } = leaving;
      const row = rows[leaving.at];
      if (row === undefined) {
        this.#leaving = undefined;
        if (closing) this.#close(open);
        continue;
      }
      leaving.at += 1;
      const changed = this.#chains.get(row, changesField) > 0;
      this.#chains.set(row, listedField, 0);
      const result = all || changed ? this.#resultOf(open, row, timing, final) : undefined;
      if (closing) {
        this.#chains.remove(row);
        this.#given[row] = undefined;
      }
      if (result !== undefined) return result;
    }
    return 'working';
  }

  #addTo(startMs: number, endMs: number, slot: number, item: unknown, timeMs: number): void {
    const chains = this.#chains;
    const open = this.#openAt(startMs, endMs);
    let row = chains.find(slot, startMs);
    if (row === none || chains.at(row) !== startMs) {
      row = chains.insert(slot, startMs, row);
      chains.set(row, orderField, open.rows.length);
      chains.set(row, latestField, timeMs);
      open.rows.push(row);
    }
    chains.rows.add(row, item, timeMs);
    const changes = chains.get(row, changesField) + 1;
    chains.set(row, changesField, changes);
    if (timeMs > chains.get(row, latestField)) chains.set(row, latestField, timeMs);
    const late = endMs <= this.watermarkMs;
    const { everyCount, late: eachLate } = this.#trigger;
    if (late ? eachLate : changes >= everyCount) {
      this.#ready.push({ open, row, timing: late ? 'late' : 'early' });
    } else if (chains.get(row, listedField) === 0) {
      chains.set(row, listedField, 1);
      open.changed.push(row);
    }
  }

  #openAt(startMs: number, endMs: number): Open {
    const known = this.#open.get(startMs);
    if (known !== undefined) return known;
    const owner = this.#owners.take();
    const ended = endMs <= this.watermarkMs;
    const open: Open = { owner, window: Object.freeze({ startMs, endMs }), rows: [], changed: [], ended };
    this.#open.set(startMs, open);
    this.#byOwner.set(owner, open);
    this.#timers.set(owner, ended ? endMs + this.latenessMs : endMs, endMs);
    return open;
  }

  #nextDue(): Leaving | undefined {
    const owner = this.#timers.takeDue(this.watermarkMs);
    if (owner === undefined) return undefined;
    const open = this.#byOwner.get(owner)!;
    const { rows, window } = open;
    if (open.ended) return { open, rows, timing: 'late', final: true, all: false, closing: true, at: 0 };
    open.ended = true;
    const closesMs = window.endMs + this.latenessMs;
    const closing = closesMs <= this.watermarkMs;
    if (!closing) {
      open.changed = [];
      this.#timers.set(owner, closesMs, window.endMs);
    }
    return { open, rows, timing: 'on-time', final: closing, all: true, closing, at: 0 };
  }

  #nextEarly(): Leaving | undefined {
    const open = this.#early.pop();
    if (open === undefined) return undefined;
    const rows = open.changed.sort((a, b) => this.#chains.get(a, orderField) - this.#chains.get(b, orderField));
    open.changed = [];
    return { open, rows, timing: 'early', final: false, all: false, closing: false, at: 0 };
  }

  #resultOf(open: Open, row: number, timing: Pane['timing'], final: boolean): WindowResult {
    const chains = this.#chains;
    const index = chains.get(row, indexField);
    chains.set(row, indexField, index + 1);
    chains.set(row, changesField, 0);
    const { window } = open;
    this.resultTimeMs = window.endMs === Infinity ? chains.get(row, latestField) : window.endMs - 1;
    const value = chains.rows.result(row);
    const previous = this.#given[row];
    this.#given[row] = value;
    return { key: chains.keyOf(row), window, value, previous, pane: { index, timing, final } };
  }

  #close({ owner, window }: Open): void {
    this.#open.delete(window.startMs);
    this.#byOwner.delete(owner);
    this.#owners.give(owner);
    this.#chains.trim();
    if (this.#given.length > this.#chains.rows.end) this.#given = this.#given.slice(0, this.#chains.rows.end);
  }
}
