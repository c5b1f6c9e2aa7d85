/** How nodes of a cluster know each other, as a user says it. */
import { UsageError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type CertificateFiles, Certificates } from '../transport/certificates.ts';
import { SecretFailed } from '../transport/errors.ts';
import { KeptSecret } from '../transport/kept-secret.ts';
import { Secret, secretFromFile } from '../transport/secret.ts';

/** What `secret({ file })` gives: where the secret is, never the secret itself. */
export interface SecretFile {
  /** Tells it from other ways to authenticate. */
  readonly kind: 'secret-file';
  /** Path of the file that holds the secret. */
  readonly file: string;
  /** Path of a second one, which is there while a secret is being replaced. */
  readonly next?: string;
}

/** The secrets that are live, each of at least 32 random bytes; a text stands for its UTF-8 bytes. */
export interface LiveSecrets {
  /** The one that every node has. */
  readonly current: string | Uint8Array;
  /** The one that replaces it, accepted and proved beside it. */
  readonly next?: string | Uint8Array | undefined;
}

/** What `secret({ read })` gives. */
export interface SecretReader {
  /** Tells it from other ways to authenticate. */
  readonly kind: 'secret-reader';
  /** Gives the secrets that are live now. */
  readonly read: () => LiveSecrets | Promise<LiveSecrets>;
}

/**
 * A shared secret of at least 32 random bytes, read from a file, or given by a function. It is read again every 5 s, so that it
 * can be replaced without a restart, and without a link that is refused: give every node the new one as `next`, and once all
 * have it, in place of the first. Links that were opened with a secret that is not live any more end then, and are opened anew;
 * what is under way over them goes on.
 *
 * @param options.file path of the file. Line ends at its end are no part of the secret.
 * @param options.next a second file, which need not be there: where it is, its secret is accepted beside the first. To rename it
 *   to `file` is the second step.
 * @param options.read in the place of files: gives the secrets that are live now. What it throws, once the node runs, changes
 *   nothing and is logged.
 */
export function secret(options: { file: string; next?: string }): SecretFile;
export function secret(options: { read: SecretReader['read'] }): SecretReader;
export function secret(options: {
  file?: string;
  next?: string;
  read?: SecretReader['read'];
}): SecretFile | SecretReader {
  const { file, next, read } = options ?? {};
  if (typeof read === 'function' && file === undefined) return { kind: 'secret-reader', read };
  if (typeof file !== 'string')
    throw new UsageError('secret({ file }) needs the path of a file, or secret({ read }) a function');
  return { kind: 'secret-file', file, ...(next !== undefined && { next }) };
}

/** What `mtls({ ca, cert, key })` gives: where the certificates are, never the key itself. */
export interface MutualTls extends CertificateFiles {
  /** Tells it from other ways to authenticate. */
  readonly kind: 'mutual-tls';
  /** The authorities whose certificates are accepted. */
  readonly ca: string;
}

/**
 * Mutual TLS 1.3: both ends of a link show a certificate of the same authority, and the link is encrypted. Nodes listen on
 * and join `wss://` addresses then; a certificate must be valid for the name or IP address in its node's address.
 * The files are PEM, and are read again when they are replaced.
 *
 * @param options.ca the authority (or several, one after the other) whose certificates are accepted.
 * @param options.cert this node's certificate, followed by those between it and the authority, if any.
 * @param options.key its private key, readable by this node's user only.
 */
export function mtls(options: { ca: string; cert: string; key: string }): MutualTls {
  for (const name of ['ca', 'cert', 'key'] as const) {
    if (typeof options?.[name] !== 'string') throw new UsageError(`mtls({ ca, cert, key }) needs the path of ${name}`);
  }
  return { kind: 'mutual-tls', ca: options.ca, cert: options.cert, key: options.key };
}

/** How nodes know each other. */
export interface Authentication {
  readonly secret: KeptSecret | undefined;
  readonly certificates: Certificates | undefined;
}

/** @throws SecretFailed, CertificatesFailed */
export async function readAuthentication(
  given: SecretFile | SecretReader | MutualTls | undefined,
  log: Logger,
): Promise<Authentication> {
  if (given === undefined) return { secret: undefined, certificates: undefined };
  switch (given.kind) {
    case 'secret-file': {
      const { file, next } = given;
      const secret = await keptSecret(() => secretFromFile(file, next), log);
      for (const warning of secret.current.warnings) log.warn({ file }, warning);
      return { secret, certificates: undefined };
    }
    case 'secret-reader': {
      const read = async (): Promise<Secret> => secretOf(await given.read());
      return { secret: await keptSecret(read, log), certificates: undefined };
    }
    case 'mutual-tls': {
      const certificates = await Certificates.read(given, ({ message }) =>
        log.error(
          { event: 'certificates-kept', cert: given.cert },
          `the certificates were changed, and those before stay in use: ${message}`,
        ),
      );
      for (const warning of certificates.warnings) log.warn({ key: given.key }, warning);
      return { secret: undefined, certificates };
    }
    default:
      given satisfies never;
      throw new UsageError('createSystem: auth takes secret({ file }) or mtls({ ca, cert, key })');
  }
}

function keptSecret(read: () => Promise<Secret>, log: Logger): Promise<KeptSecret> {
  return KeptSecret.read(read, ({ reason, message }) => {
    const event = { event: 'secret-kept' };
    // A file that was taken away once it was read may be meant so.
    if (reason === 'missing') log.warn(event, `the secret's file is gone, and what it held stays in use: ${message}`);
    else log.error(event, `the secret was changed, and the one before stays in use: ${message}`);
  });
}

/** @throws SecretFailed */
function secretOf({ current, next }: LiveSecrets): Secret {
  return new Secret(bytesOf(current), next === undefined ? undefined : bytesOf(next));
}

/** @throws SecretFailed */
function bytesOf(secret: string | Uint8Array): Uint8Array {
  if (typeof secret === 'string') return Buffer.from(secret);
  if (secret instanceof Uint8Array) return secret;
  throw new SecretFailed('unreadable', 'read() gave no secret: it must give { current } of text or bytes');
}
