/**
 * Which node of a role something is placed on: the one with the least to do, by what it says of itself and by what is under way
 * to it; where they are alike they take turns, as threads do (`thread-choice.ts`).
 *
 * What a node says is believed for this and for nothing else: one that lies gets more than its share, or less.
 */
import { SpawnFailed } from '../actors/errors.ts';
import { limits } from '../base/limits.ts';
import type { NodePeer } from './node-peer.ts';

export interface NodeChoiceOptions {
  /** All that there are, those that are away included. */
  readonly peers: () => Iterable<NodePeer>;
  /** How many messages are under way to a node's main thread. */
  readonly underWayTo: (nodeId: string) => number;
}

export class NodeChoice {
  readonly #options: NodeChoiceOptions;
  #picks = 0;

  constructor(options: NodeChoiceOptions) {
    this.#options = options;
  }

  /**
   * The node for what comes next. One that is away comes last, one that is leaving not at all.
   *
   * @param inTurn whatever they have to do
   * @throws SpawnFailed
   */
  pick(role: string, inTurn: boolean, actorName: string): NodePeer {
    const all = [...this.#options.peers()];
    const staying = all.filter(({ roles, load }) => roles.includes(role) && load?.isLeaving !== true);
    const linked = staying.filter(({ link }) => link !== undefined);
    const candidates = linked.length > 0 ? linked : staying;
    if (candidates.length === 0) throw new SpawnFailed('no-place', nobodyText(role, all, actorName));
    const peer = longestAgo(inTurn ? candidates : this.#leastBusy(candidates));
    this.#picks += 1;
    peer.picked = this.#picks;
    return peer;
  }

  #leastBusy(peers: readonly NodePeer[]): readonly NodePeer[] {
    const busy = peers.map((peer) => this.#busyness(peer));
    const alike = Math.min(...busy) + limits.threadUseAlike;
    return peers.filter((_, index) => busy[index]! < alike);
  }

  /** The use of its loop, and whole frames that wait there or are under way: less than that is chance. */
  #busyness({ nodeId, load }: NodePeer): number {
    const waiting = (load?.queued ?? 0) + this.#options.underWayTo(nodeId);
    return (load?.use ?? 0) + Math.floor(waiting / limits.frameMessagesMax);
  }
}

function longestAgo(peers: readonly NodePeer[]): NodePeer {
  return peers.reduce((best, one) => (one.picked < best.picked ? one : best));
}

function nobodyText(role: string, peers: readonly NodePeer[], actorName: string): string {
  const leaving = peers.filter(({ roles }) => roles.includes(role)).map(({ nodeId }) => nodeId);
  if (leaving.length > 0) {
    return `actor "${actorName}": no node with the role "${role}" stays; ${some(leaving)} shut${leaving.length > 1 ? '' : 's'} down`;
  }
  const counts = new Map<string, number>();
  for (const { roles } of peers) for (const one of roles) counts.set(one, (counts.get(one) ?? 0) + 1);
  const there = [...counts].map(([one, count]) => `${one} (${count})`);
  const roles = there.length === 0 ? 'none with a role has' : `those that have are ${some(there)}`;
  return `actor "${actorName}": no node with the role "${role}" has joined, ${roles}; start one with \`troupe node --role ${role}\``;
}

/** The first of them. */
function some(texts: readonly string[]): string {
  const shown = texts.slice(0, limits.namesInText).join(', ');
  return texts.length > limits.namesInText ? `${shown}, …` : shown;
}
