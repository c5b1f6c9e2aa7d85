/** Another node, as its links come and go: what is known of it from one to the next. */
import type { Cancel } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { AssociationTokens } from '../transport/association.ts';
import { closeCodes } from '../transport/close-codes.ts';
import type { LoadAside } from '../transport/node-aside.ts';
import type { NodeLink } from '../transport/node-link.ts';
import type { NodeRights } from './node-rules.ts';

export interface NodePeer {
  /** `name~incarnation`. */
  readonly nodeId: string;
  readonly roles: readonly string[];
  /** What it may do here. */
  readonly rights: NodeRights;
  /** The wire version that both sides speak. */
  readonly wire: number;
  /** Registered names whose code differs between the two. */
  readonly differing: ReadonlySet<string>;
  /** What is held of it, and can go on; undefined where it knows no such thing. */
  readonly tokens: AssociationTokens | undefined;
  /** Where to join the node again once its link is lost. */
  readonly addresses: Set<string>;
  /** The same for as long as it is away: addresses that it was found at, and that nobody here was told to join. */
  readonly found: Set<string>;
  /** What it announces of itself; undefined where it does not understand what is said beside sessions. */
  readonly address: string | null | undefined;
  /** What it has said last of what it has to do. */
  load: LoadAside | undefined;
  /** When something was placed there last, as a count of all that was. */
  picked: number;
  /** Undefined while the node is away: its link was cut, and another may come. */
  link: NodeLink | undefined;
  /** Numbers the links of this process, so that what was meant for an earlier one is not sent over this. */
  epoch: number;
  /** The node that dialled. */
  dialledBy: string;
  /** Whether the link follows one that was cut. */
  resumes: boolean;
  /** Ends the wait for the next link. */
  endWait: Cancel;
}

/**
 * True where `nodeId`, which was reached at `address` or has dialled, has come in place of a node that is away: under its name,
 * or at its address. The name that nodes have who were given none says nothing.
 */
export function succeeds(nodeId: string, address: string | undefined, old: NodePeer): boolean {
  if (old.nodeId === nodeId || old.link !== undefined) return false;
  const isThere = address !== undefined && (old.addresses.has(address) || old.found.has(address));
  return isThere || isAnother(nodeId, old.nodeId);
}

/** True for two incarnations of one node, as far as names tell. */
export function isAnother(nodeId: string, old: string): boolean {
  const name = nameOf(nodeId);
  return nodeId !== old && name === nameOf(old) && name !== limits.nodeName;
}

/** The name before the incarnation. */
export function nameOf(nodeId: string): string {
  return nodeId.slice(0, nodeId.indexOf('~'));
}

/** WebSocket's own code for an end that leaves. */
export const goingAway = 1001;

/** True for ends after which nothing is to be gone on with: somebody leaves, or has sent what must not be sent again. */
export function isFinal(code: number): boolean {
  return finalCodes.has(code);
}

const finalCodes: ReadonlySet<number> = new Set([
  goingAway,
  // WebSocket: violation, text, UTF-8, fragments, size.
  ...[1002, 1003, 1007, 1008, 1009],
  closeCodes.authentication,
  closeCodes.version,
  closeCodes.protocol,
  closeCodes.limit,
  closeCodes.notAllowed,
]);
