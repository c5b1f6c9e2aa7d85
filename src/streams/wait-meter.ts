/** How often something stood still, and for how long in all. */
export class WaitMeter {
  #sinceMs: number | undefined;
  #totalMs = 0;
  count = 0;

  begin(nowMs: number): void {
    if (this.#sinceMs !== undefined) return;
    this.count += 1;
    this.#sinceMs = nowMs;
  }

  end(nowMs: number): void {
    this.#totalMs = this.totalMs(nowMs);
    this.#sinceMs = undefined;
  }

  /** The sum of all waits, the one that is going on included. */
  totalMs(nowMs: number): number {
    return this.#totalMs + (this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs);
  }
}
