/** Sending once more what was kept: a dead letter, or a message in quarantine. */
import { UsageError } from '../base/errors.ts';
import type { Operation } from './operation.ts';
import type { AnyRef } from './protocol.ts';
import { isRef, reveal } from './ref.ts';
import type { Owner, Target } from './target.ts';

/** The operation of another actor that has the name of `label`, such as `inc` of `counter.inc`. @throws UsageError */
export function operationOf(ref: AnyRef, label: string): { readonly target: Target; readonly operation: Operation } {
  if (!isRef(ref)) throw new UsageError(`replay(…) takes a ref of an actor; it was given ${typeof ref}`);
  const name = label.slice(label.lastIndexOf('.') + 1);
  const bound = reveal((ref as unknown as Readonly<Record<string, unknown>>)[name]);
  if (bound !== undefined) return bound;
  throw new UsageError(`${label} cannot be replayed to ${String(ref)}, which has no operation "${name}"`);
}

/** A tell waits for room, and an ask for its reply. @throws UsageError for a stream */
export function send(target: Target, operation: Operation, message: unknown, owner: Owner): Promise<unknown> {
  switch (operation.kind) {
    case 'tell':
      return target.offer(operation, message, undefined, owner);
    case 'ask':
      return target.ask(operation, message, undefined, owner);
    case 'stream':
      throw noReplay(operation);
    default:
      return operation.kind satisfies never;
  }
}

export function noReplay({ label }: Operation): UsageError {
  return new UsageError(`${label} is a stream, and its reader is gone: open it anew instead of replaying it`);
}
