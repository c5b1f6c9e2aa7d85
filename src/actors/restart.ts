/**
 * A restart, of one actor or of several that share its fate.
 *
 * As in OTP, they go down in the reverse order of their start and come back in that order. Queues, refs, names and
 * watchers stay; children stop before the state of their parent is made anew.
 */
import { limits } from '../base/limits.ts';
import type { Supervised } from './supervised.ts';

/** The actors that share what becomes of `failed`, in the order of their start. */
export function concernedBy(failed: Supervised): Supervised[] {
  const { parent, host } = failed;
  const strategy = parent === undefined ? host.guardian.strategy : parent.behavior.strategy;
  if (strategy === 'one-for-one') return [failed];
  const siblings = [...(parent === undefined ? topLevel(host.roots) : parent.extension.children)] as Supervised[];
  const first = strategy === 'all-for-one' ? 0 : siblings.indexOf(failed);
  return siblings.slice(first).filter((sibling) => sibling === failed || sibling.isRestartable);
}

/** Rebuilds `failed`, and those that share its fate, after `delayMs`. Its own budget pays for all of them. */
export async function restartTogether(failed: Supervised, delayMs: number): Promise<void> {
  const concerned = concernedBy(failed).map((cell) => ({ cell, generation: 0 }));
  for (const one of concerned.toReversed()) one.generation = one.cell.leaveGeneration();
  for (const { cell } of concerned.toReversed()) await stopChildren(cell);
  const own = concerned.find(({ cell }) => cell === failed)!;
  if (delayMs > 0 && failed.awaitsRestart(own.generation)) await backoff(failed, delayMs);
  for (const { cell, generation } of concerned) {
    if (!cell.awaitsRestart(generation)) continue;
    if (cell === failed) failed.extension.budget?.spend(failed.host.environment.clock.monotonicMs());
    await cell.rebuild(generation);
  }
}

/** The first half of a restart of `cell` alone. Gives the generation that it waits for then. */
export async function takeDown(cell: Supervised): Promise<number> {
  if (!cell.isRestartable) return Number.NaN;
  const generation = cell.leaveGeneration();
  await stopChildren(cell);
  return generation;
}

/** Those that were placed here by a parent elsewhere hang together with its other children, and with nobody here. */
function topLevel(roots: Iterable<Supervised>): Supervised[] {
  return [...roots].filter(({ parent }) => parent === undefined);
}

/** The last first; one that does not stop in time is killed. */
async function stopChildren(cell: Supervised): Promise<void> {
  for (const child of [...cell.extension.children].reverse()) {
    await child.stop(false, { deadlineMs: limits.childStopMs }).catch(() => {
      // It was killed then: it has ended all the same.
    });
  }
}

/** Resolves after `delayMs`, or when the actor ends or restarts meanwhile. */
function backoff(cell: Supervised, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const { extension } = cell;
    const over = (): void => {
      cancel();
      extension.cutBackoff = undefined;
      resolve();
    };
    const cancel = cell.host.environment.clock.wake(delayMs, over);
    extension.cutBackoff = over;
  });
}
