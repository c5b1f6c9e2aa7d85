/** Whether the events that a flow gave to an output for late ones were late, and all that were. */
import type { NexmarkEvent } from './events.ts';
import type { LateRule } from './query.ts';

export type Fields = Readonly<Record<string, unknown>>;

export class LateCheck {
  readonly #output: string;
  readonly #when: LateRule['when'];
  readonly #columns: readonly string[];
  /** How often the flow gave each, by what it gave of it. */
  readonly #given = new Map<string, number>();
  #missed = 0;

  constructor(output: string, given: readonly Fields[], when: LateRule['when']) {
    this.#output = output;
    this.#when = when;
    this.#columns = Object.keys(given[0] ?? {});
    for (const event of given) this.#count(this.#keyOf(event), 1);
  }

  /** Whether the event is late, as the rule says; or, where it does not say, as the flow says and may say. */
  isLate(event: NexmarkEvent, watermarkMs: number): boolean {
    if (this.#when === undefined && this.#given.size === 0) return false;
    const { dateTime } = event;
    const may = this.#when === undefined ? dateTime < watermarkMs : this.#when(dateTime, watermarkMs);
    if (!may) return false;
    const key = this.#keyOf(event as unknown as Fields);
    const given = this.#given.has(key);
    if (given) this.#count(key, -1);
    else if (this.#when !== undefined) this.#missed += 1;
    return given || this.#when !== undefined;
  }

  /** To be asked when all events were seen. */
  differences(): string[] {
    const wrong = [...this.#given.values()].reduce((sum, count) => sum + count, 0);
    return [
      ...(wrong > 0 ? [`${wrong} events in "${this.#output}" were not late`] : []),
      ...(this.#missed > 0 ? [`${this.#missed} late events are not in "${this.#output}"`] : []),
    ];
  }

  #keyOf(event: Fields): string {
    return JSON.stringify(this.#columns.map((column) => event[column]));
  }

  #count(key: string, by: number): void {
    const count = (this.#given.get(key) ?? 0) + by;
    if (count === 0) this.#given.delete(key);
    else this.#given.set(key, count);
  }
}
