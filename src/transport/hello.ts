/**
 * The first bytes between two nodes: the hello and the proof, in fixed layouts (docs/wire-protocol.md).
 *
 * Everything here is read before the peer is known, so nothing is decoded: bytes at fixed places, two names in a small
 * alphabet, and a length that must fit exactly. The first six bytes are the same in every version of the protocol, so
 * that two versions can tell each other what they speak.
 */
import { transportLimits } from './limits.ts';
import { macBytes } from './secret.ts';

export const protocolVersion = 1;
export const nonceBytes = 32;

export type Side = 'dialer' | 'listener';

export interface Hello {
  readonly side: Side;
  /** Whether the node proves a shared secret; a node that does never talks to one that does not. */
  readonly hasSecret: boolean;
  readonly nonce: Uint8Array;
  readonly nodeId: string;
  readonly clusterId: string;
}

const magic = Uint8Array.of(0x54, 0x52, 0x50, 0x45); // TRPE
const kindAt = 4;
const versionAt = 5;
const prefixBytes = 6;
const helloKind = 1;
const proofKind = 2;
const sideAt = 6;
const modeAt = 7;
const nonceAt = 8;
const lengthsAt = nonceAt + nonceBytes;
const namesAt = lengthsAt + 2;

const grammar = /^[A-Za-z0-9][A-Za-z0-9._~-]*$/;

/** A letter or digit, then letters, digits, `.`, `_`, `~`, `-`; at most 128 characters. */
export function isNodeId(text: string): boolean {
  return text.length <= transportLimits.nodeIdBytesMax && grammar.test(text);
}

/** The alphabet of a node id; at most 64 characters. */
export function isClusterId(text: string): boolean {
  return text.length <= transportLimits.clusterIdBytesMax && grammar.test(text);
}

export function encodeHello(hello: Hello): Uint8Array {
  const { nodeId, clusterId } = hello;
  const bytes = new Uint8Array(namesAt + nodeId.length + clusterId.length);
  writePrefix(bytes, helloKind);
  bytes[sideAt] = sideByte(hello.side);
  bytes[modeAt] = hello.hasSecret ? 1 : 0;
  bytes.set(hello.nonce, nonceAt);
  bytes[lengthsAt] = nodeId.length;
  bytes[lengthsAt + 1] = clusterId.length;
  writeAscii(bytes, namesAt, nodeId);
  writeAscii(bytes, namesAt + nodeId.length, clusterId);
  return bytes;
}

/** The hello in `bytes`, or why it is none. */
export function decodeHello(bytes: Uint8Array): Hello | 'malformed' | 'version' {
  const prefix = checkPrefix(bytes, helloKind);
  if (prefix !== 'ok') return prefix;
  if (bytes.length < namesAt || bytes.length > transportLimits.helloBytesMax) return 'malformed';
  const clusterIdAt = namesAt + bytes[lengthsAt]!;
  if (bytes.length !== clusterIdAt + bytes[lengthsAt + 1]!) return 'malformed';
  const side = bytes[sideAt] === 1 ? 'dialer' : bytes[sideAt] === 2 ? 'listener' : undefined;
  const mode = bytes[modeAt]!;
  const nodeId = readAscii(bytes, namesAt, clusterIdAt);
  const clusterId = readAscii(bytes, clusterIdAt, bytes.length);
  if (side === undefined || mode > 1 || !isNodeId(nodeId) || !isClusterId(clusterId)) return 'malformed';
  return { side, hasSecret: mode === 1, nonce: bytes.slice(nonceAt, lengthsAt), nodeId, clusterId };
}

export function encodeProof(macs: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefixBytes + 2 * macBytes);
  writePrefix(bytes, proofKind);
  bytes.set(macs, prefixBytes);
  return bytes;
}

/** The two MACs in `bytes`, or why they are none. */
export function decodeProof(bytes: Uint8Array): Uint8Array | 'malformed' | 'version' {
  const prefix = checkPrefix(bytes, proofKind);
  if (prefix !== 'ok') return prefix;
  return bytes.length === prefixBytes + 2 * macBytes ? bytes.subarray(prefixBytes) : 'malformed';
}

/** What a MAC of the handshake is for: one made for the one thing proves nothing of the other. Of one length. */
export const proofLabel = 'troupe.v1 node proof';
export const profileLabel = 'troupe.v1 node facts';

/**
 * What a proof of `prover` is a MAC of. Each field has a fixed width or its length before it, so that no two handshakes
 * share a transcript; the prover's side is in it, so that a proof cannot be sent back to the one who made it.
 */
export function transcript(label: string, prover: Side, dialer: Hello, listener: Hello, clusterId: string): Uint8Array {
  const names = [dialer.nodeId, listener.nodeId, clusterId];
  const bytes = new Uint8Array(
    label.length + 3 + 2 * nonceBytes + names.reduce((sum, name) => sum + 1 + name.length, 0),
  );
  let at = writeAscii(bytes, 0, label);
  bytes[at] = protocolVersion;
  bytes[at + 1] = sideByte(prover);
  bytes[at + 2] = dialer.hasSecret && listener.hasSecret ? 1 : 0;
  bytes.set(dialer.nonce, at + 3);
  bytes.set(listener.nonce, at + 3 + nonceBytes);
  at += 3 + 2 * nonceBytes;
  for (const name of names) {
    bytes[at] = name.length;
    at = writeAscii(bytes, at + 1, name);
  }
  return bytes;
}

function checkPrefix(bytes: Uint8Array, kind: number): 'ok' | 'malformed' | 'version' {
  if (bytes.length < prefixBytes || magic.some((byte, index) => bytes[index] !== byte)) return 'malformed';
  if (bytes[versionAt] !== protocolVersion) return 'version';
  return bytes[kindAt] === kind ? 'ok' : 'malformed';
}

function writePrefix(bytes: Uint8Array, kind: number): void {
  bytes.set(magic);
  bytes[kindAt] = kind;
  bytes[versionAt] = protocolVersion;
}

function sideByte(side: Side): number {
  return side === 'dialer' ? 1 : 2;
}

/** Writes `text`, which must be ASCII, and returns the offset behind it. */
function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}

function readAscii(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}
