/**
 * Session windows: spans of event time that grow with the elements of their key and are joined by one that closes the
 * gap between them.
 *
 * A session is a row, and the sessions of a key are its chain, in the order of time. Each has one timer. An element
 * that makes a session longer leaves its timer alone, which finds out when it fires that it was too early; so an
 * element costs no more here than in a fixed window. State goes when the session closes.
 *
 * Results come in the order of event time, and those of one time by the first element of their session.
 */
import type { GroupHeld } from '../processor.ts';
import { Chains, ownFields } from './chains.ts';
import { none } from './key-table.ts';
import { Timers, timerBytes } from './timers.ts';
import { isEarlyTick, type Pane, type Trigger } from './trigger.ts';
import type { SessionSpec, TimeWindow } from './window.ts';
import { rowsAtATime, Windowing, type WindowingOptions, type WindowResult, type WindowsHeld } from './windowing.ts';

/** Latest time; arrival of its first element; results given; elements since the last; whether it ended. */
const [lastField, orderField, indexField, changesField, endedField] = [0, 1, 2, 3, 4].map(
  (field) => ownFields + field,
) as [number, number, number, number, number];

interface Given extends TimeWindow {
  readonly value: WindowResult['value'];
}

export class SessionWindows extends Windowing {
  readonly #spec: SessionSpec;
  readonly #trigger: Trigger;
  readonly #chains: Chains;
  readonly #timers = new Timers();
  #arrivals = 0;
  /** What the last element made due. */
  #ready: { readonly row: number; readonly timing: Pane['timing'] } | undefined;
  /** Sessions that changed since their last result, where early results are given by time. */
  readonly #changed = new Set<number>();
  #early: number[] = [];
  /** What was last given of each of the windows that a session was, where it may give several results. */
  readonly #given = new Map<number, readonly Given[]>();
  resultTimeMs: number = -Infinity;

  constructor(spec: SessionSpec, trigger: Trigger, options: WindowingOptions) {
    super(options);
    this.#spec = spec;
    this.#trigger = trigger;
    this.#chains = new Chains(5, options.aggregates);
  }

  get due(): boolean {
    return this.#ready !== undefined;
  }

  get held(): WindowsHeld {
    const { rows, keys, bytes } = this.#chains;
    const stateBytes = bytes + this.#timers.bytes + this.#changed.size * 32 + this.#given.size * 96;
    return { windows: rows.size, keys: keys.size, stateBytes };
  }

  get groups(): readonly GroupHeld[] {
    return this.#chains.groups(timerBytes);
  }

  protected take(item: unknown, timeMs: number): boolean {
    const key = this.keyOf(item);
    const chains = this.#chains;
    const slot = chains.keys.find(key);
    const before = slot === undefined ? none : chains.find(slot, timeMs);
    let row = before;
    if (before === none || timeMs > chains.get(before, lastField)) {
      row = this.#rowBetween(key, slot, before, timeMs);
      if (row === none) return false;
    }
    chains.rows.add(row, item, timeMs);
    this.#arrivals += 1;
    this.#afterAdd(row);
    return true;
  }

  protected override onAdvance(beforeMs: number, watermarkMs: number): void {
    const trigger = this.#trigger;
    if (trigger.kind === 'append' || !isEarlyTick(trigger, beforeMs, watermarkMs)) return;
    const chains = this.#chains;
    this.#early = [...this.#changed]
      .filter((row) => this.#endOf(row) > watermarkMs && chains.get(row, changesField) > 0)
      .sort((a, b) => this.#endOf(b) - this.#endOf(a) || chains.get(b, orderField) - chains.get(a, orderField));
  }

  protected give(): WindowResult | 'working' | undefined {
    const ready = this.#ready;
    if (ready !== undefined) {
      this.#ready = undefined;
      return this.#resultOf(ready.row, ready.timing, false);
    }
    for (let count = 0; count < rowsAtATime; count += 1) {
      const dueMs = this.#timers.nextMs;
      if (dueMs > this.watermarkMs || this.#timers.size === 0) return this.#giveEarly();
      const row = this.#timers.takeDue(this.watermarkMs)!;
      if (this.#dueOf(row) > dueMs) this.#setTimer(row);
      else {
        const result = this.#giveDue(row);
        if (result !== undefined) return result;
      }
    }
    return 'working';
  }

  /** The session of an element that is in none as they are: one that it makes longer, two that it joins, or its own. */
  #rowBetween(key: WindowResult['key'], slot: number | undefined, before: number, timeMs: number): number {
    const { gapMs, maxMs } = this.#spec;
    const chains = this.#chains;
    const after = this.#after(slot, before);
    const startOf = (row: number): number => chains.at(row);
    const lastOf = (row: number): number => chains.get(row, lastField);
    const joinsBefore = before !== none && timeMs - lastOf(before) < gapMs && timeMs - startOf(before) < maxMs;
    const startMs = joinsBefore ? startOf(before) : timeMs;
    const joinsAfter = after !== none && startOf(after) - timeMs < gapMs && lastOf(after) - startMs < maxMs;
    const lastMs = joinsAfter ? lastOf(after) : timeMs;
    if (this.#end(startMs, lastMs) + this.latenessMs <= this.watermarkMs) return none;
    if (joinsBefore) {
      if (joinsAfter) this.#join(before, after);
      else chains.set(before, lastField, timeMs);
      return before;
    }
    if (joinsAfter) {
      chains.moveTo(after, timeMs);
      return after;
    }
    const row = chains.insert(slot ?? chains.keys.slotOf(key), timeMs, before);
    chains.set(row, lastField, timeMs);
    chains.set(row, orderField, this.#arrivals);
    return row;
  }

  /** The session that follows `before`, or the first of the key. */
  #after(slot: number | undefined, before: number): number {
    if (before !== none) return this.#chains.newer(before);
    return slot === undefined ? none : this.#chains.oldest(slot);
  }

  #join(into: number, from: number): void {
    const chains = this.#chains;
    chains.rows.merge(into, from);
    chains.set(into, lastField, chains.get(from, lastField));
    chains.set(into, changesField, chains.get(into, changesField) + chains.get(from, changesField));
    chains.set(into, indexField, Math.max(chains.get(into, indexField), chains.get(from, indexField)));
    chains.set(into, orderField, Math.min(chains.get(into, orderField), chains.get(from, orderField)));
    const given = [...(this.#given.get(into) ?? []), ...(this.#given.get(from) ?? [])];
    if (given.length > 0) this.#given.set(into, given);
    this.#remove(from);
    // Its place among those of one time may be another now.
    this.#timers.clear(into);
  }

  #afterAdd(row: number): void {
    const chains = this.#chains;
    const ended = this.#endOf(row) <= this.watermarkMs;
    chains.set(row, endedField, ended ? 1 : 0);
    if (!this.#timers.isDueBy(row, this.#dueOf(row))) this.#setTimer(row);
    const trigger = this.#trigger;
    if (trigger.kind === 'append') return;
    const changes = chains.get(row, changesField) + 1;
    chains.set(row, changesField, changes);
    if (ended ? trigger.late : changes >= trigger.everyCount) this.#ready = { row, timing: ended ? 'late' : 'early' };
    else if (trigger.everyMs !== Infinity) this.#changed.add(row);
  }

  /** A session whose time has come: at its end, or when the allowed lateness has passed. */
  #giveDue(row: number): WindowResult | undefined {
    const chains = this.#chains;
    const closing = this.#endOf(row) + this.latenessMs <= this.watermarkMs;
    const ended = chains.get(row, endedField) === 1;
    const gives = this.#trigger.kind === 'append' || !ended || chains.get(row, changesField) > 0;
    const result = gives ? this.#resultOf(row, ended ? 'late' : 'on-time', closing) : undefined;
    if (closing) {
      this.#remove(row);
      chains.trim();
      this.#timers.trim(chains.rows.end);
    } else {
      chains.set(row, endedField, 1);
      this.#setTimer(row);
    }
    return result;
  }

  #giveEarly(): WindowResult | undefined {
    const row = this.#early.pop();
    return row === undefined ? undefined : this.#resultOf(row, 'early', false);
  }

  #resultOf(row: number, timing: Pane['timing'], final: boolean): WindowResult {
    const chains = this.#chains;
    const window: TimeWindow = { startMs: chains.at(row), endMs: this.#endOf(row) };
    this.resultTimeMs = window.endMs - 1;
    const [key, value] = [chains.keyOf(row), chains.rows.result(row)];
    if (this.#trigger.kind === 'append') return { key, window, value };
    const index = chains.get(row, indexField);
    chains.set(row, indexField, index + 1);
    chains.set(row, changesField, 0);
    this.#changed.delete(row);
    const given = this.#given.get(row) ?? [];
    const isSame = ({ startMs, endMs }: TimeWindow): boolean => startMs === window.startMs && endMs === window.endMs;
    const replaces = given.filter((other) => !isSame(other));
    // It is told again later, so what is done with the result must not change it.
    this.#given.set(row, [Object.freeze({ ...window, value })]);
    const pane: Pane = { index, timing, final, ...(replaces.length === 0 ? {} : { replaces }) };
    return { key, window, value, previous: given.find(isSame)?.value, pane };
  }

  #remove(row: number): void {
    this.#timers.clear(row);
    this.#changed.delete(row);
    this.#given.delete(row);
    this.#chains.remove(row);
  }

  #setTimer(row: number): void {
    this.#timers.set(row, this.#dueOf(row), this.#chains.get(row, orderField));
  }

  #dueOf(row: number): number {
    const waitsForEnd = this.#trigger.kind === 'update' && this.#chains.get(row, endedField) === 0;
    return this.#endOf(row) + (waitsForEnd ? 0 : this.latenessMs);
  }

  #endOf(row: number): number {
    return this.#end(this.#chains.at(row), this.#chains.get(row, lastField));
  }

  #end(startMs: number, lastMs: number): number {
    return Math.min(lastMs + this.#spec.gapMs, startMs + this.#spec.maxMs);
  }
}
