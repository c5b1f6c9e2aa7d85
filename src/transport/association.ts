/**
 * An association: what two nodes have in common over their links, one link after the other.
 *
 * Each side makes a random token for it. After a cut each names both, its own first, and it goes on where both name the same
 * two: then both sides still hold every session of it. Anything else is the beginning of a new one, so a side that has given
 * up, or was started anew, need not say so. A token proves nothing about who speaks; that is the handshake's.
 */
import type { Random } from '../base/environment/random.ts';
import { transportLimits } from './limits.ts';

/** The tokens of an association, as one side sees it. */
export type AssociationTokens = readonly [mine: string, yours: string];

/** What one side says in its profile. */
export interface AssociationOffer {
  /** Its token of the association that begins if none goes on. */
  readonly token: string;
  /** The association that it holds and would go on with. */
  readonly resume: AssociationTokens | undefined;
}

export function newToken(random: Random): string {
  return Buffer.from(random.bytes(transportLimits.tokenCharacters / 2)).toString('hex');
}

/** As long as any: what fits a profile with this fits it with every other. */
export const longestOffer: AssociationOffer = {
  token: '0'.repeat(transportLimits.tokenCharacters),
  resume: ['0'.repeat(transportLimits.tokenCharacters), '0'.repeat(transportLimits.tokenCharacters)],
};

/** The digits of `newToken`. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length === transportLimits.tokenCharacters && /^[0-9a-f]+$/.test(value);
}

/** The tokens of what the two sides agree on, and whether it goes on or begins. */
export function agree(
  mine: AssociationOffer,
  theirs: AssociationOffer,
): { readonly tokens: AssociationTokens; readonly resumes: boolean } {
  const [ours, other] = [mine.resume, theirs.resume];
  if (ours !== undefined && other !== undefined && ours[0] === other[1] && ours[1] === other[0]) {
    return { tokens: ours, resumes: true };
  }
  return { tokens: [mine.token, theirs.token], resumes: false };
}
