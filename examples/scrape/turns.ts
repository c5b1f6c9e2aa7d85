// npm run example:scrape
/** Turns that come at intervals of each host's own. */
import { setTimeout as sleep } from 'node:timers/promises';

export class Turns {
  readonly #nextMs = new Map<string, number>();

  /** Resolves when it is the caller's turn. */
  async wait(host: string, intervalMs: number, signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    const turnMs = Math.max(nowMs, this.#nextMs.get(host) ?? 0);
    this.#nextMs.set(host, turnMs + intervalMs);
    await sleep(turnMs - nowMs, undefined, { signal });
  }
}
