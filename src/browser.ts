/**
 * `troupe` as browsers get it: what protocols are declared with, and the errors that calls end in. Actors and systems run in
 * Node, and are not among it; the types are those of `index.ts`.
 */
export {
  ActorFailed,
  Cancelled,
  DeclaredError,
  InvalidMessage,
  Lagged,
  NotDelivered,
  OutcomeUnknown,
  Rejected,
} from './actors/outcomes.ts';
export { ask, protocol, stream, tell } from './actors/protocol.ts';
export { bytes } from './actors/schema/bytes.ts';
export { move } from './actors/schema/given-away.ts';
export { refOf, refTo } from './actors/schema/ref-schema.ts';
export { share, sharedBytes } from './actors/schema/shared-bytes.ts';
export { TroupeError, UsageError } from './base/errors.ts';
