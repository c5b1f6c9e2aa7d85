/**
 * Where an actor is to run, as data. What it names is chosen when something is spawned, by the runtime: this floor knows
 * only that there are other places.
 */
import { UsageError } from '../../base/errors.ts';
import { checkName } from '../operation.ts';
import type { Address } from '../target.ts';

/** Where an actor is to run: what `here()`, `thread()`, `node({ role })` and `spread([…])` give. */
export type Where =
  | { readonly kind: 'here' }
  | ThreadPlace
  | NodePlace
  | { readonly kind: 'spread'; readonly places: readonly Where[] };

/** A thread, as `thread()` gives it: any worker, the worker of a name, or the place of an actor. */
export interface ThreadPlace {
  /** What tells it from other places. */
  readonly kind: 'thread';
  /** The worker of that name. */
  readonly name?: string;
  /** The actor whose place it is. */
  readonly with?: Address;
}

/** Another node, as `node({ role })` gives it. */
export interface NodePlace {
  /** What tells it from other places. */
  readonly kind: 'node';
  /** What the node is for. */
  readonly role: string;
  /** One after the other, whatever they have to do. */
  readonly inTurn?: boolean;
}

const kinds: readonly unknown[] = ['here', 'thread', 'node', 'spread'];

/** @throws UsageError for what is no place, such as the function that makes one */
export function checkWhere(given: unknown, what: string): asserts given is Where {
  const kind = (given as Partial<Where> | null | undefined)?.kind;
  if (kind === 'thread') checkThread(given as { name?: unknown; with?: unknown }, what);
  if (kinds.includes(kind)) return;
  throw new UsageError(`${what} takes here(), thread(), node({ role }) or spread([…]); it was given ${typeof given}`);
}

/** One that was put together by hand, or came as data. */
function checkThread({ name, with: address }: { name?: unknown; with?: unknown }, what: string): void {
  if (name !== undefined) checkName(name as string, `${what}: the name of a thread`);
  if (address === undefined) return;
  const { place, cell } = (address ?? {}) as { place?: unknown; cell?: unknown };
  if (typeof place === 'string' && Number.isSafeInteger(cell)) return;
  throw new UsageError(`${what}: the address of an actor is { place, cell }; give thread({ with: ref })`);
}
