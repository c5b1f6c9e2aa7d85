/** Streams of what happens anyway, such as dead letters: every reader has a bounded buffer and misses the oldest. */
import type { Stream } from './protocol.ts';
import { streamOf } from './stream-reader.ts';

/** Those who read one kind of event now. */
export class HotReaders<T> {
  /** Events that readers did not get because they were behind, over all of them. */
  missed = 0;
  /** Called when the first reader comes, and when the last has gone. */
  onChange: (areSome: boolean) => void = () => undefined;
  readonly #readers = new Set<(value: T) => void>();
  readonly #bufferedMax: number;

  /** @param bufferedMax a reader that is so many behind misses the oldest */
  constructor(bufferedMax: number) {
    this.#bufferedMax = bufferedMax;
  }

  get areSome(): boolean {
    return this.#readers.size > 0;
  }

  tell(value: T): void {
    for (const read of this.#readers) read(value);
  }

  /** Calls `read` with everything from now on, as it happens. */
  each(read: (value: T) => void): void {
    this.#readers.add(read);
    if (this.#readers.size === 1) this.onChange(true);
  }

  /** Everything from now on, for as long as it is read. */
  stream(): Stream<T> {
    return streamOf<T>((reader) => {
      const read = (value: T): void => {
        if (reader.buffered >= this.#bufferedMax) {
          reader.dropOldest();
          this.missed += 1;
        }
        reader.push(value);
      };
      this.each(read);
      return {
        consumed(): void {
          // Nothing is granted here: what happens, happens.
        },
        cancel: (): void => {
          if (this.#readers.delete(read) && this.#readers.size === 0) this.onChange(false);
        },
      };
    });
  }
}
