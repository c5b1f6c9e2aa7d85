/**
 * How threads are started and started again: after a wait that grows with the deaths before it, and no more often than the
 * budget allows where they die before they are ready.
 *
 * What they die of then (code that does not load, too little memory) is common to all of them, so the budget is too.
 */
import { SpawnFailed } from '../actors/errors.ts';
import { PlaceLost } from '../actors/place-lost.ts';
import { RestartBudget } from '../actors/restart-budget.ts';
import type { Environment } from '../base/environment/environment.ts';
import { describeThrown } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ThreadPolicy } from './thread-options.ts';
import type { ThreadSlot, Worker } from './thread-slot.ts';

export interface ThreadStartsOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly threads: ThreadPolicy;
  /** @throws PlaceLost where the worker died on the way, SpawnFailed where it cannot load its code */
  readonly start: (slot: ThreadSlot) => Promise<Worker>;
}

export class ThreadStarts {
  readonly #options: ThreadStartsOptions;
  readonly #failed: RestartBudget;
  #lastFailure: unknown = undefined;
  /** Those that wait, each with what ends its wait. */
  readonly #pauses = new Set<() => void>();
  #closed = false;

  constructor(options: ThreadStartsOptions) {
    this.#options = options;
    this.#failed = new RestartBudget(options.threads);
  }

  /** The worker of a thread, started where there is none. @throws SpawnFailed where it cannot be started, for now or at all */
  workerOf(slot: ThreadSlot): Promise<Worker> {
    slot.worker ??= this.#untilReady(slot).catch((error: unknown) => {
      slot.worker = undefined;
      this.refuseIfClosed();
      throw error;
    });
    return slot.worker;
  }

  /** @throws SpawnFailed */
  refuseIfClosed(): void {
    if (this.#closed) throw new SpawnFailed('shutdown', 'the system is shutting down; its worker threads end');
  }

  /** No more is started. */
  close(): void {
    this.#closed = true;
    for (const over of this.#pauses) over();
  }

  async #untilReady(slot: ThreadSlot): Promise<Worker> {
    const { environment, log, start } = this.#options;
    const { clock } = environment;
    for (;;) {
      this.#refuseIfSpent();
      await this.#pause(slot.delayMs(clock.monotonicMs()));
      this.refuseIfClosed();
      // Others may have died meanwhile.
      this.#refuseIfSpent();
      try {
        return await start(slot);
      } catch (error) {
        this.refuseIfClosed();
        const nowMs = clock.monotonicMs();
        this.#failed.spend(nowMs);
        this.#lastFailure = error;
        slot.died(nowMs, environment.random.fraction());
        // Code that cannot be loaded will not load at the next attempt either.
        if (!(error instanceof PlaceLost)) throw error;
        log.warn(
          { place: error.place, reason: error.reason, code: error.code },
          `worker ${error.place} died while it started: ${error.message}`,
        );
      }
    }
  }

  #refuseIfSpent(): void {
    const { environment, threads } = this.#options;
    const { restartsMax, withinMs } = threads;
    const failed = this.#failed.used(environment.clock.monotonicMs());
    if (failed <= restartsMax) return;
    const last = describeThrown(this.#lastFailure);
    throw new SpawnFailed(
      'no-place',
      `${failed} worker threads could not be started within ${withinMs} ms, so no other is started for now; the last: ${last}`,
      this.#lastFailure,
    );
  }

  /** Somebody waits for it, so it holds the process. */
  #pause(delayMs: number): Promise<void> {
    if (delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const over = (): void => {
        cancel();
        this.#pauses.delete(over);
        resolve();
      };
      const cancel = this.#options.environment.clock.wake(delayMs, over);
      this.#pauses.add(over);
    });
  }
}
