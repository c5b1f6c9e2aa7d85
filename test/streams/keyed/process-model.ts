/** The state of one key, its timers and its times to live, as plainly as can be: arrays that are looked through. */
import type { SortedState, StateRange } from '../../../src/streams/index.ts';
import { type Event, type Lives, runElement, runTimer, type Seen } from './process-programs.test.ts';

interface Timed {
  readonly key: number;
  value: number;
  atMs: number;
}

/** Entries with the times at which they were set, in the order of setting where they have a time to live. */
class Entries {
  readonly ttlMs: number;
  readonly #now: () => number;
  all: Timed[] = [];
  /** Of what was set last, though it may be gone: what is set after it is not older. */
  #latestMs = -Infinity;

  constructor(ttlMs: number, now: () => number) {
    this.ttlMs = ttlMs;
    this.#now = now;
  }

  expire(nowMs: number): void {
    while (this.all.length > 0 && this.all[0]!.atMs + this.ttlMs <= nowMs) this.all.shift();
  }

  set(key: number, value: number): void {
    if (this.all.length === 0) this.#latestMs = -Infinity;
    const atMs = Math.max(this.#now(), this.#latestMs);
    this.#latestMs = atMs;
    const known = this.all.find((one) => one.key === key);
    if (this.ttlMs === Infinity && known !== undefined) known.value = value;
    else this.all = [...this.all.filter((one) => one !== known), { key, value, atMs }];
  }

  delete(key: number): boolean {
    const before = this.all.length;
    this.all = this.all.filter((one) => one.key !== key);
    return this.all.length < before;
  }

  map(inOrder: boolean): SortedState<number, number> {
    const entries = (): [number, number][] => {
      const all = this.all.map(({ key, value }): [number, number] => [key, value]);
      return inOrder ? all.sort(([left], [right]) => left - right) : all;
    };
    const range = ({
      from = -Infinity,
      to = Infinity,
      limit = Infinity,
    }: StateRange<number> = {}): [number, number][] =>
      entries().filter(
        ([key], _index, all) => key >= from && key < to && all.filter(([k]) => k >= from && k < key).length < limit,
      );
    const state: SortedState<number, number> = {
      get size() {
        return entries().length;
      },
      get: (key) => entries().find(([one]) => one === key)?.[1],
      has: (key) => entries().some(([one]) => one === key),
      set: (key, value) => this.set(key, value),
      delete: (key) => this.delete(key),
      entries,
      clear: () => {
        this.all = [];
      },
      first: () => entries()[0],
      last: () => entries().at(-1),
      range,
      deleteRange: (cut) => range(cut).filter(([key]) => this.delete(key)).length,
    };
    return state;
  }
}

interface Timer {
  readonly name: string;
  readonly timeMs: number;
  readonly order: number;
}

/** What one key gives. */
export function modelOfKey(
  key: string | number,
  batches: readonly (readonly Event[])[],
  outOfOrderMs: number,
  lives: Lives,
): string[] {
  const given: string[] = [];
  let watermarkMs = -Infinity;
  let latestMs = -Infinity;
  let nowMs = -Infinity;
  let touchMs = -Infinity;
  let total: { value: number; atMs: number } | undefined;
  let recent: { n: number; atMs: number }[] = [];
  const now = (): number => touchMs;
  const seen = new Entries(lives.seen, now);
  const sorted = new Entries(lives.sorted, now);
  let timers: Timer[] = [];
  let order = 0;

  const begin = (atMs: number): Seen => {
    touchMs = atMs;
    if (total !== undefined && total.atMs + lives.total <= nowMs) total = undefined;
    while (recent.length > 0 && recent[0]!.atMs + lives.recent <= nowMs) recent.shift();
    seen.expire(nowMs);
    sorted.expire(nowMs);
    return {
      timeMs: atMs,
      state: {
        total: {
          get: () => total?.value ?? 0,
          set: (value) => {
            total = { value, atMs: Math.max(total?.atMs ?? -Infinity, touchMs) };
          },
          clear: () => {
            total = undefined;
          },
        },
        recent: {
          get length() {
            return recent.length;
          },
          items: () => recent.map(({ n }) => n),
          push: (n) => {
            if (recent.length === 3) recent.shift();
            recent.push({ n, atMs: Math.max(touchMs, recent.at(-1)?.atMs ?? -Infinity) });
          },
          clear: () => {
            recent = [];
          },
        },
        seen: seen.map(false),
        sorted: sorted.map(true),
      },
      timers: {
        at: (timeMs, name = '') => {
          order += 1;
          timers = [...timers.filter((timer) => timer.name !== name), { name, timeMs, order }];
        },
        clear: (name = '') => {
          const before = timers.length;
          timers = timers.filter((timer) => timer.name !== name);
          return timers.length < before;
        },
      },
      emit: (text) => void given.push(text),
    };
  };
  const fire = (): void => {
    for (;;) {
      const due = timers
        .filter(({ timeMs }) => timeMs <= watermarkMs)
        .sort((one, other) => one.timeMs - other.timeMs || one.order - other.order)[0];
      if (due === undefined) break;
      timers = timers.filter((timer) => timer !== due);
      nowMs = Math.max(nowMs, due.timeMs);
      runTimer(due.timeMs, due.name, begin(nowMs));
    }
    if (watermarkMs !== Infinity) nowMs = Math.max(nowMs, watermarkMs);
  };

  for (const batch of batches) {
    for (const event of batch) {
      latestMs = Math.max(latestMs, event.at);
      if (event.key !== key) continue;
      const seenNow = begin(Math.max(event.at, nowMs));
      runElement(event, { ...seenNow, timeMs: event.at });
      fire();
    }
    watermarkMs = Math.max(watermarkMs, latestMs - outOfOrderMs);
    fire();
  }
  watermarkMs = Infinity;
  fire();
  return given;
}
