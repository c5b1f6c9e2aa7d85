/** Fingerprints of registered actors: what nodes compare at their hello, so that differing code is seen at once. */
import { createHash } from 'node:crypto';
import type { RegistryIndex } from '../actors/registry.ts';

/** Registered name to the SHA-256 of the actor's shape, the first 128 bits in hex. */
export function fingerprintsOf(registry: RegistryIndex): Readonly<Record<string, string>> {
  const fingerprints: Record<string, string> = {};
  for (const actor of registry.actors) {
    fingerprints[actor.name] = createHash('sha256').update(actor.describe()).digest('hex').slice(0, 32);
  }
  return fingerprints;
}

/** Names that both know and whose shapes differ. */
export function differing(
  ours: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys(ours).filter((name) => Object.hasOwn(theirs, name) && theirs[name] !== ours[name]);
}
