/**
 * The shared secret by which nodes of a cluster know each other.
 *
 * Two may be live at once, so that a secret can be replaced node by node: while any secret is common to both sides they
 * still find each other. The bytes never leave this object: it signs and verifies, and shows nothing of itself.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { inspect } from 'node:util';
import { SecretFailed } from './errors.ts';
import { transportLimits } from './limits.ts';

export const macBytes = 32;
const shown = '[secret]';

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

  /** True when a live secret made one of the two `macs`. All are compared, each in constant time. */
  verify(message: Uint8Array, macs: Uint8Array): boolean {
    let found = 0;
    for (const key of this.#keys) {
      const expected = hmac(key, message);
      for (const start of [0, macBytes]) {
        const given = macs.subarray(start, start + macBytes);
        found |= given.length === macBytes && timingSafeEqual(given, expected) ? 1 : 0;
      }
    }
    return found === 1;
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
 * Reads a secret from a file, and its successor from `nextFile` while secrets are being replaced. Line ends after the
 * secret are not part of it, so that an editor may add one.
 * @throws SecretFailed when a file is missing, unreadable or holds less than 32 bytes.
 */
export async function secretFromFile(file: string, nextFile?: string): Promise<Secret> {
  const current = await readSecret(file);
  const next = nextFile === undefined ? current : await readSecret(nextFile);
  return new Secret(current.bytes, next.bytes, [...new Set([...current.warnings, ...next.warnings])]);
}

async function readSecret(file: string): Promise<{ bytes: Uint8Array; warnings: string[] }> {
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
