/** A join alone, without a flow: elements and watermarks go in, and what comes out is checked as it comes. */
import { joinProcessor } from '../../../src/streams/joins/join-processor.ts';
import type { JoinHow, JoinSpec } from '../../../src/streams/joins/join-spec.ts';
import { type Processor, resultsAtATime } from '../../../src/streams/processor.ts';

export interface Row {
  readonly port: 0 | 1;
  readonly key: number | string;
  readonly timeMs: number;
  /** The place in the input. */
  readonly at: number;
  /** What a function of the join may make of it. */
  readonly spanMs: number;
}
export type Step = Row | { readonly watermarkMs: number };

export interface Given {
  readonly value: unknown;
  readonly timeMs: number;
}

export class Rig {
  readonly processor: Processor;
  readonly given: Given[] = [];
  readonly late: Row[] = [];
  /** The most results of one call. */
  most = 0;
  #passedMs = -Infinity;
  #inCall = 0;

  constructor(spec: JoinSpec<never>, how: JoinHow) {
    this.processor = joinProcessor(spec as JoinSpec<unknown>, how).make({
      stage: 'join',
      timed: true,
      keyOf: [(item) => (item as Row).key, (item) => (item as Row).key],
      clock: undefined as never,
      emit: (value, timeMs) => {
        // Only a pair of two late elements may be late, where these are taken.
        if (timeMs < this.#passedMs && !(spec.kind === 'always' && Array.isArray(value))) {
          throw new Error(`a result of ${timeMs} came behind the watermark ${this.#passedMs}`);
        }
        this.given.push({ value, timeMs });
        this.#inCall += 1;
      },
      side: () => undefined,
      wake: () => undefined,
      hold: () => undefined,
    });
  }

  run(steps: readonly Step[]): this {
    for (const step of steps) {
      if ('watermarkMs' in step) this.advance(step.watermarkMs);
      else this.add(step);
    }
    return this;
  }

  add(row: Row): void {
    const inTime = this.#call(() => this.processor.add(row, row.timeMs, row.port));
    if (!inTime) this.late.push(row);
    while (this.processor.due) this.#call(() => this.processor.work());
  }

  advance(watermarkMs: number): void {
    if (!(watermarkMs > this.#passedMs)) return;
    this.processor.advance(watermarkMs);
    while (this.#call(() => this.processor.work()));
    this.#passedMs = watermarkMs;
  }

  /** What came out, as text, in no order. */
  get texts(): string[] {
    return this.given.map(({ value, timeMs }) => `${textOf(value)} @${timeMs}`).sort();
  }

  #call<R>(what: () => R): R {
    this.#inCall = 0;
    const result = what();
    this.most = Math.max(this.most, this.#inCall);
    if (this.#inCall > resultsAtATime + 1) throw new Error(`${this.#inCall} results came at once`);
    return result;
  }
}

/** Rows by their places, windows by their beginnings. */
export function textOf(value: unknown): string {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.map(textOf).join(' ');
  const one = value as Partial<Row> & { startMs?: number };
  return one.startMs === undefined ? String(one.at) : `w${one.startMs}`;
}
