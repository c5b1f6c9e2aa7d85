/**
 * The version of what goes over an authenticated link: frames, items and their meaning.
 *
 * Each node says in its profile which one it speaks, and both go on with the lesser. Every node speaks its own version and
 * the one before it, so that the nodes of a cluster can be replaced one by one. The handshake has a version of its own, in
 * the bytes that come before all this.
 *
 * | version | what it added |
 * |---|---|
 * | 1 | everything before versions were said: a profile without one is of a node that speaks this |
 * | 2 | large messages in pieces, probes for deadlocks; an address in the profile, and what is said beside sessions to those that have one |
 */
export const wireVersion = 2;
/** What a node speaks that does not say. */
export const unsaidWireVersion = 1;

/** What two nodes go on with; undefined where one of them does not speak it any more. */
export function agreedVersion(theirs: number, ours: number = wireVersion): number | undefined {
  const agreed = Math.min(theirs, ours);
  return agreed < ours - 1 || agreed < theirs - 1 ? undefined : agreed;
}

/** From which version on a node knows of what. */
export const since = { pieces: 2, probes: 2 } as const;
