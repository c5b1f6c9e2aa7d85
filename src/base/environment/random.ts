/** Chance as the runtime sees it. */

export interface Random {
  /** A uniform integer in [0, 2^32). */
  u32(): number;
  /** A uniform number in [0, 1). */
  fraction(): number;
  /** A short name, unique for all practical purposes; for node and session names, never for hot ids. */
  id(): string;
  /** `length` bytes fit for secrets and nonces in production. */
  bytes(length: number): Uint8Array;
  /** An independent stream for one subsystem, so that switching that subsystem off shifts no other. */
  fork(label: string): Random;
}
