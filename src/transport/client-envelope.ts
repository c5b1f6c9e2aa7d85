/**
 * What goes over the link of a client: a byte of kind, then what belongs to it. See docs/wire-protocol.md, "Clients".
 *
 * Everything but the session frames lies at fixed places, so a stranger has nothing decoded.
 */
import { clientLimits } from './client-limits.ts';

/** The subprotocol that a client offers first. */
export const clientSubprotocol = 'troupe.client.v1';
/** A browser cannot set headers, so a token is offered as one more subprotocol: this, and the token in base64url. */
export const tokenPrefix = 'troupe.token.';

const kinds = { frame: 0x10, ping: 0x11, pong: 0x12, hello: 0x21, welcome: 0x22 } as const;

export type ClientEnvelope =
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  | { readonly kind: 'ping' | 'pong'; readonly number: number }
  /** The first of a client; `resume` names the session that it holds. */
  | { readonly kind: 'hello'; readonly resume: string | undefined }
  /** The first of the server. */
  | { readonly kind: 'welcome'; readonly token: string; readonly resumes: boolean; readonly resumeMs: number }
  | { readonly kind: 'malformed'; readonly field: string };

export function encodeClientFrame(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frame.length + 1);
  bytes[0] = kinds.frame;
  bytes.set(frame, 1);
  return bytes;
}

export function encodeBeat(kind: 'ping' | 'pong', number: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = kinds[kind];
  new DataView(bytes.buffer).setUint32(1, number);
  return bytes;
}

export function encodeClientHello(resume: string | undefined): Uint8Array {
  return Uint8Array.of(kinds.hello, ...ascii(resume ?? ''));
}

export function encodeWelcome(token: string, resumes: boolean, resumeMs: number): Uint8Array {
  const bytes = new Uint8Array(6 + clientLimits.sessionTokenCharacters);
  bytes[0] = kinds.welcome;
  bytes[1] = resumes ? 1 : 0;
  new DataView(bytes.buffer).setUint32(2, resumeMs);
  bytes.set(ascii(token), 6);
  return bytes;
}

/** The frame of a `frame` is a view of `bytes`. */
export function decodeClientEnvelope(bytes: Uint8Array): ClientEnvelope {
  const { length } = bytes;
  switch (bytes[0]) {
    case kinds.frame:
      return length > 1 ? { kind: 'frame', frame: bytes.subarray(1) } : malformed('frame');
    case kinds.ping:
      return length === 5 ? { kind: 'ping', number: u32(bytes, 1) } : malformed('ping');
    case kinds.pong:
      return length === 5 ? { kind: 'pong', number: u32(bytes, 1) } : malformed('pong');
    case kinds.hello: {
      const token = length === 1 ? undefined : tokenAt(bytes, 1);
      return length === 1 || token !== undefined ? { kind: 'hello', resume: token } : malformed('hello');
    }
    case kinds.welcome: {
      const token = tokenAt(bytes, 6);
      if (token === undefined || bytes[1]! > 1) return malformed('welcome');
      return { kind: 'welcome', token, resumes: bytes[1] === 1, resumeMs: u32(bytes, 2) };
    }
    default:
      return malformed('kind');
  }
}

function malformed(field: string): ClientEnvelope {
  return { kind: 'malformed', field };
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The token that fills the rest. */
function tokenAt(bytes: Uint8Array, at: number): string | undefined {
  if (bytes.length !== at + clientLimits.sessionTokenCharacters) return undefined;
  const token = String.fromCharCode(...bytes.subarray(at));
  return /^[0-9a-f]+$/.test(token) ? token : undefined;
}

/** The subprotocols that a client offers. */
export function offeredProtocols(token: string | undefined): string[] {
  return token === undefined ? [clientSubprotocol] : [clientSubprotocol, tokenPrefix + toBase64Url(token)];
}

/** The token among subprotocols that were offered; undefined where there is none, or none that can be read. */
export function tokenOf(protocols: readonly string[]): string | undefined {
  const offered = protocols.find((one) => one.startsWith(tokenPrefix));
  return offered === undefined ? undefined : fromBase64Url(offered.slice(tokenPrefix.length));
}

/** `btoa` takes characters of one byte. */
function toBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): string | undefined {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // Anything may stand there.
    return undefined;
  }
}
