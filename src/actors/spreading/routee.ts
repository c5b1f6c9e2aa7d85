/** One of those that a router passes messages on to, wherever it lives. */
import type { InternalRef } from '../ref.ts';
import type { Target } from '../target.ts';

export interface Routee {
  readonly ref: InternalRef;
  readonly target: Target;
  /** Stays the same for what takes another's place: what a consistent hash goes by. */
  readonly name: string;
}
