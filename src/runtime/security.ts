/** How nodes of a cluster know each other, as a user says it. */
import { UsageError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
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

/** @throws SecretFailed */
export async function readSecret(given: SecretFile, log: Logger): Promise<Secret> {
  if (given?.kind !== 'secret-file') throw new UsageError('createSystem: auth takes secret({ file })');
  const read = await secretFromFile(given.file, given.next);
  for (const warning of read.warnings) log.warn({ file: given.file }, warning);
  return read;
}
