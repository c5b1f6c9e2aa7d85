/** How nodes of a cluster know each other, as a user says it. */
import { UsageError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type CertificateFiles, Certificates } from '../transport/certificates.ts';
import { type Secret, secretFromFile } from '../transport/secret.ts';

/** What `secret({ file })` gives: where the secret is, never the secret itself. */
export interface SecretFile {
  /** Tells it from other ways to authenticate. */
  readonly kind: 'secret-file';
  /** Path of the file that holds the secret. */
  readonly file: string;
  /** Path of a second one that is accepted too, while a secret is being replaced. */
  readonly next?: string;
}

/**
 * A shared secret of at least 32 random bytes, read from a file.
 *
 * @param options.next a second file, accepted beside the first while a secret is being replaced.
 */
export function secret(options: { file: string; next?: string }): SecretFile {
  if (typeof options?.file !== 'string') throw new UsageError('secret({ file }) needs the path of a file');
  return { kind: 'secret-file', ...options };
}

/** What `mtls({ ca, cert, key })` gives: where the certificates are, never the key itself. */
export interface MutualTls extends CertificateFiles {
  /** Tells it from other ways to authenticate. */
  readonly kind: 'mutual-tls';
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
  readonly secret: Secret | undefined;
  readonly certificates: Certificates | undefined;
}

/** @throws SecretFailed, CertificatesFailed */
export async function readAuthentication(
  given: SecretFile | MutualTls | undefined,
  log: Logger,
): Promise<Authentication> {
  if (given === undefined) return { secret: undefined, certificates: undefined };
  switch (given.kind) {
    case 'secret-file': {
      const secret = await secretFromFile(given.file, given.next);
      for (const warning of secret.warnings) log.warn({ file: given.file }, warning);
      return { secret, certificates: undefined };
    }
    case 'mutual-tls': {
      const certificates = await Certificates.read(given, ({ message }) =>
        log.error({ cert: given.cert }, `the certificates were changed, and those before stay in use: ${message}`),
      );
      for (const warning of certificates.warnings) log.warn({ key: given.key }, warning);
      return { secret: undefined, certificates };
    }
    default:
      given satisfies never;
      throw new UsageError('createSystem: auth takes secret({ file }) or mtls({ ca, cert, key })');
  }
}
