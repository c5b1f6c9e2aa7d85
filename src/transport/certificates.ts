/**
 * The certificates by which nodes know each other over TLS: whoever has one of the given authority is let in, and
 * nobody else. Both ends ask for the other's (mutual TLS, RFC 8446): without asking, anyone would get in.
 *
 * The files are read again when they have changed, since certificates are replaced while nodes run. What the key is
 * never leaves this object but to Node's TLS.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { inspect } from 'node:util';
import { describeThrown } from '../base/errors.ts';
import { CertificatesFailed } from './errors.ts';

/** Where the certificates are, as PEM files. */
export interface CertificateFiles {
  /** The authorities whose certificates are accepted. */
  readonly ca: string;
  /** This node's own certificate. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/** The files' contents, as Node's TLS takes them. */
export interface TlsMaterial {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.3';
}

const shown = '[certificates]';

export class Certificates {
  readonly #files: CertificateFiles;
  readonly #onProblem: (error: CertificatesFailed) => void;
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

  /** Reads the files again where they have changed. True when there are others from now on. */
  async refresh(): Promise<boolean> {
    try {
      const stamp = await stampOf(this.#files);
      if (stamp === this.#stamp) return false;
      this.#material = await readMaterial(this.#files);
      this.#stamp = stamp;
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

/** Changes when a file does. */
async function stampOf(files: CertificateFiles): Promise<string> {
  const stamps: string[] = [];
  for (const path of [files.ca, files.cert, files.key]) {
    const { mtimeMs, size, ino } = await reading(path, () => stat(path));
    stamps.push(`${mtimeMs}/${size}/${ino}`);
  }
  return stamps.join(' ');
}

async function readMaterial(files: CertificateFiles): Promise<TlsMaterial> {
  const read = (path: string): Promise<Buffer> => reading(path, () => readFile(path));
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
  const authority = certificateIn(files.ca, ca);
  const own = certificateIn(files.cert, cert);
  const material: TlsMaterial = { ca, cert, key, minVersion: 'TLSv1.3' };
  try {
    createSecureContext(material);
    // Links would fail one by one, at their other ends; here it can be said by name. A chain may still lead there.
    if (!own.checkIssued(authority) && certificatesIn(cert) === 1 && certificatesIn(ca) === 1) {
      throw new Error(`the certificate in ${files.cert} was not issued by that in ${files.ca}`);
    }
  } catch (cause) {
    const what = `the certificate ${files.cert}, its key ${files.key} and the authority ${files.ca} do not fit together`;
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
    if (isMissing) throw new CertificatesFailed('missing', `there is no file ${path}; mtls({ ca, cert, key })`, cause);
    throw new CertificatesFailed('unreadable', `the file ${path} cannot be read: ${describeThrown(cause)}`, cause);
  }
}
