/** A ref to a name and to no actor: `system.ref` and `ctx.ref`. */
import type { Host } from '../host.ts';
import { compiledProtocol } from '../operation.ts';
import type { AnyProtocol } from '../protocol.ts';
import { type InternalRef, refClassOf } from '../ref.ts';
import type { Owner } from '../target.ts';
import { parseActorAddress } from './actor-address.ts';

/** @throws InvalidAddress, UsageError for what is no protocol */
export function refByName(host: Host, protocol: AnyProtocol, address: string, owner: Owner): InternalRef {
  const { name } = compiledProtocol(protocol);
  return new (refClassOf(protocol))(host.byName(parseActorAddress(address), name), owner);
}
