/**
 * What a node says about itself right after authentication: its roles, its code, its threads, what of an earlier link it
 * would go on with, and which version it speaks. With a secret it is sealed: rules speak of roles, and who sits in between must
 * not give others.
 *
 * The peer is known by then, yet each field is checked by hand: a peer of a newer version, or one with a fault, must
 * not bring us down. A difference in the fingerprints refuses nothing here; the caller compares them.
 */
import { createHash } from 'node:crypto';
import { type AssociationOffer, isToken } from './association.ts';
import { FrameRefused } from './errors.ts';
import { strictCodec } from './frame-codec.ts';
import { isNodeId } from './hello.ts';
import { transportLimits } from './limits.ts';
import { isAnnouncedAddress } from './node-aside.ts';
import { macBytes } from './secret.ts';

export interface NodeProfile {
  /** Must equal the id that the handshake proved. */
  readonly nodeId: string;
  /** What the node is for, such as `gpu`; at most 64. */
  readonly roles: readonly string[];
  /** For each registered name what its code looks like; at most 4,096. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Threads that run actors, the main one included. */
  readonly threads: number;
  /** Absent where it can resume nothing. */
  readonly association?: AssociationOffer;
  /** The newest wire version that it speaks; it is said only beside an association. Absent: 1. */
  readonly wire?: number;
  /** Two MACs over its digest, where it came from a node with a secret. */
  readonly seal?: Uint8Array;
  /**
   * Where others may dial it; null where nobody can. Absent where it does not understand what is said beside sessions
   * (`node-aside.ts`).
   */
  readonly address?: string | null;
}

/** Makes the seal of a profile; undefined where there is nothing to seal with. */
export type SealProfile = (digest: Uint8Array) => Uint8Array | undefined;

/** SHA-256 over all that a profile says but its seal: each text behind its length, in a fixed order. */
export function profileDigest({ threads, roles, fingerprints, association, address, wire }: NodeProfile): Uint8Array {
  const names = Object.keys(fingerprints).sort();
  const texts = [String(threads), String(roles.length), ...roles, String(names.length)];
  for (const name of names) texts.push(name, fingerprints[name]!);
  if (association !== undefined) texts.push(association.token, ...(association.resume ?? []));
  if (address !== undefined) texts.push('address', address ?? '');
  if (wire !== undefined) texts.push(String(wire));
  const hash = createHash('sha256');
  const length = Buffer.alloc(2);
  for (const text of texts) {
    length.writeUInt16BE(text.length);
    hash.update(length).update(text, 'latin1');
  }
  return hash.digest();
}

const codecLimits = { ...transportLimits, frameBytesMax: transportLimits.profileBytesMax };

/** @throws FrameRefused when the profile is beyond the limits that every peer enforces. */
export function encodeProfile(profile: NodeProfile, seal?: SealProfile): Uint8Array {
  const { nodeId, threads, roles, fingerprints, association, wire } = profile;
  // Whoever says a version says an address too, or that there is none.
  const address = wire === undefined ? profile.address : (profile.address ?? null);
  const said: unknown[] = [];
  if (association !== undefined) {
    said.push(association.token, association.resume ?? null);
    const sealed = seal?.(profileDigest(address === undefined ? profile : { ...profile, address }));
    if (sealed !== undefined || address !== undefined) said.push(sealed ?? null);
    if (address !== undefined) said.push(address);
    if (wire !== undefined) said.push(wire);
  }
  const bytes = strictCodec(codecLimits).pack([nodeId, threads, roles, Object.entries(fingerprints).flat(), ...said]);
  const checked = decodeProfile(bytes, nodeId);
  if ('field' in checked) {
    throw new FrameRefused('value', `the profile of this node cannot be sent: ${checked.field} is beyond its limits`);
  }
  return bytes;
}

/** The profile in `bytes`, which must be that of `nodeId`; or the field that is wrong. */
export function decodeProfile(bytes: Uint8Array, nodeId: string): NodeProfile | { readonly field: string } {
  let items: unknown[];
  try {
    items = strictCodec(codecLimits).unpack(bytes);
  } catch (error) {
    if (error instanceof FrameRefused) return { field: `profile (${error.finding})` };
    throw error;
  }
  const [id, threads, roles, pairs, token, resume, seal, address, wire] = items;
  if (items.length < 4) return { field: 'profile.length' };
  if (id !== nodeId || !isNodeId(nodeId)) return { field: 'profile.nodeId' };
  if (!isCount(threads, transportLimits.profileThreadsMax)) return { field: 'profile.threads' };
  if (!isTexts(roles, transportLimits.profileRolesMax)) return { field: 'profile.roles' };
  if (!isTexts(pairs, 2 * transportLimits.profileNamesMax) || pairs.length % 2 === 1) {
    return { field: 'profile.fingerprints' };
  }
  const fingerprints = new Map<string, string>();
  for (let index = 0; index < pairs.length; index += 2) fingerprints.set(pairs[index]!, pairs[index + 1]!);
  if (fingerprints.has('__proto__') || fingerprints.size !== pairs.length / 2) return { field: 'profile.fingerprints' };
  const profile = { nodeId, roles, fingerprints: Object.fromEntries(fingerprints), threads };
  if (items.length === 4) return profile;
  if (!isToken(token)) return { field: 'profile.token' };
  if (resume !== null && !isTokens(resume)) return { field: 'profile.resume' };
  const known = { ...profile, association: { token, resume: resume ?? undefined } };
  if (items.length === 6) return known;
  const hasSeal = isSeal(seal);
  // Nil only where something follows it.
  if (!hasSeal && (seal !== null || items.length === 7)) return { field: 'profile.seal' };
  const sealed = hasSeal ? { ...known, seal } : known;
  if (items.length === 7) return sealed;
  if (address !== null && !isAnnouncedAddress(address)) return { field: 'profile.address' };
  const announced = { ...sealed, address };
  if (items.length === 8) return announced;
  if (!isCount(wire, transportLimits.wireVersionMax) || wire === 0) return { field: 'profile.wire' };
  return { ...announced, wire };
}

function isSeal(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 2 * macBytes;
}

function isTokens(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every(isToken);
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isTexts(value: unknown, countMax: number): value is string[] {
  return Array.isArray(value) && value.length <= countMax && value.every(isText);
}

/** Printable ASCII: these texts stand in logs and in names. */
function isText(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length <= transportLimits.profileTextCharactersMax &&
    /^[\x20-\x7e]+$/.test(value)
  );
}
