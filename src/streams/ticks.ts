/** A source that ticks, by the clock of the environment. */
import { UsageError } from '../base/errors.ts';
import { SourceFailed } from './errors.ts';
import { pause } from './pause.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from './source.ts';

/** One tick. */
export interface Tick {
  /** Its number, from 0 on; the numbers of ticks that were missed are left out. */
  readonly tick: number;
  /** When it came, in ms since the epoch. */
  readonly timeMs: number;
}

/**
 * Ticks every `everyMs`, the first time at once, for ever or `count` times.
 *
 * It is paced and not hot: a tick that falls due while the flow has no room is not made, so nothing ever waits. Such are
 * counted as dropped, and their numbers are missing. Position: the number of the next tick.
 *
 * @throws UsageError for an interval below 1 ms, or a count that is no whole number from 0 on.
 */
export function ticks(options: { everyMs: number; count?: number }): Source<Tick> {
  const { everyMs, count } = options;
  if (!(everyMs >= 1) || !Number.isFinite(everyMs))
    throw new UsageError(`ticks takes everyMs from 1 on; it was given ${String(everyMs)}`);
  if (count !== undefined && (!Number.isSafeInteger(count) || count < 0))
    throw new UsageError(`ticks takes a count in whole ticks from 0 on; it was given ${String(count)}`);
  return new Ticks(everyMs, count ?? Number.POSITIVE_INFINITY);
}

class Ticks implements Source<Tick> {
  readonly name: string = 'ticks';
  readonly #everyMs: number;
  readonly #count: number;
  #dropped = 0;

  constructor(everyMs: number, count: number) {
    this.#everyMs = everyMs;
    this.#count = count;
  }

  dropped(): number {
    return this.#dropped;
  }

  async *open({ clock, signal, from }: SourceContext): AsyncGenerator<SourceBatch<Tick>> {
    const first = from?.get(onlySplit) ?? 0;
    if (typeof first !== 'number' || !Number.isSafeInteger(first) || first < 0)
      throw new SourceFailed('position', `ticks cannot go on at ${JSON.stringify(first)}; start without a position`);
    const startMs = clock.monotonicMs() - first * this.#everyMs;
    for (let tick = first; tick < this.#count && !signal.aborted; tick += 1) {
      const lateMs = clock.monotonicMs() - (startMs + tick * this.#everyMs);
      if (lateMs < 0) await pause(-lateMs, { clock, signal });
      if (signal.aborted) return;
      const missed = Math.min(Math.floor(Math.max(0, lateMs) / this.#everyMs), this.#count - 1 - tick);
      this.#dropped += missed;
      tick += missed;
      yield { items: [{ tick, timeMs: clock.now() }], position: tick + 1, caughtUp: true };
    }
  }
}
