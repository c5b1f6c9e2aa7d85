/** The router: which other places there are, and how their frames get there. */

import type { Cell } from '../actors/cell.ts';
import { GoneTarget } from '../actors/gone-target.ts';
import type { Host } from '../actors/host.ts';
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { Address, Target } from '../actors/target.ts';
import type { Environment } from '../base/environment/environment.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { AssemblyBudget } from '../transport/assembly.ts';
import { recordsCodec, strictCodec } from '../transport/frame-codec.ts';
import type { Carrier } from '../transport/session.ts';
import { wireVersion } from '../transport/wire-version.ts';
import { Audit } from './audit.ts';
import type { NodeRights } from './node-rules.ts';
import { ProbeBudget } from './probe-budget.ts';
import { RemotePlace } from './remote-place.ts';
import { type Rights, rightsFrom } from './rights.ts';
import { Routes } from './routes.ts';
import type { UndeliveredTo } from './shutdown-report.ts';
import type { PostedFrame } from './thread-messages.ts';

/** `node~incarnation` of a place id. */
export function nodeOf(placeId: string): string {
  return placeId.slice(0, placeId.indexOf('/'));
}

/** The thread's name in a place id. */
export function threadOf(placeId: string): string {
  return placeId.slice(placeId.indexOf('/') + 1);
}

/** How far the stack of a failure travels with it: not at all, between the threads of a node, or to other nodes too. */
export type StackTravel = 'never' | 'threads' | 'nodes';

export interface RouterOptions {
  readonly environment: Environment;
  readonly nodeId: string;
  readonly registry: RegistryIndex;
  readonly log: Logger;
  readonly stacks: StackTravel;
  /** The way to a place; `away` where its node may come back, or is looked for; undefined where there is none. */
  readonly carrierTo: (placeId: string) => Carrier | 'away' | undefined;
  /** Somebody sends to a node that is lost: it may have come back, and be looked for. */
  readonly seek?: (nodeId: string) => void;
  /** Why there is no way to a node, where that is known. */
  readonly whyLost?: (nodeId: string) => string;
  /** The wire version that is spoken with the node of a place. */
  readonly wireOf: (placeId: string) => number;
  /** The session with a place broke the protocol. */
  readonly onBroken: (placeId: string, what: string) => void;
}

export class Router {
  readonly #options: RouterOptions;
  readonly #places = new Map<string, RemotePlace>();
  /** How many of them each node has. */
  readonly #counts = new Map<string, number>();
  /** How often there were too many of these. */
  #refusals = 0;
  /** Those that there was never a way to. */
  readonly #unreached = new Set<string>();
  /** Places whose session broke; it is not opened again before there is a new way to them. */
  readonly #broken = new Set<string>();
  /** What other nodes may do here, where that is not everything. */
  readonly #rights = new Map<string, Rights>();
  readonly #audit: Audit;
  /** What other nodes have sent of large messages. */
  readonly #budgets = new Map<string, NodeBudgets>();
  #host: Host | undefined = undefined;
  #routes: Routes | undefined = undefined;
  #closed = false;
  /** At how many places those that nobody needs are forgotten. */
  #sweptAt: number = limits.targetsSwept;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#audit = new Audit(options.environment.clock, options.log);
  }

  /** The host that items are for; given once, since each needs the other. */
  attach(host: Host): void {
    this.#host = host;
    this.#routes = new Routes(host, {
      known: (placeId) => this.#known(placeId),
      place: (placeId) => this.place(placeId),
    });
  }

  /** Another place of this node, for actors that move there. */
  destination(placeId: string): RemotePlace | undefined {
    if (nodeOf(placeId) !== this.#options.nodeId) return undefined;
    const place = this.place(placeId);
    return place?.isConnected ? place : undefined;
  }

  /** What a node may do here, said before anything of it is read. What it has started stays its own over a cut. */
  grant(nodeId: string, given: NodeRights): void {
    if (this.#rights.has(nodeId)) return;
    const rights = rightsFrom(given);
    if (rights !== undefined) this.#rights.set(nodeId, rights);
  }

  /** An actor has left this place: those who watch it here are told where it is. */
  onLeft(cell: Cell): void {
    for (const place of this.#places.values()) place.tellIfWatching(cell);
  }

  /** How many actors of other places are known to have moved. */
  get routeCount(): number {
    return this.#routes?.size ?? 0;
  }

  /** The place of that id with an open session, opened now if there is a way. */
  place(placeId: string): RemotePlace | undefined {
    const known = this.#places.get(placeId);
    if (known?.isConnected || this.#closed || this.#broken.has(placeId)) return known;
    if (known === undefined && this.#isFull(placeId)) return undefined;
    const carrier = this.#options.carrierTo(placeId);
    if (carrier === undefined) return known;
    const isThere = carrier !== 'away';
    if (known === undefined && !isThere && this.#unreached.size >= limits.placesUnreachedMax) return undefined;
    const place = known ?? this.#create(placeId, isThere);
    if (isThere) this.#unreached.delete(placeId);
    place.connect(carrier);
    return place;
  }

  /** What a ref to an actor elsewhere points to. */
  target(address: Address, branch: string, protocolName: string): Target {
    const place = this.place(address.place) ?? this.#unreachedPlace(address.place);
    if (place !== undefined) return place.target(address.cell, branch, protocolName);
    return new GoneTarget(this.#host!, address, branch, protocolName, 'unreachable');
  }

  /** A place of another node to which there is no way now; its refs work once there is one. */
  #unreachedPlace(placeId: string): RemotePlace | undefined {
    const nodeId = nodeOf(placeId);
    if (this.#closed || nodeId === this.#options.nodeId || this.#isFull(placeId)) return undefined;
    if (this.#unreached.size >= limits.placesUnreachedMax) {
      this.#refusals += 1;
      // Those that nobody holds any more make room, and are looked for now and then.
      if (this.#refusals % limits.targetsSwept === 0) this.#forget();
      return undefined;
    }
    const place = this.#create(placeId, false);
    place.isUnreached(this.#options.whyLost?.(nodeId) ?? 'no way to it is known');
    return place;
  }

  /** A place that is spoken of, whether or not there is a way to it. @throws where its node has too many */
  #known(placeId: string): RemotePlace {
    const place = this.place(placeId);
    if (place === undefined && this.#isFull(placeId)) throw new Error(tooManyPlaces);
    return place ?? this.#create(placeId, false);
  }

  /** Another node names its threads as it likes: whatever it says, so many of them have a session here. */
  #isFull(placeId: string): boolean {
    const nodeId = nodeOf(placeId);
    return nodeId !== this.#options.nodeId && (this.#counts.get(nodeId) ?? 0) >= limits.placesPerNodeMax;
  }

  /** The path of an actor elsewhere; without its name where nobody here knows it. */
  pathOf(placeId: string, cell: number): string {
    return this.#places.get(placeId)?.pathOf(cell) ?? `troupe://${placeId}/…#${cell}`;
  }

  /** @param posted A frame, or one with the memory of what came beside it. */
  onFrame(placeId: string, posted: PostedFrame): void {
    const session = this.place(placeId)?.session;
    if (session === undefined) {
      if (!this.#closed && this.#isFull(placeId)) this.#options.onBroken(placeId, tooManyPlaces);
    } else if (posted instanceof Uint8Array) session.onFrame(posted);
    else session.onFrame(posted[0], posted[1]);
  }

  /** A place cannot be reached any more; it may come back. */
  lost(placeId: string, what: string): void {
    this.#places.get(placeId)?.lost({ place: placeId, reason: 'unreachable', what });
  }

  /**
   * A thread has ended, of this node or of another. Its id is never used again, so it is forgotten: refs to its actors that
   * are still held know that it is gone.
   */
  ended(loss: PlaceLoss): void {
    this.#places.get(loss.place)?.lost(loss);
    this.#drop(loss.place);
  }

  /** The link to a node was cut, and another may come: what is for its places waits. */
  suspend(nodeId: string): void {
    for (const place of this.#placesOf(nodeId)) place.session.suspend();
  }

  /** True where something waits for a node whose link was cut. */
  get waitsForNodes(): boolean {
    return this.places.some(({ session }) => session.isSuspended && session.undelivered > 0);
  }

  /**
   * There is a new link to a node. Sessions that were suspended go on over it; where there are none, refs to all actors there
   * that are still held work again.
   */
  reconnect(nodeId: string): void {
    for (const place of this.#placesOf(nodeId)) {
      const { placeId } = place;
      if (!place.isConnected) {
        this.#broken.delete(placeId);
        this.place(placeId);
        continue;
      }
      const carrier = this.#options.carrierTo(placeId);
      if (carrier === undefined || carrier === 'away') continue;
      this.#unreached.delete(placeId);
      if (carrier.resumes) place.session.resume(carrier);
      // It was opened while the node was looked for.
      else place.session.startOn(carrier);
    }
    this.place(`${nodeId}/main`);
    for (const told of [...(this.#host?.reached ?? [])]) told(nodeId);
  }

  lostNode(nodeId: string, why: string): void {
    for (const { placeId } of this.#placesOf(nodeId)) this.lost(placeId, why);
    this.#rights.delete(nodeId);
    this.#forget();
  }

  #placesOf(nodeId: string): readonly RemotePlace[] {
    return this.places.filter(({ placeId }) => nodeOf(placeId) === nodeId);
  }

  /**
   * Forgets places of nodes that are lost, where nobody holds a ref to an actor there: a node that is started again has
   * another id. What is still held is looked at when the next node is lost.
   */
  #forget(): void {
    for (const [placeId, place] of this.#places) {
      if (place.isConnected || place.isHeld || nodeOf(placeId) === this.#options.nodeId) continue;
      this.#drop(placeId);
    }
  }

  #budgetsOf(nodeId: string): NodeBudgets {
    const known = this.#budgets.get(nodeId);
    if (known !== undefined) return known;
    const probes = new ProbeBudget(this.#options.environment.clock, () => {
      this.#audit.line('probes-dropped', { node: nodeId }, `node ${nodeId} sends more probes than are followed`);
    });
    const budgets = { assembly: new AssemblyBudget(), probes };
    this.#budgets.set(nodeId, budgets);
    return budgets;
  }

  #drop(placeId: string): void {
    this.#broken.delete(placeId);
    this.#unreached.delete(placeId);
    if (!this.#places.delete(placeId)) return;
    const nodeId = nodeOf(placeId);
    const count = this.#counts.get(nodeId)! - 1;
    if (count > 0) {
      this.#counts.set(nodeId, count);
      return;
    }
    this.#counts.delete(nodeId);
    this.#budgets.delete(nodeId);
  }

  get places(): readonly RemotePlace[] {
    return [...this.#places.values()];
  }

  /**
   * Waits until every other place has received what was sent to it. Returns those that had not by the deadline.
   *
   * Polled: a session tells nobody when it is empty, and whoever leaves needs to know once.
   */
  async flush(deadlineMs: number): Promise<readonly UndeliveredTo[]> {
    const { clock } = this.#options.environment;
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    const open = (): RemotePlace[] =>
      this.places.filter(({ isConnected, session }) => isConnected && session.undelivered > 0);
    for (let waiting = open(); waiting.length > 0; waiting = open()) {
      const leftMs = endsAtMs - clock.monotonicMs();
      if (leftMs <= 0) return waiting.map(({ placeId, session }) => ({ place: placeId, items: session.undelivered }));
      for (const { session } of waiting) session.hurry();
      await new Promise<void>((resolve) => void clock.wake(Math.min(leftMs, limits.flushPollMs), resolve));
    }
    return [];
  }

  /** Tells the other places what of theirs was handled, so that they do not count it as lost with this one. */
  report(): void {
    for (const { isConnected, session } of this.places) if (isConnected) session.report();
  }

  /** Ends all sessions; no other is opened. */
  close(why: string): void {
    this.#closed = true;
    for (const [place, one] of this.#places) one.lost({ place, reason: 'unreachable', what: why }, true);
  }

  /** @param isThere whether there is a way to it */
  #create(placeId: string, isThere: boolean): RemotePlace {
    if (this.#places.size >= this.#sweptAt) {
      this.#forget();
      this.#sweptAt = Math.max(limits.targetsSwept, this.#places.size * 2);
    }
    const { environment, registry, nodeId, stacks, wireOf, onBroken } = this.#options;
    const foreign = nodeOf(placeId) !== nodeId;
    const budgets = this.#budgetsOf(nodeOf(placeId));
    const place = new RemotePlace({
      host: this.#host!,
      routes: this.#routes!,
      registry,
      placeId,
      foreign,
      stacks: foreign ? stacks === 'nodes' : stacks !== 'never',
      rights: () => this.#rights.get(nodeOf(placeId)),
      onDenied: (act, what) => {
        const node = nodeOf(placeId);
        this.#audit.line('denied', { node, place: placeId, act, what }, `node ${node} may not ${act} ${what}`, act);
      },
      codec: foreign ? strictCodec() : recordsCodec(),
      budget: budgets.assembly,
      probes: foreign ? budgets.probes : undefined,
      wire: () => (foreign ? wireOf(placeId) : wireVersion),
      clock: environment.clock,
      scheduler: environment.scheduler,
      seek: () => {
        if (foreign) this.#options.seek?.(nodeOf(placeId));
      },
      onBroken: (what) => {
        this.#broken.add(placeId);
        place.lost({ place: placeId, reason: 'exception', what: `its session broke: ${what}` });
        onBroken(placeId, what);
      },
    });
    this.#places.set(placeId, place);
    this.#counts.set(nodeOf(placeId), (this.#counts.get(nodeOf(placeId)) ?? 0) + 1);
    if (!isThere) this.#unreached.add(placeId);
    return place;
  }
}

/** What all places of a node may take of this thread. */
interface NodeBudgets {
  readonly assembly: AssemblyBudget;
  readonly probes: ProbeBudget;
}

const tooManyPlaces = `more than ${limits.placesPerNodeMax} threads of one node`;
