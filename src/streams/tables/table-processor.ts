/**
 * Keeps one partition of a table, and answers what it is asked about it: an end of the flow that gives nothing on.
 *
 * A question about several partitions takes two rounds. In the first each says how far event time is with it, and keeps
 * what holds there. The second asks all for what holds at the furthest of these points; a partition that is not there
 * yet answers when it is. All have the same writers, so what one was told the others will be.
 */
import type { Key } from '../../base/hash-key.ts';
import { elementWeight } from '../element-weight.ts';
import type { Change } from '../keyed/change.ts';
import { streamLimits } from '../limits.ts';
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { compareKeys } from './sorted-keys.ts';
import type { TableAnswer, TableEntry, TableQuestion } from './table-questions.ts';
import { TableVersions } from './table-versions.ts';

export interface TableProcessorOptions {
  readonly name: string;
  /** Whether its elements are changes, which have their keys with them. */
  readonly changes: boolean;
  readonly entriesMax: number;
  readonly ttlMs: number | undefined;
}

export function tableProcessor(options: TableProcessorOptions): ProcessorSpec {
  const { name, changes, entriesMax, ttlMs } = options;
  return {
    kind: 'table',
    text: `${name}, ${changes ? 'changes, ' : ''}${entriesMax}, ${ttlMs ?? 'no'} ttl`,
    make: (context) => new TableProcessor(options, context),
  };
}

type RangeQuestion = Extract<TableQuestion, { kind: 'range' }>;

class TableProcessor implements Processor {
  readonly #keyOf: (item: unknown) => Key;
  readonly #changes: boolean;
  readonly #versions: TableVersions;
  /** Questions about a point that event time has not reached here. */
  #waiting: { readonly question: RangeQuestion; readonly answer: (given: TableAnswer) => void }[] = [];
  #stopped = false;
  readonly due = false;

  constructor({ changes, entriesMax, ttlMs }: TableProcessorOptions, { stage, timed, keyOf, clock }: ProcessorContext) {
    this.#keyOf = keyOf[0]!;
    this.#changes = changes;
    const monotonicMs = (): number => clock.monotonicMs();
    this.#versions = new TableVersions({ stage, timed, inOrder: changes, entriesMax, ttlMs, monotonicMs });
  }

  get held(): StateHeld {
    return this.#versions.held;
  }

  get groups(): readonly GroupHeld[] {
    return this.#versions.groups;
  }

  add(item: unknown, timeMs: number): boolean {
    const value = this.#changes ? (item as Change<Key, unknown>).value : item;
    this.#versions.put(this.#keyOf(item), value, timeMs);
    return true;
  }

  advance(watermarkMs: number): void {
    this.#versions.advance(watermarkMs);
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ question }) => question.asOfMs > watermarkMs);
    for (const { question, answer } of waiting) if (question.asOfMs <= watermarkMs) answer(this.#entries(question));
  }

  work(): boolean {
    return this.#versions.tidy();
  }

  stop(): void {
    this.#stopped = true;
    for (const { answer } of this.#waiting) answer({ kind: 'refused', why: 'ended' });
    this.#waiting = [];
  }

  query(given: unknown): TableAnswer | Promise<TableAnswer> {
    const question = given as TableQuestion;
    const versions = this.#versions;
    switch (question.kind) {
      case 'get': {
        const asOfMs = versions.watermarkMs;
        return { kind: 'value', value: versions.at(question.key, asOfMs), asOfMs };
      }
      case 'pin': {
        const pin = versions.pin();
        if (pin === undefined) return { kind: 'refused', why: 'busy' };
        return { kind: 'pinned', pin, asOfMs: versions.watermarkMs };
      }
      case 'range': {
        if (question.asOfMs <= versions.watermarkMs) return this.#entries(question);
        if (this.#stopped) return { kind: 'refused', why: 'ended' };
        return new Promise((answer) => this.#waiting.push({ question, answer }));
      }
      case 'unpin': {
        versions.unpin(question.pin);
        return { kind: 'unpinned' };
      }
      default:
        return question satisfies never;
    }
  }

  /** As many as a message may carry, and one at least. */
  #entries({ pin, asOfMs, from, to, after, reverse, limit }: RangeQuestion): TableAnswer {
    if (!this.#versions.isPinned(pin)) return { kind: 'refused', why: 'gone' };
    const entries: TableEntry[] = [];
    let weight = 0;
    const [low, high] = reverse ? [from, after ?? to] : [after ?? from, to];
    for (const entry of this.#versions.range(low, high, reverse, asOfMs)) {
      if (!reverse && after !== undefined && compareKeys(entry.key, after) === 0) continue;
      if (entries.length >= limit) return { kind: 'entries', entries, more: true };
      weight += elementWeight(entry.value, streamLimits.frameWeightMax);
      if (weight > streamLimits.frameWeightMax && entries.length > 0) return { kind: 'entries', entries, more: true };
      entries.push(entry);
    }
    return { kind: 'entries', entries, more: false };
  }
}
