/**
 * What travels on an authenticated link between nodes: one byte of kind, then fields in a fixed layout
 * (docs/wire-protocol.md). A session frame names the threads it goes between and is otherwise opaque here, so that the
 * main place of a node relays it without decoding it.
 */
import { UsageError } from '../base/errors.ts';
import { FrameRefused } from './errors.ts';
import { transportLimits } from './limits.ts';
import { decodeAside, type NodeAside } from './node-aside.ts';

export type NodeEnvelope =
  | { readonly kind: 'frame'; readonly source: string; readonly target: string; readonly frame: Uint8Array }
  | { readonly kind: 'ping' | 'pong'; readonly number: number }
  | { readonly kind: 'place-down'; readonly thread: string }
  | { readonly kind: 'profile'; readonly bytes: Uint8Array }
  | NodeAside
  | { readonly kind: 'malformed'; readonly field: string };

const frameKind = 0x10;
const pingKind = 0x11;
const pongKind = 0x12;
const placeDownKind = 0x13;
const profileKind = 0x14;

/**
 * One session frame behind its header; the frame is copied.
 * @throws FrameRefused `bytes` for a frame beyond the limit, UsageError for a thread name outside its grammar.
 */
export function encodeFrame(source: string, target: string, frame: Uint8Array): Uint8Array {
  if (frame.length > transportLimits.frameBytesMax) {
    const limit = transportLimits.frameBytesMax;
    throw new FrameRefused('bytes', `a session frame of ${frame.length} bytes is beyond the limit of ${limit} bytes`);
  }
  const headerBytes = 3 + source.length + target.length;
  const bytes = Buffer.allocUnsafe(headerBytes + frame.length);
  bytes[0] = frameKind;
  writeThread(bytes, writeThread(bytes, 1, source), target);
  bytes.set(frame, headerBytes);
  return bytes;
}

export function encodePing(number: number): Uint8Array {
  return encodeNumber(pingKind, number);
}

export function encodePong(number: number): Uint8Array {
  return encodeNumber(pongKind, number);
}

/** @throws UsageError for a thread name outside its grammar. */
export function encodePlaceDown(thread: string): Uint8Array {
  const bytes = new Uint8Array(2 + thread.length);
  bytes[0] = placeDownKind;
  writeThread(bytes, 1, thread);
  return bytes;
}

export function encodeProfileEnvelope(profile: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + profile.length);
  bytes[0] = profileKind;
  bytes.set(profile, 1);
  return bytes;
}

/** Reads one envelope; `malformed` names the field that is wrong. The frame in it is a view into `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): NodeEnvelope {
  switch (bytes[0]) {
    case frameKind:
      return decodeFrame(bytes);
    case pingKind:
    case pongKind: {
      const kind = bytes[0] === pingKind ? 'ping' : 'pong';
      if (bytes.length !== 5) return malformed(`${kind}.length`);
      return { kind, number: new DataView(bytes.buffer, bytes.byteOffset).getUint32(1) };
    }
    case placeDownKind: {
      const thread = readThread(bytes, 1);
      if (thread === undefined || bytes.length !== 2 + thread.length) return malformed('place-down.thread');
      return { kind: 'place-down', thread };
    }
    case profileKind:
      return { kind: 'profile', bytes: bytes.subarray(1) };
    default:
      return decodeAside(bytes);
  }
}

function decodeFrame(bytes: Uint8Array): NodeEnvelope {
  const source = readThread(bytes, 1);
  if (source === undefined) return malformed('frame.source');
  const target = readThread(bytes, 2 + source.length);
  if (target === undefined) return malformed('frame.target');
  const frame = bytes.subarray(3 + source.length + target.length);
  return frame.length === 0 ? malformed('frame.body') : { kind: 'frame', source, target, frame };
}

function malformed(field: string): NodeEnvelope {
  return { kind: 'malformed', field };
}

function encodeNumber(kind: number, number: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, number);
  return bytes;
}

function writeThread(bytes: Uint8Array, at: number, name: string): number {
  const { length } = name;
  if (length === 0 || length > transportLimits.threadNameBytesMax) throw badThread(name);
  bytes[at] = length;
  for (let index = 0; index < length; index += 1) {
    const code = name.charCodeAt(index);
    if (!isThreadCharacter(code)) throw badThread(name);
    bytes[at + 1 + index] = code;
  }
  return at + 1 + length;
}

/** The length and the name at `at`; undefined when they break the grammar or reach beyond the end. */
function readThread(bytes: Uint8Array, at: number): string | undefined {
  const length = bytes[at] ?? 0;
  const end = at + 1 + length;
  if (length === 0 || length > transportLimits.threadNameBytesMax || end > bytes.length) return undefined;
  let name = '';
  for (let index = at + 1; index < end; index += 1) {
    const code = bytes[index]!;
    if (!isThreadCharacter(code)) return undefined;
    name += String.fromCharCode(code);
  }
  return name;
}

/** a-z and 0-9 */
function isThreadCharacter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

function badThread(name: string): UsageError {
  const grammar = `1 to ${transportLimits.threadNameBytesMax} of a-z 0-9`;
  return new UsageError(`thread name ${JSON.stringify(name.slice(0, 64))}: it must be ${grammar}`);
}
