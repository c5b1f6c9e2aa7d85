/** How a row tells actors of other places as fast as they take messages. */

/**
 * Tells `count` messages, to each of `refs` in turn. A tell that answers false asks for patience: an ask waits until its
 * actor has handled what was told before it.
 *
 * @returns the actors' totals, added up.
 */
export async function tellMany(refs, count) {
  for (let sent = 0; sent < count; sent += 1) {
    const ref = refs[sent % refs.length];
    if (!ref.inc({ type: 'inc', n: 1, id: 'abc' })) await ref.total();
  }
  const totals = await Promise.all(refs.map((ref) => ref.total({ timeoutMs: 60_000 })));
  return totals.reduce((sum, total) => sum + total, 0);
}
