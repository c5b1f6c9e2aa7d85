/** How a row tells an actor of another place as fast as it takes messages. */

/**
 * Tells `count` messages. A tell that answers false asks for patience: an ask waits until the actor has handled what
 * was told before it.
 *
 * @returns the actor's total.
 */
export async function tellMany(ref, count) {
  for (let sent = 0; sent < count; sent += 1) {
    if (!ref.inc({ type: 'inc', n: 1, id: 'abc' })) await ref.total();
  }
  return ref.total({ timeoutMs: 60_000 });
}
