/**
 * The certificates by which nodes know each other over TLS: whoever has one of the given authority is let in, and
 * nobody else. Both ends ask for the other's (mutual TLS, RFC 8446): without asking, anyone would get in. Without an authority they
 * are those of a port for clients, which show a token and no certificate.
 *
 * The files are read again when they have changed, since certificates are replaced while nodes run. What the key is
 * never leaves this object but to Node's TLS.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { describeThrown } from '../base/errors.ts';
import { CertificatesFailed } from './errors.ts';

/** Where the certificates are, as PEM files. */
export interface CertificateFiles {
  /** The authorities whose certificates are accepted; absent where nobody is asked for one. */
  readonly ca?: string;
  /** Its own certificate. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/** The files' contents, as Node's TLS takes them. */
export interface TlsMaterial {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.3';
}

const shown = '[certificates]';

export class Certificates {
  readonly #files: CertificateFiles;
  readonly #onProblem: (error: CertificatesFailed) => void;
  readonly #onReplaced = new Set<(isOtherAuthority: boolean) => void>();
  #material: TlsMaterial;
  #stamp: string;
  /** What the owner should be told about how the key is kept. */
  readonly warnings: readonly string[];

  private constructor(
    files: CertificateFiles,
    material: TlsMaterial,
    stamp: string,
    warnings: readonly string[],
    onProblem: (error: CertificatesFailed) => void,
  ) {
    this.#files = files;
    this.#material = material;
    this.#stamp = stamp;
    this.warnings = warnings;
    this.#onProblem = onProblem;
  }

  /**
   * @param onProblem told when the files were changed and do not fit together; those before stay in use then.
   * @throws CertificatesFailed where a file is missing, cannot be read, or does not fit the others
   */
  static async read(files: CertificateFiles, onProblem: (error: CertificatesFailed) => void): Promise<Certificates> {
    const stamp = await stampOf(files);
    const material = await readMaterial(files);
    const { mode } = await stat(files.key);
    const isShared = process.platform !== 'win32' && (mode & 0o004) !== 0;
    const warnings = isShared ? [`every user of this machine can read the key ${files.key}; chmod 600 it`] : [];
    return new Certificates(files, material, stamp, warnings, onProblem);
  }

  /** What both ends of a link are made with. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Tells of every replacement, and whether other authorities are accepted since; until what it returns is called. */
  onReplaced(tell: (isOtherAuthority: boolean) => void): () => void {
    this.#onReplaced.add(tell);
    return () => this.#onReplaced.delete(tell);
  }

  /** Reads the files again where they have changed. True when there are others from now on. */
  async refresh(): Promise<boolean> {
    try {
      const stamp = await stampOf(this.#files);
      if (stamp === this.#stamp) return false;
      const before = this.#material;
      const material = await readMaterial(this.#files);
      // Another look may have come first.
      if (stamp === this.#stamp) return false;
      this.#material = material;
      this.#stamp = stamp;
      for (const tell of [...this.#onReplaced]) tell(!sameBytes(before.ca, material.ca));
      return true;
    } catch (error) {
      // Perhaps in the middle of a change: they are looked at again.
      if (!(error instanceof CertificatesFailed)) throw error;
      this.#onProblem(error);
      return false;
    }
  }

  toJSON(): string {
    return shown;
  }

  toString(): string {
    return shown;
  }

  static {
    Object.defineProperty(Certificates.prototype, inspect.custom, { value: () => shown });
  }
}

/**
 * The names in the certificate that the other end of a TLS connection has shown: DNS names, IP addresses and URIs of its
 * subjectAltName, and the common names of its subject (RFC 5280). Undefined where the connection is not TLS.
 */
export function certificateNamesOf(socket: Socket): readonly string[] | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const { subject, subjectaltname } = socket.getPeerCertificate();
  const common: unknown = subject?.CN;
  const names = typeof common === 'string' ? [common] : Array.isArray(common) ? common.map(String) : [];
  return [...new Set([...alternativeNames(subjectaltname ?? ''), ...names])];
}

/**
 * Reads what Node makes of a subjectAltName: `DNS:a.example, IP Address:10.0.0.1`. Node puts a name in quotes that has in it what
 * could be taken for another; no name of ours needs that, so such a one is left out.
 */
export function alternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const [, kind, value] of text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const isName = kind === 'DNS' || kind === 'IP Address' || kind === 'URI';
    if (isName && value !== undefined && !value.startsWith('"')) names.push(value);
  }
  return names;
}

/** By what OpenSSL and Node call them. */
const trustCodes =
  /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ERR_TLS_CERT|ALERT_(UNKNOWN_CA|BAD_CERT|CERTIFICATE|UNSUPPORTED_CERT|ACCESS_DENIED)/;

/** True for the code of an error by which one end does not accept the other's certificate. */
export function isTrustProblem(code: string): boolean {
  return trustCodes.test(code);
}

function sameBytes(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

/** Changes when a file does. */
async function stampOf(files: CertificateFiles): Promise<string> {
  const stamps: string[] = [];
  for (const path of [files.ca, files.cert, files.key]) {
    if (path === undefined) continue;
    const { mtimeMs, size, ino } = await reading(path, () => stat(path));
    stamps.push(`${mtimeMs}/${size}/${ino}`);
  }
  return stamps.join(' ');
}

async function readMaterial(files: CertificateFiles): Promise<TlsMaterial> {
  const read = (path: string): Promise<Buffer> => reading(path, () => readFile(path));
  const [ca, cert, key] = await Promise.all([
    files.ca === undefined ? undefined : read(files.ca),
    read(files.cert),
    read(files.key),
  ]);
  const authority = ca === undefined ? undefined : certificateIn(files.ca!, ca);
  const own = certificateIn(files.cert, cert);
  const material: TlsMaterial = { ca, cert, key, minVersion: 'TLSv1.3' };
  try {
    createSecureContext(material);
    // Links would fail one by one, at their other ends; here it can be said by name. A chain may still lead there.
    const isAlone = ca !== undefined && certificatesIn(cert) === 1 && certificatesIn(ca) === 1;
    if (isAlone && !own.checkIssued(authority!)) {
      throw new Error(`the certificate in ${files.cert} was not issued by that in ${files.ca}`);
    }
  } catch (cause) {
    const by = files.ca === undefined ? '' : ` and the authority ${files.ca}`;
    const what = `the certificate ${files.cert}, its key ${files.key}${by} do not fit together`;
    throw new CertificatesFailed('mismatch', `${what}: ${describeThrown(cause)}`, cause);
  }
  return material;
}

function certificateIn(path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertificatesFailed('malformed', `${path} holds no certificate in PEM form`, cause);
  }
}

function certificatesIn(pem: Buffer): number {
  return pem.toString('latin1').split('-----BEGIN CERTIFICATE-----').length - 1;
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing) {
      const text = `there is no file ${path}; give the path of a certificate or key in PEM form`;
      throw new CertificatesFailed('missing', text, cause);
    }
    throw new CertificatesFailed('unreadable', `the file ${path} cannot be read: ${describeThrown(cause)}`, cause);
  }
}
