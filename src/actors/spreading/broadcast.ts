/** One offer to many actors: it waits for the room of each. */

import type { Cell } from '../cell.ts';
import { invalidMessage } from '../isolation.ts';
import type { Operation } from '../operation.ts';
import { Rejected } from '../outcomes.ts';
import type { CallOptions } from '../protocol.ts';
import type { Owner } from '../target.ts';
import type { Routee } from './routee.ts';
import { summed } from './scatter-gather.ts';
import { toEach } from './to-each.ts';

/**
 * Resolves once every routee has taken the message or will not; rejects where none took it. What one would not take is a
 * dead letter, since its sender goes on.
 */
export async function offerAll(
  routees: readonly Routee[],
  operation: Operation,
  message: unknown,
  options: CallOptions | undefined,
  owner: Owner,
  router: Cell,
): Promise<void> {
  try {
    operation.input.parse(message);
  } catch (error) {
    throw invalidMessage(error, `${operation.label} to ${router.path()}`);
  }
  const offers = toEach(routees, router.host, (target) => target.offer(operation, message, options, owner));
  const ends = await Promise.allSettled(offers);
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  if (failures.length === routees.length) throw summed(failures, operation, router.path());
  ends.forEach((end, index) => {
    if (end.status === 'fulfilled') return;
    const reason = end.reason instanceof Rejected ? 'full' : 'stopped';
    router.host.counters.refused += 1;
    const { target } = routees[index]!;
    router.host.deadLetters.add({
      path: target.path(),
      operation: operation.label,
      reason,
      message: router.host.letterOf(operation.input, message),
      target,
      of: operation,
    });
  });
}
