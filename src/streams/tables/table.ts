/** Tables of a run, as whoever asks them sees them. */
import * as z from 'zod';
import { refTo } from '../../actors/schema/ref-schema.ts';
import { UsageError } from '../../base/errors.ts';
import type { Key } from '../../base/hash-key.ts';
import { TableUnavailable } from '../errors.ts';
import { keyGroupOf, partitionOfGroup } from '../key-groups.ts';
import { streamLimits } from '../limits.ts';
import type { StageRef } from '../stage-protocol.ts';
import { compareKeys } from './sorted-keys.ts';
import type { TableAnswer, TableEntry, TableQuestion } from './table-questions.ts';

declare const keyAndValue: unique symbol;
/** What a flow says in its type of a table that it ends in. */
export interface TableOf<K, V> {
  readonly [keyAndValue]: readonly [K, V];
}
/** The names of a flow's tables. */
export type TableNames<O> = {
  [N in keyof O & string]: O[N] extends TableOf<infer _K, infer _V> ? N : never;
}[keyof O & string];
export type TableHandle<O, N extends keyof O> = O[N] extends TableOf<infer K, infer V> ? Table<K, V> : never;

/** Which keys, and how many. */
export interface RangeOptions<K> {
  /** The first key; from the beginning unless given. Numbers come before texts, texts by their UTF-16 code units. */
  readonly from?: K;
  /** The key to stop before; to the end unless given. */
  readonly to?: K;
  /** The most entries, from 1 to 10,000; 100 unless given. */
  readonly limit?: number;
  /** From the last key to the first. */
  readonly reverse?: boolean;
}

/** What a table holds as of a point of event time. */
export interface TableRange<K, V> {
  /** In the order of their keys. */
  readonly entries: readonly { readonly key: K; readonly value: V }[];
  /** What happened before it is in them, and nothing else: a watermark; Infinity at the end, or without event time. */
  readonly asOfMs: number;
}

/** The latest value of each key of a flow, asked for while it runs, from wherever it is kept. */
export interface Table<K, V> {
  /**
   * The value of a key, as of the watermark of the partition that keeps it; undefined where it has none.
   *
   * @throws TableUnavailable where it cannot be asked now, or any more.
   */
  get(key: K): Promise<{ readonly value: V; readonly asOfMs: number } | undefined>;
  /**
   * Keys in their order with their values, those of all partitions as of the same watermark.
   *
   * @throws UsageError for a limit out of range.
   * @throws TableUnavailable where it cannot be asked now, or any more.
   */
  range(options?: RangeOptions<K>): Promise<TableRange<K, V>>;
  /** Where it is kept, to be sent to an actor, which reads it by {@link tableAt}. It does not outlive a restart. */
  address(): TableAddress;
}

/** Where a table is kept. A message carries it where its schema has {@link tableAddress}. */
export interface TableAddress {
  /** The name of the flow. */
  readonly flow: string;
  /** The name of the table. */
  readonly table: string;
  /** Its partitions. */
  readonly partitions: readonly StageRef[];
}

/** The schema of a {@link TableAddress}. */
export function tableAddress(): z.ZodType<TableAddress, TableAddress> {
  const partitions = z.array(refTo<StageRef>('troupe.stage')).min(1).max(streamLimits.keyGroups);
  return z.object({ flow: z.string(), table: z.string(), partitions });
}

/** A table of a run that was started elsewhere: asks its partitions directly. */
export function tableAt<K extends Key, V>(address: TableAddress): Table<K, V> {
  const { flow, table, partitions } = address;
  return new PartitionedTable(flow, table, () => partitions) as unknown as Table<K, V>;
}

/** @param partitions who is to be asked now. It throws TableUnavailable where nobody is. */
export class PartitionedTable implements Table<Key, unknown> {
  readonly #flow: string;
  readonly #name: string;
  readonly #partitions: () => readonly StageRef[];

  constructor(flow: string, name: string, partitions: () => readonly StageRef[]) {
    this.#flow = flow;
    this.#name = name;
    this.#partitions = partitions;
  }

  address(): TableAddress {
    return { flow: this.#flow, table: this.#name, partitions: this.#partitions() };
  }

  async get(key: Key): Promise<{ readonly value: unknown; readonly asOfMs: number } | undefined> {
    this.#checkKey('get(key)', key);
    const partitions = this.#partitions();
    const owner = partitions[partitionOfGroup(keyGroupOf(key), partitions.length)]!;
    const { value, asOfMs } = await this.#ask(owner, { kind: 'get', key }, 'value');
    return value === undefined ? undefined : { value, asOfMs };
  }

  async range(options: RangeOptions<Key> = {}): Promise<TableRange<Key, unknown>> {
    const { from, to, limit = streamLimits.tableRange } = options;
    if (from !== undefined) this.#checkKey('range({ from })', from);
    if (to !== undefined) this.#checkKey('range({ to })', to);
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > streamLimits.tableRangeMax) {
      const rule = `1 to ${streamLimits.tableRangeMax}; ask for the rest from the last key on`;
      throw new UsageError(`table '${this.#name}' of flow '${this.#flow}': limit: ${String(limit)}; it is ${rule}`);
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#rangeOnce({ ...options, limit });
      } catch (thrown) {
        const gone = thrown instanceof TableUnavailable && thrown.reason === 'gone';
        if (!gone || attempt === streamLimits.tableAttempts) throw thrown;
      }
    }
  }

  async #rangeOnce(options: RangeOptions<Key> & { readonly limit: number }): Promise<TableRange<Key, unknown>> {
    const partitions = this.#partitions();
    const pinned = await Promise.allSettled(partitions.map((ref) => this.#ask(ref, { kind: 'pin' }, 'pinned')));
    try {
      const pins = pinned.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      });
      const asOfMs = Math.max(...pins.map((one) => one.asOfMs));
      const asked = partitions.map((ref, at) => ({ ref, pin: pins[at]!.pin }));
      return { entries: await this.#pages(asked, asOfMs, options), asOfMs };
    } finally {
      for (const [at, one] of pinned.entries()) {
        if (one.status !== 'fulfilled') continue;
        // What is not said now is known by its time.
        void partitions[at]!.query.outcome({ question: { kind: 'unpin', pin: one.value.pin } });
      }
    }
  }

  /** A message carries so much, so a range may take several. */
  async #pages(
    asked: readonly { readonly ref: StageRef; readonly pin: number }[],
    asOfMs: number,
    { from, to, limit, reverse = false }: RangeOptions<Key> & { readonly limit: number },
  ): Promise<TableEntry[]> {
    const found: TableEntry[] = [];
    for (let after: Key | undefined; ; after = found.at(-1)!.key) {
      const left = Math.min(limit - found.length, streamLimits.frameElementsMax);
      const answers = await Promise.all(
        asked.map(({ ref, pin }) =>
          this.#ask(ref, { kind: 'range', pin, asOfMs, from, to, after, reverse, limit: left }, 'entries'),
        ),
      );
      const page = joined(answers, reverse);
      found.push(...page.slice(0, limit - found.length));
      if (found.length === limit || !answers.some(({ more }) => more)) return found;
    }
  }

  async #ask<K extends TableAnswer['kind']>(
    ref: StageRef,
    question: TableQuestion,
    kind: K,
  ): Promise<Extract<TableAnswer, { kind: K }>> {
    const outcome = await ref.query.outcome({ question }, { timeoutMs: streamLimits.tableMs });
    if (!outcome.ok) {
      const { error } = outcome;
      // Behind: a partition that does not get there in time.
      const behind = error.code === 'OutcomeUnknown' && (error as { reason?: string }).reason === 'deadline';
      throw new TableUnavailable(this.#flow, this.#name, behind ? 'behind' : 'lost', error);
    }
    const answer = outcome.value as TableAnswer | undefined;
    if (answer?.kind === kind) return answer as Extract<TableAnswer, { kind: K }>;
    // It is not connected yet, or not any more.
    throw new TableUnavailable(this.#flow, this.#name, answer?.kind === 'refused' ? answer.why : 'restarting');
  }

  #checkKey(where: string, key: unknown): void {
    if (typeof key === 'string' || typeof key === 'number') return;
    const rule = 'a key is a string or a number';
    throw new UsageError(`table '${this.#name}' of flow '${this.#flow}': ${where} was given ${String(key)}; ${rule}`);
  }
}

/** The entries of all partitions in their order, up to where one of them may have others. */
function joined(answers: readonly Extract<TableAnswer, { kind: 'entries' }>[], reverse: boolean): TableEntry[] {
  const order = (left: Key, right: Key): number => (reverse ? compareKeys(right, left) : compareKeys(left, right));
  let until: Key | undefined;
  for (const { entries, more } of answers) {
    const last = entries.at(-1)?.key;
    if (more && last !== undefined && (until === undefined || order(last, until) < 0)) until = last;
  }
  return answers
    .flatMap(({ entries }) => entries)
    .filter(({ key }) => until === undefined || order(key, until) <= 0)
    .sort((left, right) => order(left.key, right.key));
}
