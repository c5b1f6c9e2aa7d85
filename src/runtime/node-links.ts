/**
 * The links of this process to other nodes: listened for and dialled, redialled when lost.
 *
 * A link has no resume yet: when it is cut, every session over it ends, and a new link is a new epoch.
 */

import { SpawnFailed } from '../actors/errors.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { Link, Listener } from '../base/environment/network.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { type NodeLink, type NodeProfile, openNodeLink } from '../transport/node-link.ts';
import type { Secret } from '../transport/secret.ts';
import type { Carrier } from '../transport/session.ts';
import { differing } from './fingerprints.ts';
import { nodeOf, type Router, threadOf } from './router.ts';

export interface NodeLinksOptions {
  readonly environment: Environment;
  readonly profile: NodeProfile;
  readonly clusterId: string;
  readonly secret: Secret | undefined;
  readonly log: Logger;
  readonly router: Router;
  /** A frame for one of our worker threads. */
  readonly deliver: (placeId: string, from: string, frame: Uint8Array) => void;
  /** A node is gone: our workers must know too. */
  readonly onNodeDown: (nodeId: string, why: string) => void;
  readonly onPlaceDown: (placeId: string, why: string) => void;
}

interface Peer {
  readonly link: NodeLink;
  /** Registered names whose code differs between the two. */
  readonly differing: ReadonlySet<string>;
}

export class NodeLinks {
  readonly #options: NodeLinksOptions;
  readonly #peers = new Map<string, Peer>();
  #listener: Listener | undefined = undefined;
  #closing = false;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
  }

  /** The address that is listened on. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  get nodeIds(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** @throws ListenFailed */
  async listen(address: string): Promise<void> {
    this.#listener = await this.#options.environment.network.listen({
      address,
      onLink: (link) => {
        this.#open(link, 'listener').catch((error: unknown) => {
          this.#options.log.warn(
            { remote: link.remote, error: describeThrown(error) },
            `a node at ${link.remote} was not let in: ${describeThrown(error)}`,
          );
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
    let best: { readonly placeId: string; readonly load: number; readonly peer: Peer } | undefined;
    for (const [nodeId, peer] of this.#peers) {
      if (!peer.link.peer.roles.includes(role)) continue;
      const placeId = `${nodeId}/main`;
      const load = router.place(placeId)?.load ?? 0;
      if (best === undefined || load < best.load) best = { placeId, load, peer };
    }
    if (best === undefined) {
      throw new SpawnFailed(
        'no-place',
        `actor "${actorName}": no node with the role "${role}" has joined; start one with \`troupe node --role ${role}\``,
      );
    }
    if (best.peer.differing.has(actorName)) {
      throw new SpawnFailed(
        'version',
        `actor "${actorName}" differs between this node and ${best.placeId}; run the same registry on both`,
      );
    }
    return best.placeId;
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

  /** Passes a worker's frame on. False when there is no link. */
  relay(from: string, to: string, frame: Uint8Array): boolean {
    const link = this.#peers.get(nodeOf(to))?.link;
    if (link === undefined) return false;
    link.send(threadOf(from), threadOf(to), frame);
    return true;
  }

  /** Tells every node that one of our threads has ended. */
  placeDown(placeId: string): void {
    for (const { link } of this.#peers.values()) link.sendPlaceDown(threadOf(placeId));
  }

  /** Cuts the link that a broken session came over. */
  cut(placeId: string, what: string): void {
    this.#peers.get(nodeOf(placeId))?.link.close(4003, what);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#listener?.close();
    for (const { link } of this.#peers.values()) link.close(1001, 'the node is shutting down');
  }

  async #dial(address: string): Promise<void> {
    const link = await this.#options.environment.network.dial({ address, timeoutMs: limits.joinMs });
    await this.#open(link, 'dialer', () => this.#rejoin(address, limits.rejoinMsMin));
  }

  async #open(link: Link, side: 'dialer' | 'listener', onLost?: () => void): Promise<void> {
    const { environment, profile, clusterId, secret, log } = this.#options;
    const random = environment.random.fork('links');
    const opened = await openNodeLink({ link, side, profile, clusterId, secret, clock: environment.clock, random });
    const { nodeId } = opened.peer;
    // The same incarnation again: its old link is dead, even if we have not noticed.
    this.#lost(nodeId, this.#peers.get(nodeId)?.link, 'it has linked anew');
    const names = differing(profile.fingerprints, opened.peer.fingerprints);
    if (names.length > 0) {
      log.warn(
        { node: nodeId, names },
        `node ${nodeId} has other code for: ${names.join(', ')}; spawns of these there are refused`,
      );
    }
    this.#peers.set(nodeId, { link: opened, differing: new Set(names) });
    opened.onFrame = (source, target, frame) => {
      const from = `${nodeId}/${source}`;
      if (target === 'main') this.#options.router.onFrame(from, frame);
      // The frame is a view of a shared buffer; the worker gets bytes of its own.
      else this.#options.deliver(`${profile.nodeId}/${target}`, from, frame.slice());
    };
    opened.onPlaceDown = (thread) => {
      this.#options.router.lost(`${nodeId}/${thread}`, 'its thread ended');
      this.#options.onPlaceDown(`${nodeId}/${thread}`, 'its thread ended');
    };
    opened.onClose = ({ code, text }) => {
      if (!this.#closing)
        log.warn({ node: nodeId, code, text }, `the link to node ${nodeId} was lost (${code} ${text})`);
      this.#lost(nodeId, opened, `the link was lost (${code} ${text})`);
      if (!this.#closing) onLost?.();
    };
  }

  #lost(nodeId: string, link: NodeLink | undefined, why: string): void {
    if (link === undefined || this.#peers.get(nodeId)?.link !== link) return;
    this.#peers.delete(nodeId);
    link.close(1001, why);
    this.#options.router.lostNode(nodeId, why);
    this.#options.onNodeDown(nodeId, why);
  }

  #rejoin(address: string, delayMs: number): void {
    const { environment, log } = this.#options;
    const jitter = 0.5 + environment.random.fraction();
    environment.clock.timer(delayMs * jitter, () => {
      if (this.#closing) return;
      this.#dial(address).then(
        () => log.info({ address }, `joined ${address} again`),
        (error: unknown) => {
          log.warn(
            { address, error: describeThrown(error) },
            `cannot join ${address} again yet: ${describeThrown(error)}`,
          );
          this.#rejoin(address, Math.min(delayMs * 2, limits.rejoinMsMax));
        },
      );
    });
  }
}
