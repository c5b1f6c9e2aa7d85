/** How a thread ended, told apart by what its end looks like from outside. */
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { PlaceExit } from '../base/environment/place.ts';
import { describeThrown } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { ActivitySlot, type ThreadActivity } from './thread-activity.ts';

/** What the end of a thread says for itself, where nobody ended it. */
export function lossOf(place: string, exit: PlaceExit): PlaceLoss {
  if (exit.kind === 'exit') return { place, reason: 'exit', what: `exit code ${exit.code}` };
  const { error } = exit;
  const reason = codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'exception';
  return { place, reason, what: describeThrown(error) };
}

/** What a thread is at, as it stands in its memory: for the text about one that is blocked. */
export function numbersOf({ slots }: ThreadActivity): string | undefined {
  const cell = Atomics.load(slots, ActivitySlot.cell);
  if (cell === 0) return undefined;
  return `in operation ${Atomics.load(slots, ActivitySlot.operation)} of actor #${cell}`;
}
