/** How a thread ended, told apart by what its end looks like from outside. */
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { PlaceExit } from '../base/environment/place.ts';
import { describeThrown } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';

/** What the end of a thread says for itself, where nobody ended it. */
export function lossOf(place: string, exit: PlaceExit): PlaceLoss {
  if (exit.kind === 'exit') return { place, reason: 'exit', what: `exit code ${exit.code}` };
  const { error } = exit;
  const reason = codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'exception';
  return { place, reason, what: describeThrown(error) };
}
