/**
 * Stalls of all threads of a node, as its main thread tells people of them: a stream, a diagnostics channel, the log.
 *
 * The log has one line for each operation, at once, and then one in a while with the sum of what came since. A stall that
 * no actor is known or suspected for is nothing that moving an actor would mend, and is logged as `info`.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { HotReaders } from '../actors/hot-stream.ts';
import type { Stream } from '../actors/protocol.ts';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { type Stall, type StallSum, stallText } from './stall.ts';

/** What the log was told last of one operation, and what has come since. */
interface Kept {
  sum: StallSum | undefined;
  cancel: Cancel;
}

export class Stalls {
  readonly readers: HotReaders<Stall> = new HotReaders(limits.stallsBuffered);
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();
  readonly #channel: Channel = channel('troupe:stall');

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Every stall from now on, for as long as it is read. */
  stream(): Stream<Stall> {
    return this.readers.stream();
  }

  take(stall: Stall): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(stall);
    this.readers.tell(stall);
    const key = keyOf(stall);
    const kept = this.#kept.get(key);
    if (stall.kind === 'held') this.#write(sumOf(stall));
    else if (kept === undefined) {
      this.#write(sumOf(stall));
      this.#keep(key);
    } else kept.sum = sumOf(stall, kept.sum);
  }

  /** Logs what was kept back, and keeps nothing more. */
  close(): void {
    for (const { sum, cancel } of this.#kept.values()) {
      cancel();
      if (sum !== undefined) this.#write(sum);
    }
    this.#kept.clear();
  }

  #keep(key: string): void {
    if (this.#kept.size >= limits.stallKeysMax) return;
    const cancel = this.#clock.timer(limits.stallLogMs, () => {
      const sum = this.#kept.get(key)?.sum;
      this.#kept.delete(key);
      if (sum === undefined) return;
      this.#write(sum);
      this.#keep(key);
    });
    this.#kept.set(key, { sum: undefined, cancel });
  }

  #write(sum: StallSum): void {
    const { kind, place, path, operation, durationMs, messages, suspects } = sum.stall;
    const { count, longestMs, totalMs } = sum;
    const fields = { kind, place, path, operation, durationMs, messages, suspects, count, longestMs, totalMs };
    const isNobodys = kind === 'outside' && suspects.length === 0;
    this.#log[isNobodys ? 'info' : 'warn'](fields, stallText(sum));
  }
}

/** One line for each operation and not for each actor: a thousand actors of one kind are one finding. */
function keyOf({ kind, place, operation, path, suspects }: Stall): string {
  return [place, kind, operation ?? suspects[0]?.operation ?? (kind === 'starving' ? path : '')].join(' ');
}

function sumOf(stall: Stall, before?: StallSum): StallSum {
  const { durationMs } = stall;
  return {
    stall,
    count: (before?.count ?? 0) + 1,
    longestMs: Math.max(before?.longestMs ?? 0, durationMs),
    totalMs: (before?.totalMs ?? 0) + durationMs,
  };
}
