/**
 * What windows come to, computed the plain way: everything is kept, everything is looked through at every step, and
 * nothing of the code under test is used.
 */

export interface Element {
  readonly kind: 'element';
  readonly timeMs: number;
  readonly key: string | number;
  readonly value: number;
  /** The place in the input. */
  readonly at: number;
}
export interface Mark {
  readonly kind: 'watermark';
  readonly ms: number;
}
export type Event = Element | Mark;

export interface Given {
  readonly key: string | number;
  readonly startMs: number;
  readonly endMs: number;
  readonly items: readonly Element[];
  readonly pane?: { index: number; timing: string; final: boolean; replaces?: string[] };
}
export interface Expected {
  readonly given: Given[];
  readonly late: number[];
}

export interface Early {
  readonly everyMs: number;
  readonly everyCount: number;
  readonly late: boolean;
}

const byNumber = (...pairs: [number, number][]): number => {
  for (const [a, b] of pairs) if (a !== b) return a < b ? -1 : 1;
  return 0;
};

interface Held {
  readonly key: string | number;
  startMs: number;
  endMs: number;
  items: Element[];
  /** Arrival of the first element. */
  order: number;
  index: number;
  changes: number;
  ended: boolean;
  given: string[];
}

const held = (key: string | number, startMs: number, endMs: number, order: number, ended: boolean): Held => ({
  key,
  startMs,
  endMs,
  items: [],
  order,
  index: 0,
  changes: 0,
  ended,
  given: [],
});

/** Emits a result of `one` under an `update` trigger. */
function pane(one: Held, timing: string, final: boolean, sessions: boolean): Given {
  const span = `${one.startMs}-${one.endMs}`;
  const replaces = one.given.filter((before) => before !== span);
  one.given = sessions ? [span] : [];
  one.changes = 0;
  one.index += 1;
  const { key, startMs, endMs, items } = one;
  const said = { index: one.index - 1, timing, final, ...(replaces.length > 0 ? { replaces } : {}) };
  return { key, startMs, endMs, items: [...items], pane: said };
}

/** What a watermark makes due of all that is held; takes away what closes. */
function onWatermark(
  all: Held[],
  before: number,
  ms: number,
  latenessMs: number,
  early: Early | undefined,
  sessions: boolean,
): { given: Given[]; kept: Held[] } {
  const given: Given[] = [];
  const dueMs = (one: Held): number => (early === undefined || one.ended ? one.endMs + latenessMs : one.endMs);
  const due = all
    .filter((one) => dueMs(one) <= ms)
    .sort((a, b) =>
      sessions
        ? byNumber([dueMs(a), dueMs(b)], [a.order, b.order])
        : byNumber([dueMs(a), dueMs(b)], [a.endMs, b.endMs], [a.order, b.order]),
    );
  const gone = new Set<Held>();
  for (const one of due) {
    const closes = one.endMs + latenessMs <= ms;
    if (early === undefined) given.push({ key: one.key, startMs: one.startMs, endMs: one.endMs, items: one.items });
    else if (!one.ended) given.push(pane(one, 'on-time', closes, sessions));
    else if (one.changes > 0) given.push(pane(one, 'late', true, sessions));
    if (closes) gone.add(one);
    one.ended = true;
  }
  const kept = all.filter((one) => !gone.has(one));
  const ticks =
    early !== undefined &&
    early.everyMs !== Infinity &&
    ms !== Infinity &&
    Math.floor(ms / early.everyMs) !== Math.floor(before / early.everyMs);
  if (ticks) {
    const open = kept.filter((one) => one.endMs > ms && one.changes > 0);
    open.sort((a, b) => byNumber([a.endMs, b.endMs], [a.order, b.order]));
    for (const one of open) given.push(pane(one, 'early', false, sessions));
  }
  return { given, kept };
}

/** After an element went into `one`. */
function onElement(one: Held, watermark: number, early: Early | undefined, sessions: boolean): Given[] {
  one.changes += 1;
  if (early === undefined) return [];
  const late = one.endMs <= watermark;
  if (late ? early.late : one.changes >= early.everyCount) return [pane(one, late ? 'late' : 'early', false, sessions)];
  return [];
}

export function alignedOracle(
  events: readonly Event[],
  spec: { sizeMs: number; slideMs: number; offsetMs: number },
  latenessMs: number,
  early: Early | undefined,
): Expected {
  const { sizeMs, slideMs, offsetMs } = spec;
  let all: Held[] = [];
  const given: Given[] = [];
  const late: number[] = [];
  let watermark = -Infinity;
  const startsOf = (timeMs: number): number[] => {
    const starts: number[] = [];
    for (let n = -300; n <= 300; n += 1) {
      const start = n * slideMs + offsetMs;
      if (start <= timeMs && timeMs < start + sizeMs) starts.push(start);
    }
    return starts;
  };
  /** The last time up to `timeMs` at which a window begins or ends. */
  const sliceOf = (timeMs: number): number => {
    let cut = -Infinity;
    for (let n = -300; n <= 300; n += 1) {
      for (const at of [n * slideMs + offsetMs, n * slideMs + offsetMs + sizeMs]) {
        if (at <= timeMs && at > cut) cut = at;
      }
    }
    return cut;
  };
  for (const event of [...events, { kind: 'watermark', ms: Infinity } as const]) {
    if (event.kind === 'watermark') {
      if (event.ms <= watermark) continue;
      if (early === undefined) {
        // Parts of a window are in the order of their slices.
        const rank = (one: Held): Element =>
          [...one.items].sort((a, b) => byNumber([sliceOf(a.timeMs), sliceOf(b.timeMs)], [a.at, b.at]))[0]!;
        const ranked = all.map((one) => ({ one, first: rank(one) }));
        ranked.sort((a, b) => byNumber([sliceOf(a.first.timeMs), sliceOf(b.first.timeMs)], [a.first.at, b.first.at]));
        ranked.forEach(({ one }, index) => {
          one.order = index;
        });
      }
      const result = onWatermark(all, watermark, event.ms, latenessMs, early, false);
      watermark = event.ms;
      given.push(...result.given);
      all = result.kept;
      continue;
    }
    const open = startsOf(event.timeMs).filter((start) => start + sizeMs + latenessMs > watermark);
    if (open.length === 0) late.push(event.at);
    for (const start of open) {
      let one = all.find(({ key, startMs }) => key === event.key && startMs === start);
      if (one === undefined) {
        one = held(event.key, start, start + sizeMs, event.at, start + sizeMs <= watermark);
        all.push(one);
      }
      one.items.push(event);
      given.push(...onElement(one, watermark, early, false));
    }
  }
  return { given, late };
}

export function globalOracle(events: readonly Event[], early: Early): Expected {
  let all: Held[] = [];
  const given: Given[] = [];
  let watermark = -Infinity;
  for (const event of [...events, { kind: 'watermark', ms: Infinity } as const]) {
    if (event.kind === 'watermark') {
      if (event.ms <= watermark) continue;
      const result = onWatermark(all, watermark, event.ms, 0, early, false);
      watermark = event.ms;
      given.push(...result.given);
      all = result.kept;
      continue;
    }
    let one = all.find(({ key }) => key === event.key);
    if (one === undefined) {
      one = held(event.key, -Infinity, Infinity, event.at, false);
      all.push(one);
    }
    one.items.push(event);
    given.push(...onElement(one, watermark, early, false));
  }
  return { given, late: [] };
}

export function sessionOracle(
  events: readonly Event[],
  spec: { gapMs: number; maxMs: number },
  latenessMs: number,
  early: Early | undefined,
): Expected {
  const { gapMs, maxMs } = spec;
  let all: Held[] = [];
  const given: Given[] = [];
  const late: number[] = [];
  let watermark = -Infinity;
  const firstOf = (items: readonly Element[]): number => Math.min(...items.map(({ timeMs }) => timeMs));
  const lastOf = (items: readonly Element[]): number => Math.max(...items.map(({ timeMs }) => timeMs));
  const endOf = (items: readonly Element[]): number => Math.min(lastOf(items) + gapMs, firstOf(items) + maxMs);
  for (const event of [...events, { kind: 'watermark', ms: Infinity } as const]) {
    if (event.kind === 'watermark') {
      if (event.ms <= watermark) continue;
      const result = onWatermark(all, watermark, event.ms, latenessMs, early, true);
      watermark = event.ms;
      given.push(...result.given);
      all = result.kept;
      continue;
    }
    const { timeMs } = event;
    const own = all.filter(({ key }) => key === event.key).sort((a, b) => a.startMs - b.startMs);
    const inside = own.find(({ items }) => firstOf(items) <= timeMs && timeMs <= lastOf(items));
    const joined: Held[] = [];
    let items: Element[] = [event];
    if (inside !== undefined) {
      joined.push(inside);
      items = [...inside.items, event];
    } else {
      const before = own.filter((one) => lastOf(one.items) < timeMs).at(-1);
      const after = own.find((one) => firstOf(one.items) > timeMs);
      for (const one of [before, after]) {
        if (one === undefined) continue;
        const apart = one === before ? timeMs - lastOf(one.items) : firstOf(one.items) - timeMs;
        const together = [...items, ...one.items];
        if (apart >= gapMs || lastOf(together) - firstOf(together) >= maxMs) continue;
        joined.push(one);
        items = together;
      }
    }
    if (inside === undefined && endOf(items) + latenessMs <= watermark) {
      late.push(event.at);
      continue;
    }
    const one = held(event.key, firstOf(items), endOf(items), Math.min(...items.map(({ at }) => at)), false);
    one.items = [...items].sort((a, b) => a.at - b.at);
    one.index = Math.max(0, ...joined.map(({ index }) => index));
    one.changes = joined.reduce((sum, { changes }) => sum + changes, 0);
    one.given = joined.flatMap((part) => part.given);
    one.ended = one.endMs <= watermark;
    all = [...all.filter((other) => !joined.includes(other)), one];
    given.push(...onElement(one, watermark, early, true));
  }
  return { given, late };
}

export function countOracle(events: readonly Event[], spec: { size: number; slide: number }): Expected {
  const { size, slide } = spec;
  const byKey = new Map<string | number, Element[]>();
  const given: Given[] = [];
  const result = (items: readonly Element[]): Given => {
    const times = items.map(({ timeMs }) => timeMs);
    return { key: items[0]!.key, startMs: Math.min(...times), endMs: Math.max(...times) + 1, items };
  };
  for (const event of events) {
    if (event.kind === 'watermark') continue;
    const items = byKey.get(event.key) ?? [];
    byKey.set(event.key, items);
    items.push(event);
    const start = items.length - size;
    if (start >= 0 && start % slide === 0) given.push(result(items.slice(start)));
  }
  const rest: { order: number; start: number; given: Given }[] = [];
  for (const items of byKey.values()) {
    const starts: number[] = [];
    for (let start = 0; start < items.length; start += slide) if (start + size > items.length) starts.push(start);
    for (const start of starts) rest.push({ order: items[starts[0]!]!.at, start, given: result(items.slice(start)) });
  }
  rest.sort((a, b) => byNumber([a.order, b.order], [a.start, b.start]));
  return { given: [...given, ...rest.map((one) => one.given)], late: [] };
}
