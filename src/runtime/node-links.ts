/**
 * The links of this process to other nodes: listened for and dialled, redialled when lost.
 *
 * A link has no resume yet: when it is cut, every session over it ends, and a new link is a new epoch. There is one link
 * to a node at most: who dials finds out in the handshake that there is one; of two dials that cross, both nodes keep
 * the one of the lower node id.
 */

import { SpawnFailed } from '../actors/errors.ts';
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { Link, Listener } from '../base/environment/network.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { closeCodes } from '../transport/close-codes.ts';
import { HandshakeFailed } from '../transport/errors.ts';
import { type NodeLink, type NodeProfile, openNodeLink } from '../transport/node-link.ts';
import type { Secret } from '../transport/secret.ts';
import type { Carrier } from '../transport/session.ts';
import { differing } from './fingerprints.ts';
import { type RefusalLine, refusalLog } from './refusal-log.ts';
import { nodeOf, type Router, threadOf } from './router.ts';

export interface NodeLinksOptions {
  readonly environment: Environment;
  readonly profile: NodeProfile;
  readonly clusterId: string;
  readonly secret: Secret | undefined;
  readonly log: Logger;
  readonly router: Router;
  /** A frame for one of our worker threads, as bytes of its own. False when there is no such thread. */
  readonly deliver: (placeId: string, from: string, frame: Uint8Array) => boolean;
  /** There is a new link to a node: our workers must know, and name its epoch with every frame. */
  readonly onNodeUp: (nodeId: string, epoch: number) => void;
  /** A node is gone: our workers must know too. */
  readonly onNodeDown: (nodeId: string, why: string) => void;
  readonly onPlaceDown: (loss: PlaceLoss) => void;
}

interface Peer {
  readonly link: NodeLink;
  /** Numbers the links of this process, so that what was meant for an earlier one is not sent over this. */
  readonly epoch: number;
  /** The node that dialled. */
  readonly dialledBy: string;
  /** Where to join the node again once this link is lost. */
  readonly addresses: Set<string>;
  /** Registered names whose code differs between the two. */
  readonly differing: ReadonlySet<string>;
}

export class NodeLinks {
  readonly #options: NodeLinksOptions;
  readonly #peers = new Map<string, Peer>();
  /** Links whose handshake is not done. */
  readonly #opening = new Set<Link>();
  /** Nodes that have proved themselves to a dial of ours that is not done. */
  readonly #dialled = new Set<string>();
  readonly #rejoins = new Set<Cancel>();
  readonly #abort = new AbortController();
  readonly #notLetIn: RefusalLine;
  readonly #linkLost: RefusalLine;
  #listener: Listener | undefined = undefined;
  #epochs = 0;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    const { environment, log } = options;
    const warn: RefusalLine = (fields, text) => log.warn(fields, text);
    this.#notLetIn = refusalLog(environment.clock, warn);
    this.#linkLost = refusalLog(environment.clock, warn, limits.linkLinesMax);
  }

  /** The address that is listened on. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  get nodeIds(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** The epoch of the link to each node. */
  get epochs(): readonly (readonly [nodeId: string, epoch: number])[] {
    return [...this.#peers].map(([nodeId, { epoch }]) => [nodeId, epoch]);
  }

  get #closing(): boolean {
    return this.#abort.signal.aborted;
  }

  /** @throws ListenFailed */
  async listen(address: string): Promise<void> {
    this.#listener = await this.#options.environment.network.listen({
      address,
      onLink: (link) => {
        this.#open(link, 'listener').catch((error: unknown) => {
          const isLinked = error instanceof HandshakeFailed && error.closeCode === closeCodes.nodeIdentity;
          if (this.#closing || isLinked) return;
          const what = describeThrown(error);
          this.#notLetIn({ remote: link.remote, error: what }, `a node at ${link.remote} was not let in: ${what}`);
        });
      },
    });
  }

  /** Joins the node at `address`, and joins it again whenever the link is lost. @throws DialFailed, HandshakeFailed */
  async join(address: string): Promise<void> {
    await this.#dial(address);
  }

  /** The main place of the node with that role that has the least under way. */
  pick(role: string, actorName: string): string {
    const { router } = this.#options;
    let best: { readonly placeId: string; readonly load: number } | undefined;
    for (const [nodeId, peer] of this.#peers) {
      if (!peer.link.peer.roles.includes(role)) continue;
      const placeId = `${nodeId}/main`;
      const load = router.place(placeId)?.load ?? 0;
      if (best === undefined || load < best.load) best = { placeId, load };
    }
    if (best === undefined) {
      throw new SpawnFailed(
        'no-place',
        `actor "${actorName}": no node with the role "${role}" has joined; start one with \`troupe node --role ${role}\``,
      );
    }
    return best.placeId;
  }

  /** @throws SpawnFailed where the node of that place has other code for the actor */
  refuseIfDiffering(placeId: string, actorName: string): void {
    if (!this.#peers.get(nodeOf(placeId))?.differing.has(actorName)) return;
    throw new SpawnFailed(
      'version',
      `actor "${actorName}" differs between this node and ${placeId}; run the same registry on both`,
    );
  }

  /** The way from our thread `from` to a place of another node. */
  carrierTo(from: string, placeId: string): Carrier | undefined {
    const link = this.#peers.get(nodeOf(placeId))?.link;
    if (link === undefined) return undefined;
    const target = threadOf(placeId);
    return {
      send: (frame) => link.send(from, target, frame),
      drained: () => link.drained(),
    };
  }

  /** Passes a worker's frame on; drops it when it was meant for a link that is gone, as the worker is being told. */
  relay(from: string, to: string, frame: Uint8Array, epoch: number): void {
    const peer = this.#peers.get(nodeOf(to));
    if (peer?.epoch === epoch) peer.link.send(threadOf(from), threadOf(to), frame);
  }

  /** Tells every node that one of our threads has ended. */
  placeDown(placeId: string): void {
    for (const { link } of this.#peers.values()) link.sendPlaceDown(threadOf(placeId));
  }

  /** Cuts the link that a broken session came over. */
  cut(placeId: string, what: string): void {
    this.#peers.get(nodeOf(placeId))?.link.close(4003, what);
  }

  /** Takes no more connections and joins nobody; the links that there are stay. */
  async refuse(): Promise<void> {
    this.#abort.abort();
    for (const cancel of this.#rejoins) cancel();
    await this.#listener?.close();
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const link of this.#opening) link.close(goingAway, shuttingDown);
    for (const { link } of this.#peers.values()) link.close(goingAway, shuttingDown);
  }

  async #dial(address: string): Promise<void> {
    const { signal } = this.#abort;
    const link = await this.#options.environment.network.dial({ address, timeoutMs: limits.joinMs, signal });
    let nodeId: string | undefined;
    const isLinked = (proven: string): boolean => {
      if (this.#peers.has(proven) || this.#dialled.has(proven)) {
        this.#joinedAlready(proven, address);
        return true;
      }
      nodeId = proven;
      this.#dialled.add(proven);
      return false;
    };
    try {
      await this.#open(link, 'dialer', address, isLinked);
    } catch (error) {
      if (!(error instanceof HandshakeFailed && error.reason === 'duplicate')) throw error;
    } finally {
      if (nodeId !== undefined) this.#dialled.delete(nodeId);
    }
  }

  /** There is a link to the node at `address`, or there is about to be one. */
  #joinedAlready(nodeId: string, address: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) this.#rejoin(address, limits.rejoinMsMin);
    else peer.addresses.add(address);
  }

  async #open(
    link: Link,
    side: 'dialer' | 'listener',
    address?: string,
    isLinked: (nodeId: string) => boolean = () => false,
  ): Promise<void> {
    const { environment, profile, clusterId, secret } = this.#options;
    const { clock } = environment;
    const random = environment.random.fork('links');
    this.#opening.add(link);
    if (this.#closing) link.close(goingAway, shuttingDown);
    const opened = await openNodeLink({ link, side, profile, clusterId, secret, clock, random, isLinked }).finally(() =>
      this.#opening.delete(link),
    );
    if (this.#closing) opened.close(goingAway, shuttingDown);
    else this.#joined(opened, side === 'dialer' ? profile.nodeId : opened.peer.nodeId, address);
  }

  /** A link that is ready becomes the one to its node, unless there is a better. */
  #joined(opened: NodeLink, dialledBy: string, address: string | undefined): void {
    const { profile, log, router } = this.#options;
    const { nodeId } = opened.peer;
    const current = this.#peers.get(nodeId);
    const addresses = current?.addresses ?? new Set();
    if (address !== undefined) addresses.add(address);
    if (current !== undefined) {
      // A node that dials again has lost its old link, even if we have not noticed. Else two dials have crossed.
      if (dialledBy > current.dialledBy) {
        opened.close(closeCodes.nodeIdentity, 'the nodes are linked already');
        return;
      }
      this.#lost(nodeId, current.link, 'it has linked anew', closeCodes.nodeIdentity);
    }
    const names = differing(profile.fingerprints, opened.peer.fingerprints);
    if (names.length > 0) {
      log.warn(
        { node: nodeId, names },
        `node ${nodeId} has other code for: ${names.join(', ')}; spawns of these there are refused`,
      );
    }
    this.#epochs += 1;
    const epoch = this.#epochs;
    this.#peers.set(nodeId, { link: opened, epoch, dialledBy, addresses, differing: new Set(names) });
    let isDeaf = false;
    opened.onFrame = (source, target, frame) => {
      const from = `${nodeId}/${source}`;
      if (target === 'main') router.onFrame(from, frame);
      // The frame is a view of a shared buffer, and so is what Buffer.slice gives; the worker gets bytes of its own.
      // A peer that does not read is told no more of threads that there are not: it would be told for every frame.
      else if (!this.#options.deliver(`${profile.nodeId}/${target}`, from, new Uint8Array(frame)) && !isDeaf) {
        isDeaf = !opened.sendPlaceDown(target);
        if (isDeaf) {
          void opened.drained().then(() => {
            isDeaf = false;
          });
        }
      }
    };
    opened.onPlaceDown = (thread) => {
      // How it ended does not travel between nodes.
      const loss: PlaceLoss = { place: `${nodeId}/${thread}`, reason: 'exit', what: 'its thread ended' };
      router.ended(loss);
      this.#options.onPlaceDown(loss);
    };
    this.#options.onNodeUp(nodeId, epoch);
    router.reconnect(nodeId);
    // Last, since it is called at once for a link that has ended meanwhile.
    opened.onClose = ({ code, text }) => {
      if (this.#peers.get(nodeId)?.link !== opened) return;
      if (!this.#closing)
        this.#linkLost({ node: nodeId, code, text }, `the link to node ${nodeId} was lost (${code} ${text})`);
      this.#lost(nodeId, opened, `the link was lost (${code} ${text})`, goingAway);
      for (const one of addresses) this.#rejoin(one, limits.rejoinMsMin);
    };
  }

  #lost(nodeId: string, link: NodeLink, why: string, code: number): void {
    this.#peers.delete(nodeId);
    link.close(code, why);
    this.#options.router.lostNode(nodeId, why);
    this.#options.onNodeDown(nodeId, why);
  }

  #rejoin(address: string, delayMs: number): void {
    const { environment, log } = this.#options;
    if (this.#closing) return;
    const jitter = 0.5 + environment.random.fraction();
    // A node that has nothing else to do waits for the others.
    const cancel = environment.clock.wake(delayMs * jitter, () => {
      this.#rejoins.delete(cancel);
      this.#dial(address).then(
        () => log.info({ address }, `joined ${address} again`),
        (error: unknown) => {
          if (this.#closing) return;
          log.warn(
            { address, error: describeThrown(error) },
            `cannot join ${address} again yet: ${describeThrown(error)}`,
          );
          this.#rejoin(address, Math.min(delayMs * 2, limits.rejoinMsMax));
        },
      );
    });
    this.#rejoins.add(cancel);
  }
}

/** WebSocket's own code for an end that leaves. */
const goingAway = 1001;
const shuttingDown = 'the node is shutting down';
