/** A typed key that actors register under, and are found by: a name, and the protocol that they speak. */
import { checkName, compiledProtocol } from '../operation.ts';
import type { AnyProtocol } from '../protocol.ts';

/** What actors register under and are found by: a name, and the protocol that all of them speak. */
export interface ServiceKey<T extends AnyProtocol> {
  /** Keys of one name are one key, on all threads of a node. */
  readonly name: string;
  /** What those under it speak. */
  readonly protocol: T;
}

/**
 * A key for `ctx.receptionist` and `system.receptionist`. Keys of one name are one key.
 *
 * @param name letters, digits, `-`, `_`, `.`; at most 128 characters.
 * @throws UsageError for another name
 */
export function serviceKey<T extends AnyProtocol>(name: string, protocol: T): ServiceKey<T> {
  checkName(name, 'the name of a service key');
  compiledProtocol(protocol);
  return Object.freeze({ name, protocol });
}
