/**
 * The watermark of several inputs together: the lowest of those that are not idle.
 *
 * The instances of one segment are a group: they are told the same watermarks by the same writers, so one that is
 * still said to be idle is only behind the others, and is waited for. A group is idle when all of it is. Where every
 * group is idle event time is as far as on the one that is furthest, and the whole is idle to those behind.
 */
import { idle } from './event-time.ts';

interface Input {
  watermarkMs: number;
  idle: boolean;
}

export class WatermarkMerge {
  readonly #inputs: readonly Input[];
  readonly #groups: readonly (readonly Input[])[];
  #mergedMs = -Infinity;
  #idle = false;

  /** @param groups the group of each input. */
  constructor(groups: readonly number[]) {
    this.#inputs = groups.map(() => ({ watermarkMs: -Infinity, idle: false }));
    this.#groups = [...new Set(groups)].map((group) => this.#inputs.filter((_, index) => groups[index] === group));
  }

  /** How far all of them are; -Infinity before all have said something. */
  get mergedMs(): number {
    return this.#mergedMs;
  }

  /**
   * Input `index` says `mark`: how far it is, that it is {@link idle}, or Infinity at its end. Answers what is to be
   * said to those behind, in this order: a watermark, that all is idle, both, or nothing.
   */
  advance(index: number, mark: number): readonly number[] {
    const input = this.#inputs[index]!;
    input.idle = mark === idle;
    if (mark > input.watermarkMs) input.watermarkMs = mark;
    const wasIdle = this.#idle;
    const { mergedMs, allIdle } = this.#merge();
    this.#idle = allIdle;
    const marks: number[] = [];
    if (mergedMs > this.#mergedMs) marks.push(mergedMs);
    // Saying a watermark again is how an input says that it is not idle any more.
    else if (wasIdle && !allIdle && this.#mergedMs !== -Infinity) marks.push(this.#mergedMs);
    this.#mergedMs = Math.max(this.#mergedMs, mergedMs);
    if (allIdle && (marks.length > 0 || !wasIdle)) marks.push(idle);
    return marks;
  }

  #merge(): { readonly mergedMs: number; readonly allIdle: boolean } {
    let lowestMs = Infinity;
    let furthestMs = -Infinity;
    let active = 0;
    let silent = 0;
    for (const group of this.#groups) {
      const going = group.filter(({ watermarkMs }) => watermarkMs !== Infinity);
      if (going.length === 0) continue;
      let groupMs = Infinity;
      for (const { watermarkMs } of going) groupMs = Math.min(groupMs, watermarkMs);
      if (going.every((input) => input.idle)) {
        silent += 1;
        furthestMs = Math.max(furthestMs, groupMs);
      } else {
        active += 1;
        lowestMs = Math.min(lowestMs, groupMs);
      }
    }
    if (active > 0) return { mergedMs: lowestMs, allIdle: false };
    return silent > 0 ? { mergedMs: furthestMs, allIdle: true } : { mergedMs: Infinity, allIdle: false };
  }
}
