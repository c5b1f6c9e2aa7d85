/** The WebSocket close codes that Troupe gives a meaning, as listed in docs/wire-protocol.md. */
export const closeCodes = {
  /** Closed on purpose, nothing wrong. */
  normal: 1000,
  /** The socket ended without a close frame. */
  abnormal: 1006,
  /** A client leaves for good; a browser lets a page say none of the WebSocket codes but 1000, which says less. */
  left: 4000,
  /** The peer did not prove that it knows the secret, in time. */
  authentication: 4001,
  /** The peer speaks no version of the protocol that we speak. */
  version: 4002,
  /** The peer sent bytes that the protocol forbids. */
  protocol: 4003,
  /** The peer's node id is our own or is already linked. */
  nodeIdentity: 4004,
  /** The peer exceeded a limit of the link. */
  limit: 4005,
  /** The peer asked for what it may not have. */
  notAllowed: 4006,
  /** The peer does not read what is sent to it. */
  tooSlow: 4008,
  /** Nothing was heard from the peer. */
  silent: 4009,
} as const;

export interface CloseReason {
  readonly code: number;
  readonly text: string;
}
