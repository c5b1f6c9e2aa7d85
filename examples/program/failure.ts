/** Errors, as the examples show them. */
import { TroupeError } from 'troupe';

/** `code: what happened and what to do`, and the stack only of what nobody foresaw. */
export function describeFailure(error: unknown): string {
  if (error instanceof TroupeError) return `${error.code}: ${error.message}`;
  return `Unexpected: ${error instanceof Error ? error.stack : String(error)}`;
}
