/** How a row tells an actor of another place as fast as it takes messages. */

/** Tells `count` messages. A tell that answers false asks for patience: what has arrived is read before the next. */
export async function tellMany(ref, count) {
  for (let sent = 0; sent < count; sent += 1) {
    if (!ref.inc({ type: 'inc', n: 1, id: 'abc' })) await new Promise(setImmediate);
  }
  return ref.total(undefined, { timeoutMs: 60_000 });
}
