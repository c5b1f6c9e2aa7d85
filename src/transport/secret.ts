/**
 * The shared secret by which nodes of a cluster know each other.
 *
 * Two may be live at once, so that a secret can be replaced node by node: while any secret is common to both sides they
 * still find each other. The bytes never leave this object: it signs and verifies, and shows nothing of itself. It never
 * changes; `KeptSecret` holds the one of now.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { inspect } from 'node:util';
import { SecretFailed } from './errors.ts';
import { transportLimits } from './limits.ts';

export const macBytes = 32;
const shown = '[secret]';

/** One live secret, to be compared and never to be read: Node's own handle, which prints no byte of it. */
export type SecretKey = KeyObject;

export class Secret {
  readonly #keys: readonly [current: KeyObject, next: KeyObject];
  /** What the owner should be told about how the secret is kept; never the secret itself. */
  readonly warnings: readonly string[];

  /**
   * @param current at least 32 bytes; copied, so the caller may overwrite its own.
   * @param next the secret that will replace it, accepted and proved beside it.
   * @throws SecretFailed `too-short`
   */
  constructor(current: Uint8Array, next: Uint8Array = current, warnings: readonly string[] = []) {
    this.#keys = [keyOf(current, 'the secret'), keyOf(next, 'the next secret')];
    this.warnings = warnings;
  }

  /** One HMAC-SHA256 of `message` per live secret, one after the other; the same one twice when only one is live. */
  sign(message: Uint8Array): Uint8Array {
    const macs = new Uint8Array(2 * macBytes);
    macs.set(hmac(this.#keys[0], message), 0);
    macs.set(hmac(this.#keys[1], message), macBytes);
    return macs;
  }

  /** True when a live secret made one of the two `macs`. */
  verify(message: Uint8Array, macs: Uint8Array): boolean {
    return this.proofsIn(message, macs).length > 0;
  }

  /**
   * The live secrets that made one of the two `macs`. All four pairs are compared, each in constant time, whatever was found
   * before: how long it takes says nothing of which of them was right.
   */
  proofsIn(message: Uint8Array, macs: Uint8Array): readonly SecretKey[] {
    const found = this.#keys.map((key) => {
      const expected = hmac(key, message);
      let isFound = 0;
      for (const start of [0, macBytes]) {
        const given = macs.subarray(start, start + macBytes);
        isFound |= given.length === macBytes && timingSafeEqual(given, expected) ? 1 : 0;
      }
      return isFound;
    });
    const live = this.#keys.slice(0, this.count);
    return live.filter((_key, index) => found[index] === 1);
  }

  /** Whether that secret is one of the live ones. */
  holds(key: SecretKey): boolean {
    return this.#keys.some((own) => own.equals(key));
  }

  /** Whether both have the same live secrets, in whatever order. */
  equals(other: Secret): boolean {
    return this.#keys.every((key) => other.holds(key)) && other.#keys.every((key) => this.holds(key));
  }

  /** How many secrets are live: 1 or 2. */
  get count(): number {
    return this.#keys[0].equals(this.#keys[1]) ? 1 : 2;
  }

  toJSON(): string {
    return shown;
  }

  toString(): string {
    return shown;
  }

  static {
    Object.defineProperty(Secret.prototype, inspect.custom, { value: () => shown });
  }
}

/**
 * Reads a secret from a file, and its successor from `nextFile`, which is there only while secrets are being replaced. Line
 * ends after the secret are not part of it, so that an editor may add one.
 *
 * The successor is read first: when `nextFile` is renamed to `file` in between, what is read holds the new one either way,
 * and never the old one alone.
 * @throws SecretFailed when a file is unreadable or holds less than 32 bytes, or `file` is missing.
 */
export async function secretFromFile(file: string, nextFile?: string): Promise<Secret> {
  const next = nextFile === undefined ? undefined : await readIfThere(nextFile);
  const current = await readSecret(file);
  const warnings = [...new Set([...current.warnings, ...(next?.warnings ?? [])])];
  return new Secret(current.bytes, next?.bytes, warnings);
}

async function readIfThere(file: string): Promise<SecretText | undefined> {
  try {
    return await readSecret(file);
  } catch (error) {
    if (error instanceof SecretFailed && error.reason === 'missing') return undefined;
    throw error;
  }
}

interface SecretText {
  readonly bytes: Uint8Array;
  readonly warnings: readonly string[];
}

async function readSecret(file: string): Promise<SecretText> {
  let bytes: Uint8Array;
  let mode: number;
  try {
    bytes = await readFile(file);
    mode = (await stat(file)).mode;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const hint = 'make one with: openssl rand -hex 32';
    if (isMissing) throw new SecretFailed('missing', `there is no secret file ${file}; ${hint} > ${file}`, cause);
    throw new SecretFailed('unreadable', `the secret file ${file} cannot be read: ${String(cause)}`, cause);
  }
  let length = bytes.length;
  while (length > 0 && (bytes[length - 1] === 0x0a || bytes[length - 1] === 0x0d)) length -= 1;
  const isShared = process.platform !== 'win32' && (mode & 0o004) !== 0;
  const warnings = isShared ? [`every user of this machine can read the secret file ${file}; chmod 600 ${file}`] : [];
  if (length < transportLimits.secretBytesMin) throw tooShort(`the secret in ${file}`, length);
  return { bytes: bytes.subarray(0, length), warnings };
}

function keyOf(bytes: Uint8Array, what: string): KeyObject {
  if (bytes.length < transportLimits.secretBytesMin) throw tooShort(what, bytes.length);
  return createSecretKey(bytes);
}

function tooShort(what: string, bytes: number): SecretFailed {
  const message = `${what} has ${bytes} bytes, it needs at least ${transportLimits.secretBytesMin} random ones`;
  return new SecretFailed('too-short', `${message}; make one with: openssl rand -hex 32`);
}

function hmac(key: KeyObject, message: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(message).digest();
}
