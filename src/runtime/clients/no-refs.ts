/**
 * Values without refs: a ref names a place and an actor, and whoever holds one may say anything to it. So clients are given
 * none, and what they send as one is not taken for it.
 */

import { InvalidValue } from '../../actors/schema/errors.ts';
import type { MessageType } from '../../actors/schema/message-type.ts';
import type { RefReceiver } from '../../actors/schema/ref-rules.ts';
import type { Owner } from '../../actors/target.ts';

/** What looks like a ref stays what it is: data. */
export const takesNoRefs: RefReceiver = { refFromWire: () => undefined };

const adoptsNoRefs: Pick<Owner, 'adopt'> = {
  adopt() {
    throw new InvalidValue('a ref cannot be sent between a client and its server; name the actor in place of it');
  },
};

/** The wire form of a parsed value. @throws InvalidValue where it cannot be sent, or holds a ref */
export function wireWithoutRefs(type: MessageType, parsed: unknown): unknown {
  return type.toWire(type.plain ? parsed : type.rebind(parsed, adoptsNoRefs));
}
