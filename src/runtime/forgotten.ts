/**
 * A program that has finished but for the timers of its actors: nothing else keeps it alive, so perhaps nobody meant it to
 * live. It is told once, with the actors that hold it. Everything else that a system holds does not keep a process.
 */
import type { Cell } from '../actors/cell.ts';
import type { Host } from '../actors/host.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { activeResources } from './stop-signals.ts';

/** Looks now and then, without keeping the process itself. @returns a function that ends it */
export function watchForForgotten(host: Host, log: Logger): () => void {
  const { clock } = host.environment;
  let cancel = clock.timer(limits.forgottenMs, look);
  function look(): void {
    const holders = holdersAmong(host.roots);
    if (holders === undefined || !isHeldBy(holders)) {
      cancel = clock.timer(limits.forgottenMs, look);
      return;
    }
    const paths = holders.slice(0, limits.namesInText).map(({ cell }) => cell.path());
    log.warn(
      { system: host.placeId, holds: paths },
      `nothing keeps this process alive but timers of ${holders.length} actors (${paths.join(', ')}); ` +
        'if it is meant to end, await system.shutdown(), or cancel them',
    );
  }
  return () => cancel();
}

interface Holder {
  readonly cell: Cell;
  readonly timers: number;
}

/** Actors with timers; undefined where there are too many actors to look at, which is no finished script. */
function holdersAmong(roots: ReadonlySet<Cell>): readonly Holder[] | undefined {
  const holders: Holder[] = [];
  const cells = [...roots].slice(0, limits.forgottenActorsMax + 1);
  for (const cell of cells) {
    if (cells.length > limits.forgottenActorsMax) return undefined;
    cells.push(...cell.children);
    const timers = cell.pendingTimers;
    if (timers > 0) holders.push({ cell, timers });
  }
  return holders;
}

/** True where all that keeps the process are these timers, and the sweep of deadlines that may run beside them. */
function isHeldBy(holders: readonly Holder[]): boolean {
  const timers = holders.reduce((sum, one) => sum + one.timers, 0);
  // Pipes and terminals are listed whether they keep the process or not, as standard output is.
  const active = activeResources().filter((one) => one !== 'PipeWrap' && one !== 'TTYWrap');
  return timers > 0 && active.every((one) => one === 'Timeout') && active.length <= timers + 1;
}
