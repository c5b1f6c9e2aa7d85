/**
 * Turns what comes one by one, at its own pace, into batches: all that has come since the last batch is the next one.
 *
 * A reader waits with one promise per batch, however many elements that holds.
 */
export class ReadAhead<T> {
  #items: T[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  get size(): number {
    return this.#items.length;
  }

  /** What comes after the end or a failure is not taken. */
  push(item: T): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#items.push(item);
    this.#notify();
  }

  dropOldest(): void {
    this.#items.shift();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Given to the reader behind the items that are waiting. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  /** What has come since the last call, at least one item; undefined at the end. */
  async take(): Promise<T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const batch = this.#items;
    this.#items = [];
    return batch;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
