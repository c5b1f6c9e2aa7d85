/**
 * The values of keys, as of a point of event time.
 *
 * What holds as of `w` is made of what happened before `w`, and `w` is never above the watermark, so it is final: an
 * answer as of `w` is the same whenever it is asked for. A key has a chain of versions, the latest first: those that
 * event time has not reached yet, the one that holds, and behind it what a reader still needs, who pinned an earlier
 * point (multiversion concurrency control). Without event time there is one version a key.
 */
import type { Key } from '../../base/hash-key.ts';
import { Ring } from '../../base/ring.ts';
import { TableOverflow } from '../errors.ts';
import { keyGroupOf } from '../key-groups.ts';
import { streamLimits } from '../limits.ts';
import type { GroupHeld, StateHeld } from '../processor.ts';
import { SortedKeys } from './sorted-keys.ts';

interface Version {
  /** Undefined where the key was removed. */
  readonly value: unknown;
  /** It holds as of whatever is above this. */
  readonly fromMs: number;
  /** When it happened. */
  readonly timeMs: number;
  older: Version | undefined;
}

interface Entry {
  readonly key: Key;
  newest: Version;
  /** Whether it is among those that have something to be let go of. */
  queued: boolean;
}

interface Pin {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Versions that there were when it was made. */
  readonly versions: number;
}

export interface TableVersionsOptions {
  readonly stage: string;
  readonly timed: boolean;
  /** Whether a value replaces the one that came before it, whatever their times. */
  readonly inOrder: boolean;
  readonly entriesMax: number;
  readonly ttlMs: number | undefined;
  readonly monotonicMs: () => number;
}

/** Looked at between two questions whether something else is to be done. */
const piece = 256;

export class TableVersions {
  readonly #options: TableVersionsOptions;
  /** In the order in which they were written last, where they live for a time only. */
  readonly #entries = new Map<Key, Entry>();
  readonly #sorted = new SortedKeys();
  /** Entries with more than one version, or that were removed. */
  readonly #loose = new Ring<Entry>();
  readonly #pins = new Map<number, Pin>();
  readonly #keysOfGroup = new Uint32Array(streamLimits.keyGroups);
  #pinNext = 0;
  #versions = 0;
  /** Entries to be looked at before event time goes on. */
  #toTidy = 0;
  /** No reader asks for what held below this. */
  #horizonMs: number;
  /** The last watermark before the end. */
  #lastMs = -Infinity;
  watermarkMs: number;

  constructor(options: TableVersionsOptions) {
    this.#options = options;
    this.watermarkMs = options.timed ? -Infinity : Infinity;
    this.#horizonMs = this.watermarkMs;
  }

  get held(): StateHeld {
    const { size } = this.#entries;
    // An entry, its version, its place in the Map and in the order.
    return { keys: size, versions: this.#versions, stateBytes: size * 104 + this.#versions * 56 };
  }

  get groups(): readonly GroupHeld[] {
    const groups: GroupHeld[] = [];
    const bytesPerKey = this.held.stateBytes / this.#entries.size;
    for (const [group, keys] of this.#keysOfGroup.entries()) {
      if (keys > 0) groups.push({ group, keys, stateBytes: Math.round(keys * bytesPerKey) });
    }
    return groups;
  }

  /** @throws TableOverflow where it would hold more keys than it may. */
  put(key: Key, value: unknown, timeMs: number): void {
    const { timed, ttlMs, entriesMax, stage, monotonicMs } = this.#options;
    const entries = this.#entries;
    const entry = entries.get(key);
    const version = timed
      ? { value, fromMs: this.#fromOf(entry, timeMs), timeMs, older: undefined }
      : { value, fromMs: -Infinity, timeMs: ttlMs === undefined ? 0 : monotonicMs(), older: undefined };
    if (ttlMs !== undefined) this.#expire(2);
    if (entry === undefined) {
      // A removal has a time too, which what follows is not before.
      if (value === undefined && !timed) return;
      if (entries.size >= entriesMax) throw new TableOverflow(stage, entriesMax);
      const made = { key, newest: version, queued: false };
      entries.set(key, made);
      this.#keysOfGroup[keyGroupOf(key)]! += 1;
      this.#sorted.add(key);
      this.#versions += 1;
      if (value === undefined) this.#loosen(made);
      return;
    }
    if (!this.#insert(entry, version)) return;
    if (ttlMs !== undefined) {
      entries.delete(key);
      entries.set(key, entry);
    }
    if (entry.newest.older !== undefined || entry.newest.value === undefined) this.#loosen(entry);
    this.#unpinWhereTooMany();
  }

  /** What a key had as of then; undefined where it had nothing. */
  at(key: Key, asOfMs: number): unknown {
    return this.#valueOf(this.#entries.get(key), asOfMs);
  }

  /** Keys and values as of then, from `from` on, until below `to`, or from the last to the first. */
  *range(
    from: Key | undefined,
    to: Key | undefined,
    reverse: boolean,
    asOfMs: number,
  ): Generator<{ readonly key: Key; readonly value: unknown }> {
    for (const key of reverse ? this.#sorted.downward(from, to) : this.#sorted.upward(from, to)) {
      const value = this.#valueOf(this.#entries.get(key), asOfMs);
      if (value !== undefined) yield { key, value };
    }
  }

  /** Event time has got there; Infinity at the end. */
  advance(watermarkMs: number): void {
    if (!this.#options.timed) return;
    this.watermarkMs = watermarkMs;
    if (watermarkMs !== Infinity) this.#lastMs = watermarkMs;
    this.#setHorizon();
    this.#toTidy = watermarkMs === Infinity ? this.#loose.size : Math.min(this.#loose.size, 4 * piece);
  }

  /** Lets go of some of what nobody can ask for any more. False where nothing is left to be done for now. */
  tidy(): boolean {
    if (this.#options.ttlMs !== undefined) this.#expire(piece);
    const count = Math.min(piece, this.#toTidy, this.#loose.size);
    this.#toTidy -= count;
    for (let index = 0; index < count; index += 1) this.#tidyOne(this.#loose.shift()!);
    return count > 0;
  }

  /** Keeps what holds from now on for a reader. Undefined where too many are reading. */
  pin(): number | undefined {
    this.#setHorizon();
    if (this.#pins.size >= streamLimits.tableReadersMax) return undefined;
    this.#pinNext += 1;
    const untilMs = this.#options.monotonicMs() + streamLimits.tablePinMs;
    this.#pins.set(this.#pinNext, { fromMs: this.watermarkMs, untilMs, versions: this.#versions });
    this.#setHorizon();
    return this.#pinNext;
  }

  isPinned(pin: number): boolean {
    return this.#pins.has(pin);
  }

  unpin(pin: number): void {
    if (this.#pins.delete(pin)) this.#setHorizon();
  }

  /** What came too late for an earlier answer holds from the next on. */
  #fromOf(entry: Entry | undefined, timeMs: number): number {
    const fromMs = Math.max(timeMs, this.watermarkMs);
    return this.#options.inOrder && entry !== undefined ? Math.max(fromMs, entry.newest.fromMs) : fromMs;
  }

  /** False where a later one holds already. */
  #insert(entry: Entry, version: Version): boolean {
    const { timed, inOrder } = this.#options;
    let above: Version | undefined;
    let below: Version | undefined = entry.newest;
    while (below !== undefined && below.fromMs > version.fromMs) {
      above = below;
      below = below.older;
    }
    if (timed && !inOrder && below !== undefined && below.timeMs > version.timeMs) return false;
    // One that holds from the same point on is seen by nobody any more.
    const older = below?.fromMs === version.fromMs ? below.older : below;
    if (older === below) this.#versions += 1;
    version.older = older;
    if (above === undefined) entry.newest = version;
    else above.older = version;
    return true;
  }

  #valueOf(entry: Entry | undefined, asOfMs: number): unknown {
    let version: Version | undefined = entry?.newest;
    while (version !== undefined && version.fromMs >= asOfMs) version = version.older;
    return version === undefined || this.#isOver(version, asOfMs) ? undefined : version.value;
  }

  /** Whether it was not written for so long that it is gone. */
  #isOver(version: Version, asOfMs: number): boolean {
    const { ttlMs, timed, monotonicMs } = this.#options;
    if (ttlMs === undefined) return false;
    if (!timed) return monotonicMs() - version.timeMs >= ttlMs;
    // At the end of the input event time stands where it was.
    return (asOfMs === Infinity ? this.#lastMs : asOfMs) - version.fromMs >= ttlMs;
  }

  #expire(count: number): void {
    let left = count;
    for (const entry of this.#entries.values()) {
      if (left === 0 || !this.#isOver(entry.newest, this.#horizonMs)) return;
      this.#remove(entry);
      left -= 1;
    }
  }

  #remove(entry: Entry): void {
    for (let version: Version | undefined = entry.newest; version !== undefined; version = version.older) {
      this.#versions -= 1;
    }
    this.#entries.delete(entry.key);
    this.#keysOfGroup[keyGroupOf(entry.key)]! -= 1;
    this.#sorted.delete(entry.key);
  }

  #loosen(entry: Entry): void {
    if (entry.queued) return;
    entry.queued = true;
    this.#loose.push(entry);
    // Without event time there is nothing to wait for.
    if (!this.#options.timed) this.#tidyOne(this.#loose.shift()!);
  }

  #tidyOne(entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    const { newest } = entry;
    let holds: Version | undefined = newest;
    while (holds !== undefined && holds.fromMs >= this.#horizonMs) holds = holds.older;
    if (holds !== undefined) {
      for (let gone = holds.older; gone !== undefined; gone = gone.older) this.#versions -= 1;
      holds.older = undefined;
    }
    if (holds === newest && newest.value === undefined) this.#remove(entry);
    else if (newest.older !== undefined || newest.value === undefined) this.#loose.push(entry);
    else entry.queued = false;
  }

  #setHorizon(): void {
    let horizonMs = this.watermarkMs;
    if (this.#pins.size > 0) {
      const nowMs = this.#options.monotonicMs();
      for (const [id, pin] of this.#pins) {
        if (nowMs >= pin.untilMs) this.#pins.delete(id);
        else horizonMs = Math.min(horizonMs, pin.fromMs);
      }
    }
    this.#horizonMs = horizonMs;
  }

  /** A reader that is slow makes the table no larger than so much. */
  #unpinWhereTooMany(): void {
    if (this.#pins.size === 0) return;
    for (const [id, { versions }] of this.#pins) {
      if (this.#versions - versions <= streamLimits.tablePinnedMax) break;
      this.#pins.delete(id);
    }
    this.#setHorizon();
  }
}
