/**
 * The links of this process to other nodes: listened for and dialled, redialled when lost.
 *
 * A node whose link was cut is away for a while: sessions with its places are suspended, and go on over the next link where
 * both sides still hold the same (`transport/association.ts`). After `resumeMs`, or where it was started anew, it is lost, and
 * they end. A node that was only heard of is looked for (`introductions.ts`), and what is for it waits in the same way. There
 * is one link to a node at most: who dials finds out in the handshake that there is one; of two dials that cross, both nodes
 * keep the one of the lower node id. Who dials once the link is up, and would go on with what it carries, has lost it, whether
 * or not that was noticed here.
 */

import { SpawnFailed } from '../actors/errors.ts';
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { NodePlace } from '../actors/placed/where.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { Link, Listener } from '../base/environment/network.ts';
import type { Random } from '../base/environment/random.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { type AssociationOffer, agree, newToken } from '../transport/association.ts';
import type { Certificates } from '../transport/certificates.ts';
import { closeCodes } from '../transport/close-codes.ts';
import { DialFailed, HandshakeFailed } from '../transport/errors.ts';
import type { KeptSecret } from '../transport/kept-secret.ts';
import type { NodeAside, WhereAside } from '../transport/node-aside.ts';
import { type NodeLink, type NodeProfile, openNodeLink, type ProvenPeer } from '../transport/node-link.ts';
import type { Carrier } from '../transport/session.ts';
import { Audit } from './audit.ts';
import { differing } from './fingerprints.ts';
import { type Askable, Introductions } from './introductions.ts';
import { LoadReports } from './load-reports.ts';
import { NodeChoice } from './node-choice.ts';
import { goingAway, isAnother, isFinal, type NodePeer, nameOf, succeeds } from './node-peer.ts';
import { allRights, type NodeRights, type NodeRules, sameRights } from './node-rules.ts';
import { Redial } from './redial.ts';
import { type RefusalLine, refusalLog } from './refusal-log.ts';
import { nodeOf, type Router, threadOf } from './router.ts';
import type { NodeNews } from './thread-messages.ts';

export interface NodeLinksOptions {
  readonly environment: Environment;
  /** What this node says of itself, but for its address. */
  readonly profile: NodeProfile;
  /** What it says to be dialled at: the address that it listens on unless given. */
  readonly announce?: string | undefined;
  /** Whether a node may be dialled there that only others have named. */
  readonly mayDial: (address: string) => boolean;
  readonly clusterId: string;
  readonly secret: KeptSecret | undefined;
  readonly certificates: Certificates | undefined;
  /** Who may join; undefined: every node that has proved itself, and may do everything. */
  readonly rules: NodeRules | undefined;
  readonly log: Logger;
  readonly router: Router;
  /** Messages that wait for the actors of this thread. */
  readonly queued: () => number;
  /** How long a node may be away; 0: not at all. */
  readonly resumeMs: number;
  /** A frame for one of our worker threads, as bytes of its own. False when there is no such thread. */
  readonly deliver: (placeId: string, from: string, frame: Uint8Array) => boolean;
  /** What our workers must know too. */
  readonly onNews: (news: NodeNews) => void;
  readonly onPlaceDown: (loss: PlaceLoss) => void;
}

export class NodeLinks {
  readonly #options: NodeLinksOptions;
  readonly #random: Random;
  readonly #peers = new Map<string, NodePeer>();
  /** Links whose handshake is not done. */
  readonly #opening = new Set<Link>();
  /** Nodes that have proved themselves to a dial of ours that is not done. */
  readonly #dialled = new Set<string>();
  readonly #redial: Redial;
  readonly #introductions: Introductions;
  readonly #choice: NodeChoice;
  readonly #loads: LoadReports;
  readonly #abort = new AbortController();
  readonly #audit: Audit;
  readonly #forgetCertificates: () => void;
  readonly #unfound: RefusalLine;
  #listener: Listener | undefined = undefined;
  #epochs = 0;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    const { environment, log, secret, certificates } = options;
    this.#random = environment.random.fork('associations');
    this.#redial = new Redial({
      environment,
      log,
      dial: (address) => this.#dial(address),
      isAwaited: (address) => this.#isAwaited(address),
    });
    this.#audit = new Audit(environment.clock, log);
    secret?.begin(environment.clock, () => this.#secretReplaced());
    const onCertificates = (isOtherAuthority: boolean): void => this.#certificatesReplaced(isOtherAuthority);
    this.#forgetCertificates = certificates?.onReplaced(onCertificates) ?? (() => undefined);
    this.#introductions = new Introductions({
      clock: environment.clock,
      isKnown: (nodeId) => nodeId === options.profile.nodeId || this.#peers.has(nodeId),
      askable: () => this.#askable(),
      dial: (address, nodeId) => this.#dialFound(address, nodeId),
      onFailed: (nodeId, why) => this.#notFound(nodeId, why),
    });
    this.#choice = new NodeChoice({
      peers: () => this.#peers.values(),
      underWayTo: (nodeId) => options.router.place(`${nodeId}/main`)?.load ?? 0,
    });
    this.#loads = new LoadReports({
      clock: environment.clock,
      use: () => environment.places.use?.() ?? 0,
      queued: options.queued,
    });
    this.#unfound = refusalLog(environment.clock, (fields, text) => log.warn(fields, text), limits.linkLinesMax);
  }

  /** The address that is listened on. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  /** Nodes that there is a link to; those that are away are not among them. */
  get nodeIds(): readonly string[] {
    return [...this.#peers.values()].filter(({ link }) => link !== undefined).map(({ nodeId }) => nodeId);
  }

  /** What a worker must know that begins now. */
  get news(): readonly NodeNews[] {
    return [...this.#peers.values()].map(({ nodeId, wire, link, epoch, resumes, rights }) =>
      link === undefined
        ? { kind: 'node-away', nodeId, wire }
        : { kind: 'node-up', nodeId, wire, epoch, resumes, rights },
    );
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
          const reason = error instanceof HandshakeFailed ? error.reason : 'failed';
          const fields = { remote: link.remote, reason, error: what };
          this.#audit.line('node-refused', fields, `a node at ${link.remote} was not let in: ${what}`);
        });
      },
    });
  }

  /** Joins the node at `address`, and joins it again whenever the link is lost. @throws DialFailed, HandshakeFailed */
  async join(address: string): Promise<void> {
    await this.#dial(address);
  }

  /** The main place of a node with that role. @throws SpawnFailed */
  pick({ role, inTurn = false }: NodePlace, actorName: string): string {
    return `${this.#choice.pick(role, inTurn, actorName).nodeId}/main`;
  }

  /** @throws SpawnFailed where the node of that place has other code for the actor */
  refuseIfDiffering(placeId: string, actorName: string): void {
    if (!this.#peers.get(nodeOf(placeId))?.differing.has(actorName)) return;
    throw new SpawnFailed(
      'version',
      `actor "${actorName}" differs between this node and ${placeId}; run the same registry on both`,
    );
  }

  /** The wire version that the node of that place speaks with us; undefined where nothing is known of it. */
  wireOf(placeId: string): number | undefined {
    return this.#peers.get(nodeOf(placeId))?.wire;
  }

  /** The way from our thread `from` to a place of another node. */
  carrierTo(from: string, placeId: string): Carrier | 'away' | undefined {
    const nodeId = nodeOf(placeId);
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return this.#introductions.want(nodeId) ? 'away' : undefined;
    const { link, resumes } = peer;
    if (link === undefined) return 'away';
    const target = threadOf(placeId);
    return {
      resumes,
      send: (frame) => link.send(from, target, frame),
      drained: () => link.drained(),
    };
  }

  /** Looks for a node, where there is no link to it and none to be expected. */
  seek(nodeId: string): void {
    if (!this.#peers.has(nodeId)) this.#introductions.want(nodeId);
  }

  /** Why there is no link to a node. */
  whyLost(nodeId: string): string {
    return this.#introductions.why(nodeId);
  }

  /** A worker has something for a node that it does not know. It is told when there is a link, or that there will be none. */
  wanted(nodeId: string): void {
    if (this.#peers.has(nodeId) || this.#introductions.want(nodeId)) return;
    this.#options.onNews({ kind: 'node-down', nodeId, why: this.#introductions.why(nodeId) });
  }

  /** The id of the node of that id, or of that name. @throws NotDelivered where none is known */
  async locate(node: string): Promise<string> {
    return this.#called(node)?.nodeId ?? (node.includes('~') ? node : this.#introductions.named(node));
  }

  /**
   * Passes a worker's frame on; drops it when it was meant for a link that is gone, as the worker is being told: its session
   * sends it again, or ends.
   */
  relay(from: string, to: string, frame: Uint8Array, epoch: number): void {
    const peer = this.#peers.get(nodeOf(to));
    if (peer?.epoch === epoch) peer.link?.send(threadOf(from), threadOf(to), frame);
  }

  /** Tells every node that one of our threads has ended; one that is away finds out when its session there resumes. */
  placeDown(placeId: string): void {
    for (const { link } of this.#peers.values()) link?.sendPlaceDown(threadOf(placeId));
  }

  /** Cuts off the node of a broken session: it cannot go on. */
  cut(placeId: string, what: string): void {
    const peer = this.#peers.get(nodeOf(placeId));
    if (peer === undefined) return;
    if (peer.link === undefined) this.#lost(peer, `a session with it broke: ${what}`, closeCodes.protocol);
    else peer.link.close(closeCodes.protocol, what);
  }

  /** Takes no more connections and joins nobody; the links that there are stay, and who is away cannot come back. */
  async refuse(): Promise<void> {
    this.#abort.abort();
    this.#redial.close();
    this.#options.secret?.close();
    this.#forgetCertificates();
    this.#introductions.close();
    this.#loads.leave();
    for (const peer of [...this.#peers.values()]) {
      if (peer.link === undefined) this.#lost(peer, 'this node is shutting down', goingAway);
    }
    await this.#listener?.close();
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const link of this.#opening) link.close(goingAway, shuttingDown);
    for (const { link } of [...this.#peers.values()]) link?.close(goingAway, shuttingDown);
  }

  // ── nodes that others know ──

  #askable(): readonly Askable[] {
    const askable: Askable[] = [];
    for (const { nodeId, address, link } of this.#peers.values()) {
      if (address === undefined || link === undefined) continue;
      askable.push({ nodeId, ask: (question, tellIt) => void link.sendAside({ kind: 'where', question, tellIt }) });
    }
    return askable;
  }

  /** The node of that id or name that is linked, the one that came last where there are several; else one that is away. */
  #called(node: string): NodePeer | undefined {
    const exact = this.#peers.get(node);
    if (exact !== undefined || node.includes('~')) return exact;
    const named = [...this.#peers.values()].filter(({ nodeId }) => nameOf(nodeId) === node);
    return named.findLast(({ link }) => link !== undefined) ?? named.at(-1);
  }

  #onAside(peer: NodePeer, link: NodeLink, aside: NodeAside): void {
    switch (aside.kind) {
      case 'where':
        this.#answer(peer, link, aside);
        return;
      case 'node-at':
        this.#introductions.told(peer.nodeId, aside.question, aside.nodeId, aside.address);
        return;
      case 'load':
        peer.load = aside;
        return;
      default:
        aside satisfies never;
    }
  }

  /** Says what the node that is asked for has announced here; nothing that is known by hearsay alone. */
  #answer(peer: NodePeer, link: NodeLink, { question, tellIt }: WhereAside): void {
    const known = this.#called(question);
    const nodeId = known?.nodeId ?? '';
    link.sendAside({ kind: 'node-at', question, nodeId, address: known?.address ?? '' });
    if (known?.link === undefined || typeof peer.address !== 'string') return;
    // It cannot be dialled, so it is to dial.
    if (!tellIt && typeof known.address === 'string') return;
    known.link.sendAside({ kind: 'node-at', question: peer.nodeId, nodeId: peer.nodeId, address: peer.address });
  }

  #notFound(nodeId: string, why: string): void {
    const { router, onNews } = this.#options;
    if (!this.#closing) this.#unfound({ node: nodeId }, `node ${nodeId}, of which others spoke, was not found: ${why}`);
    router.lostNode(nodeId, why);
    onNews({ kind: 'node-down', nodeId, why });
  }

  /** @throws where that node is not there */
  async #dialFound(address: string, nodeId: string): Promise<void> {
    if (!this.#options.mayDial(address)) {
      throw new DialFailed('bad-address', `without auth this node dials nobody beyond this machine that others name`);
    }
    await this.#dial(address, nodeId);
    if (this.#peers.get(nodeId)?.link === undefined) throw new Error('the link has ended at once');
  }

  /** @param expected the node that must be there; undefined for whoever is */
  async #dial(address: string, expected?: string): Promise<void> {
    const { signal } = this.#abort;
    const link = await this.#options.environment.network.dial({ address, timeoutMs: limits.joinMs, signal });
    let nodeId: string | undefined;
    let other: string | undefined;
    const isLinked = (proven: string): boolean => {
      if (expected !== undefined && proven !== expected) {
        other = proven;
        return true;
      }
      if (this.#peers.get(proven)?.link !== undefined || this.#dialled.has(proven)) {
        if (expected === undefined) this.#joinedAlready(proven, address);
        return true;
      }
      nodeId = proven;
      this.#dialled.add(proven);
      return false;
    };
    try {
      await this.#open(link, 'dialer', { address, isFound: expected !== undefined }, isLinked);
    } catch (error) {
      if (other !== undefined) throw new Error(`it is node ${other} that is there`);
      if (!(error instanceof HandshakeFailed && error.reason === 'duplicate')) throw error;
    } finally {
      if (nodeId !== undefined) this.#dialled.delete(nodeId);
    }
  }

  /** There is a link to the node at `address`, or there is about to be one. */
  #joinedAlready(nodeId: string, address: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer?.link === undefined) this.#redial.again(address);
    else peer.addresses.add(address);
  }

  async #open(
    link: Link,
    side: 'dialer' | 'listener',
    at?: DialledAt,
    isLinked: (nodeId: string) => boolean = () => false,
  ): Promise<void> {
    const { environment, clusterId, rules } = this.#options;
    const profile = { ...this.#options.profile, address: this.#announced };
    const secret = this.#options.secret?.current;
    const { clock } = environment;
    const random = environment.random.fork('links');
    const begunAfter = this.#epochs;
    this.#opening.add(link);
    if (this.#closing) link.close(goingAway, shuttingDown);
    const offer = (nodeId: string): AssociationOffer => this.#offer(nodeId);
    const refuses = rules === undefined ? undefined : (proven: ProvenPeer) => rules.refusal(proven);
    const options = { link, side, profile, clusterId, secret, clock, random, isLinked, refuses, offer };
    const opened = await openNodeLink(options).finally(() => this.#opening.delete(link));
    if (this.#closing) opened.close(goingAway, shuttingDown);
    else if (!this.#isProvedStill(opened)) {
      opened.close(closeCodes.normal, secretTakenOut);
      if (at !== undefined && !at.isFound) this.#redial.again(at.address);
    } else this.#joined(opened, side === 'dialer' ? profile.nodeId : opened.peer.nodeId, at, begunAfter);
  }

  /** What others are told to dial; null where nobody could. */
  get #announced(): string | null {
    const { announce } = this.#options;
    if (announce !== undefined) return announce;
    const { address } = this;
    return address === undefined || isWildcard(address) ? null : address;
  }

  /** Other secrets are live: links that were proved by none of these end, and are proved anew. */
  #secretReplaced(): void {
    const { count: live, warnings } = this.#options.secret!.current;
    for (const warning of warnings) this.#options.log.warn({}, warning);
    this.#audit.line('secret-replaced', { live }, `the secret was replaced; ${live} live from now on`);
    this.#renew((link) => !this.#isProvedStill(link), secretTakenOut);
  }

  /** Where other authorities are accepted, whoever is linked has to show that it has a certificate of these. */
  #certificatesReplaced(isOtherAuthority: boolean): void {
    const what = isOtherAuthority
      ? 'the certificates and the authority were replaced'
      : 'the certificates were replaced';
    this.#audit.line('certificates-replaced', { isOtherAuthority }, what);
    if (isOtherAuthority) this.#renew(() => true, 'the authority was replaced');
  }

  #isProvedStill({ provedBy }: NodeLink): boolean {
    const secret = this.#options.secret?.current;
    return secret === undefined || provedBy.some((key) => secret.holds(key));
  }

  /** Ends links in a way that their associations go on over the next. */
  #renew(isDue: (link: NodeLink) => boolean, why: string): void {
    const due = [...this.#peers.values()].flatMap(({ link }) => (link !== undefined && isDue(link) ? [link] : []));
    if (due.length === 0) return;
    const nodes = due.map(({ peer }) => peer.nodeId);
    this.#audit.line('links-renewed', { nodes, why }, `${due.length} links are made anew: ${why}`);
    for (const link of due) link.close(closeCodes.normal, why);
  }

  #rightsOf({ peer, certificateNames }: NodeLink): NodeRights {
    return this.#options.rules?.rights({ nodeId: peer.nodeId, roles: peer.roles, certificateNames }) ?? allRights;
  }

  #offer(nodeId: string): AssociationOffer {
    const held = this.#options.resumeMs > 0 ? this.#peers.get(nodeId)?.tokens : undefined;
    return { token: newToken(this.#random), resume: held };
  }

  /**
   * A link that is ready becomes the one to its node, unless there is a better.
   * @param begunAfter How many links there had been when it began to be opened.
   */
  #joined(opened: NodeLink, dialledBy: string, at: DialledAt | undefined, begunAfter: number): void {
    const { nodeId, association } = opened.peer;
    const current = this.#peers.get(nodeId);
    const address = at?.address;
    if (at !== undefined && current !== undefined) (at.isFound ? current.found : current.addresses).add(at.address);
    const agreed = association === undefined ? undefined : agree(opened.offered!, association);
    if (current?.link !== undefined && dialledBy > current.dialledBy) {
      // Two dials have crossed, unless this one began when the link was up: then its node has lost that, even if we have not noticed.
      const hasLostIt = agreed?.resumes === true && current.epoch <= begunAfter;
      if (!hasLostIt) {
        opened.close(closeCodes.nodeIdentity, 'the nodes are linked already');
        return;
      }
    }
    if (agreed?.resumes !== true) {
      if (current !== undefined) this.#lost(current, 'it has linked anew', closeCodes.nodeIdentity);
      for (const old of [...this.#peers.values()]) {
        if (succeeds(nodeId, address, old)) this.#lost(old, startedAnew(nodeId), goingAway, true);
      }
      const known = { addresses: new Set(current?.addresses), found: new Set(current?.found) };
      if (at !== undefined) (at.isFound ? known.found : known.addresses).add(at.address);
      this.#attach(this.#begin(opened, agreed?.tokens, known), opened, dialledBy);
      return;
    }
    const isSame = current?.tokens?.join() === agreed.tokens.join();
    const isAllowed = current !== undefined && sameRights(current.rights, this.#rightsOf(opened));
    // Sessions remember what they were allowed: with another certificate that may be another rule.
    if (isSame && !isAllowed) this.#lost(current!, 'other rules of allow fit it now', closeCodes.normal);
    if (current === undefined || !isSame || !isAllowed) {
      // It ended here while the link was opened. The node is told so over another link.
      opened.close(closeCodes.normal, 'what would go on has ended meanwhile');
      if (at !== undefined && !at.isFound) this.#redial.again(at.address);
      return;
    }
    if (current.link !== undefined) this.#suspend(current, 'it has linked anew', closeCodes.nodeIdentity);
    current.endWait();
    current.resumes = true;
    this.#attach(current, opened, dialledBy);
  }

  /** Nothing is held of the node of that link yet. */
  #begin(opened: NodeLink, tokens: NodePeer['tokens'], known: Pick<NodePeer, 'addresses' | 'found'>): NodePeer {
    const { profile, log } = this.#options;
    const { nodeId, roles, fingerprints, address } = opened.peer;
    const names = differing(profile.fingerprints, fingerprints);
    if (names.length > 0) {
      log.warn(
        { node: nodeId, names },
        `node ${nodeId} has other code for: ${names.join(', ')}; spawns of these there are refused`,
      );
    }
    const begun: NodePeer = {
      nodeId,
      roles,
      rights: this.#rightsOf(opened),
      wire: opened.wire,
      differing: new Set(names),
      tokens,
      ...known,
      address,
      load: undefined,
      picked: 0,
      link: undefined,
      epoch: 0,
      dialledBy: '',
      resumes: false,
      endWait: () => undefined,
    };
    this.#peers.set(nodeId, begun);
    return begun;
  }

  #attach(peer: NodePeer, opened: NodeLink, dialledBy: string): void {
    const { profile, router } = this.#options;
    const { nodeId, wire, resumes, roles, rights } = peer;
    const { remote, certificateNames } = opened;
    const who = { node: nodeId, remote, roles, resumes, ...(certificateNames && { certificate: certificateNames }) };
    this.#audit.line('node-joined', who, `node ${nodeId} at ${remote} ${resumes ? 'is back' : 'has joined'}`);
    router.grant(nodeId, rights);
    this.#epochs += 1;
    peer.epoch = this.#epochs;
    peer.link = opened;
    peer.dialledBy = dialledBy;
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
    opened.onAside = (aside) => {
      if (peer.link === opened) this.#onAside(peer, opened, aside);
    };
    // Only who has a role is placed on by it.
    if (profile.roles.length > 0 && peer.address !== undefined && !this.#closing) this.#loads.begin(opened);
    this.#introductions.linked(nodeId);
    this.#options.onNews({ kind: 'node-up', nodeId, wire, epoch: peer.epoch, resumes, rights });
    router.reconnect(nodeId);
    // Last, since it is called at once for a link that has ended meanwhile.
    opened.onClose = ({ code, text }) => {
      this.#loads.end(opened);
      if (peer.link !== opened) return;
      const why = `the link was lost (${code} ${text})`;
      const next = this.#successorOf(peer);
      const mayWait = peer.tokens !== undefined && next === undefined && this.#options.resumeMs > 0;
      const waits = mayWait && !isFinal(code) && !this.#closing;
      if (!this.#closing) {
        const then = waits ? `; what is under way waits ${this.#options.resumeMs} ms for another` : '';
        const line = `the link to node ${nodeId} was lost (${code} ${text})${then}`;
        this.#audit.line('link-lost', { node: nodeId, code, text }, line);
      }
      if (waits) this.#suspend(peer, why, goingAway);
      else
        this.#lost(
          peer,
          next === undefined ? why : startedAnew(next),
          goingAway,
          code === goingAway || next !== undefined,
        );
      for (const one of peer.addresses) this.#redial.again(one);
      const isAway = (): boolean => this.#peers.get(nodeId) === peer && peer.link === undefined;
      if (waits) for (const one of peer.found) this.#redial.again(one, isAway);
    };
  }

  /** The node that has joined in place of one that was linked still, as far as was known then. */
  #successorOf({ nodeId }: NodePeer): string | undefined {
    const nodeIds = [...this.#peers.keys()];
    return nodeIds.slice(nodeIds.indexOf(nodeId)).find((later) => isAnother(later, nodeId));
  }

  /** The node is away: what is under way to it waits for the next link. */
  #suspend(peer: NodePeer, why: string, code: number): void {
    const { environment, router, log, resumeMs, onNews } = this.#options;
    const { nodeId, wire, link } = peer;
    this.#boundAway();
    peer.link = undefined;
    link?.close(code, why);
    this.#introductions.unlinked(nodeId);
    router.suspend(nodeId);
    onNews({ kind: 'node-away', nodeId, wire });
    peer.endWait = environment.clock.timer(resumeMs, () => {
      log.warn(
        { node: nodeId },
        `node ${nodeId} did not come back within ${resumeMs} ms; what was under way to it has ended`,
      );
      this.#lost(peer, `${why}, and no other came within ${resumeMs} ms`, goingAway);
    });
  }

  /** One more may be away. */
  #boundAway(): void {
    const away = [...this.#peers.values()].filter(({ link }) => link === undefined);
    if (away.length >= limits.nodesAwayMax)
      this.#lost(away[0]!, `more than ${limits.nodesAwayMax} nodes are away`, goingAway);
  }

  /** @param isFinal true where it has said that it will not be back */
  #lost(peer: NodePeer, why: string, code: number, isFinal = false): void {
    const { nodeId, link } = peer;
    this.#peers.delete(nodeId);
    peer.endWait();
    peer.link = undefined;
    link?.close(code, why);
    this.#audit.line('node-left', { node: nodeId, why }, `node ${nodeId} is gone: ${why}`);
    this.#introductions.unlinked(nodeId);
    this.#introductions.lost(nodeId, why, isFinal);
    this.#options.router.lostNode(nodeId, why);
    this.#options.onNews({ kind: 'node-down', nodeId, why });
  }

  #isAwaited(address: string): boolean {
    return [...this.#peers.values()].some(({ link, addresses }) => link === undefined && addresses.has(address));
  }
}

const shuttingDown = 'the node is shutting down';
const secretTakenOut = 'the secret that it was opened with was taken out';

/** Where a node was reached. */
interface DialledAt {
  readonly address: string;
  /** True where only others have named the address. */
  readonly isFound: boolean;
}

function startedAnew(nodeId: string): string {
  return `it was started anew, as ${nodeId}`;
}

/** True for an address that stands for all of a machine's: nobody can dial it. */
function isWildcard(address: string): boolean {
  if (!URL.canParse(address)) return true;
  const { hostname } = new URL(address);
  return hostname === '0.0.0.0' || hostname === '[::]';
}
