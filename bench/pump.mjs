/** Sends as a user does who minds the signal: tells while there is room, an offer when there is none. */
export async function pump(ref, count) {
  for (let sent = 0; sent < count; sent += 1) {
    if (ref.inc({ type: 'inc', n: 1, id: 'abc' })) continue;
    sent += 1;
    if (sent < count) await ref.inc.offer({ type: 'inc', n: 1, id: 'abc' });
  }
}
