/** Priority lanes as a definition declares them, with what its function may get wrong. */
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { MailboxOptions } from './actor.ts';

/** The lane of a message. @throws UsageError where the definition's function gives none that exists */
export type LaneOf = (operation: string, message: unknown) => number;

export interface Lanes {
  readonly count: number;
  readonly of: LaneOf;
}

/** @throws UsageError for a number of lanes that makes no sense, and for one without the other */
export function lanesOf({ lanes, laneOf }: MailboxOptions, actorName: string): Lanes | undefined {
  if (lanes === undefined && laneOf === undefined) return undefined;
  if (!Number.isSafeInteger(lanes) || lanes! < 2 || lanes! > limits.lanesMax || typeof laneOf !== 'function') {
    throw new UsageError(
      `${actorName}: mailbox.lanes must be a whole number from 2 to ${limits.lanesMax}, and mailbox.laneOf a function ` +
        'that gives a lane for each message; give both or neither',
    );
  }
  const of: LaneOf = (operation, message) => checkedLane(laneOf(operation, message), lanes!);
  return Object.freeze({ count: lanes!, of });
}

function checkedLane(lane: unknown, lanes: number): number {
  if (Number.isSafeInteger(lane) && (lane as number) >= 0 && (lane as number) < lanes) return lane as number;
  throw new UsageError(
    `mailbox.laneOf must give a lane from 0 to ${lanes - 1}; it gave ${describeThrown(lane).replace('thrown value: ', '')}`,
  );
}
