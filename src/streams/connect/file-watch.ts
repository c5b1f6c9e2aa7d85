/**
 * Says when to look again at a file or a folder: when the system reports a change of it, and every `pollMs` by the
 * environment's clock, since network file systems and crowded machines report none.
 */
import { type FSWatcher, watch } from 'node:fs';
import { pause } from '../pause.ts';
import type { SourceContext } from '../source.ts';

export class FileWatch {
  readonly #pollMs: number;
  readonly #context: SourceContext;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  /** @param folder Watched for changes of what lies in it. @param name Where only one file of it counts. */
  constructor(folder: string, name: string | undefined, pollMs: number, context: SourceContext) {
    this.#pollMs = pollMs;
    this.#context = context;
    try {
      this.#watcher = watch(folder, { persistent: false }, (_event, changed) => {
        if (name === undefined || changed === null || changed === name) this.#tell();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // There is no watching here, or no watch left: the clock alone says when.
    }
  }

  /** Resolves when there may be something new, or when nobody waits any more. */
  async next(): Promise<void> {
    if (!this.#changed) {
      const changed = new AbortController();
      this.#wake = () => changed.abort();
      await pause(this.#pollMs, {
        clock: this.#context.clock,
        signal: AbortSignal.any([changed.signal, this.#context.signal]),
      });
      this.#wake = undefined;
    }
    this.#changed = false;
  }

  close(): void {
    this.#watcher?.close();
  }

  #tell(): void {
    this.#changed = true;
    this.#wake?.();
  }
}
