/**
 * How a node gets a link to one that it only heard of: a ref to an actor there came in a message, or an address names it.
 *
 * The nodes that are linked are asked where it is, and each says what the node itself has announced to it. An answer is a
 * hint and no more: whoever is dialled must prove to be that node. Where it cannot be dialled it is told, by the same nodes, to
 * dial back. Nobody asks others on somebody's behalf, so no question goes round in circles; who is being introduced itself
 * at that moment can tell in the next round.
 *
 * Meanwhile the sessions with places of the node wait, as for a node that is away (`node-links.ts`). All of it is bounded: how
 * many are looked for, how often, how many are dialled at once, and for how long.
 */
import { NotDelivered } from '../actors/outcomes.ts';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** A node that is linked and can be asked. */
export interface Askable {
  readonly nodeId: string;
  /** @param tellIt whether the node that is asked for is to be told to dial back */
  ask(question: string, tellIt: boolean): void;
}

export interface IntroductionsOptions {
  readonly clock: Clock;
  /** True for this node, and for one that is linked or away: it need not be looked for. */
  readonly isKnown: (nodeId: string) => boolean;
  /** The nodes that can be asked now. */
  readonly askable: () => readonly Askable[];
  /** Opens a link to that node. Resolves once there is one. @throws where that node is not there */
  readonly dial: (address: string, nodeId: string) => Promise<void>;
  /** The node was looked for in vain: what waits for it has ended. */
  readonly onFailed: (nodeId: string, why: string) => void;
}

/** One node that is looked for. */
interface Search {
  readonly nodeId: string;
  /** Nodes whose answer is waited for. */
  readonly asked: Set<string>;
  /** What became of each address that was dialled; undefined while it is being dialled. */
  readonly dialled: Map<string, string | undefined>;
  /** True once a node has said that it knows it. */
  isKnown: boolean;
  round: number;
  endRound: Cancel;
  readonly endSearch: Cancel;
}

/** A name that is asked about. */
interface NameSearch {
  readonly asked: Set<string>;
  readonly answer: Promise<string>;
  readonly settle: (nodeId: string | undefined) => void;
}

export class Introductions {
  readonly #options: IntroductionsOptions;
  readonly #searches = new Map<string, Search>();
  readonly #names = new Map<string, NameSearch>();
  /** Nodes that are not looked for before that time, and why; the oldest first. */
  readonly #refused = new Map<string, { readonly untilMs: number; readonly why: string }>();
  #dialling = 0;
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /** How many nodes are looked for. */
  get size(): number {
    return this.#searches.size;
  }

  /** Looks for a node, unless that is under way. False where it was looked for in vain a short while ago, or is lost for good. */
  want(nodeId: string): boolean {
    return this.#search(nodeId) !== undefined;
  }

  /** Why a node is not looked for. */
  why(nodeId: string): string {
    return this.#refused.get(nodeId)?.why ?? 'too many nodes are being looked for';
  }

  /** Who is that node? @throws NotDelivered where nobody knows */
  async named(name: string): Promise<string> {
    const known = this.#names.get(name);
    if (known !== undefined) return known.answer;
    const asked = this.#closed || this.#names.size >= limits.searchesMax ? [] : this.#ask(name, false);
    if (asked.length === 0) throw nobodyKnows(name);
    let settle!: (nodeId: string | undefined) => void;
    const endSearch = this.#options.clock.timer(limits.searchMs, () => settle(undefined));
    const answer = new Promise<string>((resolve, reject) => {
      settle = (nodeId) => {
        this.#names.delete(name);
        endSearch();
        if (nodeId === undefined) reject(nobodyKnows(name));
        else resolve(nodeId);
      };
    });
    this.#names.set(name, { asked: new Set(asked), answer, settle });
    return answer;
  }

  /** A linked node says where another is: whether it was asked or not. */
  told(from: string, question: string, nodeId: string, address: string): void {
    const search = this.#searches.get(question);
    if (search?.asked.delete(from)) {
      if (nodeId === question) this.#isAt(search, address);
      this.#look(search);
      return;
    }
    const name = this.#names.get(question);
    if (name?.asked.delete(from)) {
      if (nodeId !== '') {
        const found = this.#options.isKnown(nodeId) ? undefined : this.#search(nodeId);
        if (found !== undefined) this.#isAt(found, address);
        name.settle(nodeId);
      } else if (name.asked.size === 0) name.settle(undefined);
      return;
    }
    // It was not asked: that node looks for this one, and is dialled back.
    if (nodeId !== question || address === '' || this.#options.isKnown(nodeId)) return;
    if (search === undefined && this.#searches.size >= limits.searchesForOthersMax) return;
    const wanted = this.#search(nodeId, false);
    if (wanted === undefined) return;
    // It asks again where it is not dialled.
    if (search === undefined) wanted.round = limits.searchRounds - 1;
    this.#isAt(wanted, address);
  }

  /** There is a link to that node. */
  linked(nodeId: string): void {
    this.#refused.delete(nodeId);
    const search = this.#searches.get(nodeId);
    if (search !== undefined) this.#over(search);
  }

  /** The link to a node has ended, for whatever reason: it answers nothing any more. */
  unlinked(nodeId: string): void {
    for (const search of [...this.#searches.values()]) if (search.asked.delete(nodeId)) this.#look(search);
    for (const name of [...this.#names.values()]) {
      if (name.asked.delete(nodeId) && name.asked.size === 0) name.settle(undefined);
    }
  }

  /** A node is lost; it is looked for again after a while, where it may still be there. */
  lost(nodeId: string, why: string, isFinal: boolean): void {
    this.#refuse(nodeId, why, isFinal ? Number.POSITIVE_INFINITY : limits.searchAgainMs);
  }

  /** Looks for nobody any more. */
  close(): void {
    this.#closed = true;
    for (const search of [...this.#searches.values()]) this.#fail(search, 'this node is shutting down');
    for (const name of [...this.#names.values()]) name.settle(undefined);
  }

  // ── one search ──

  #search(nodeId: string, asks = true): Search | undefined {
    const known = this.#searches.get(nodeId);
    if (known !== undefined) return known;
    if (this.#closed || this.#searches.size >= limits.searchesMax) return undefined;
    const { clock } = this.#options;
    if ((this.#refused.get(nodeId)?.untilMs ?? 0) > clock.monotonicMs()) return undefined;
    const search: Search = {
      nodeId,
      asked: new Set(),
      dialled: new Map(),
      isKnown: false,
      round: 0,
      endRound: () => undefined,
      endSearch: clock.timer(limits.searchMs, () => this.#fail(search)),
    };
    this.#searches.set(nodeId, search);
    if (asks) this.#begin(search);
    return search;
  }

  /** Once more from the start. */
  #begin(search: Search): void {
    for (const nodeId of this.#ask(search.nodeId, search.round > 0)) search.asked.add(nodeId);
    for (const [address, outcome] of search.dialled) if (outcome !== undefined) this.#dial(search, address);
    // Not on the stack of whoever has just sent something there.
    if (this.#isIdle(search)) search.endRound = this.#options.clock.timer(0, () => this.#look(search));
  }

  #ask(question: string, tellIt: boolean): readonly string[] {
    const asked = this.#options.askable().slice(0, limits.nodesAskedMax);
    for (const node of asked) node.ask(question, tellIt);
    return asked.map(({ nodeId }) => nodeId);
  }

  #isAt(search: Search, address: string): void {
    search.isKnown = true;
    if (address === '' || search.dialled.has(address) || search.dialled.size >= limits.addressesTriedMax) return;
    this.#dial(search, address);
  }

  #dial(search: Search, address: string): void {
    search.dialled.set(address, undefined);
    void this.#inTurn(async () => {
      if (this.#searches.get(search.nodeId) !== search) return;
      await this.#options.dial(address, search.nodeId);
    })
      .then(
        () => search.dialled.set(address, 'there was a link'),
        (error: unknown) => search.dialled.set(address, describeThrown(error)),
      )
      .then(() => this.#look(search));
  }

  /** So many are dialled at once, and each makes room for the next after a while at the earliest: others say whom. */
  async #inTurn(dial: () => Promise<void>): Promise<void> {
    const { clock } = this.#options;
    if (this.#dialling >= limits.searchDialsMax) await new Promise<void>((goOn) => this.#waiting.push(goOn));
    else this.#dialling += 1;
    const endsAtMs = clock.monotonicMs() + limits.searchDialMs;
    try {
      await dial();
    } finally {
      clock.timer(Math.max(0, endsAtMs - clock.monotonicMs()), () => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#dialling -= 1;
        else next();
      });
    }
  }

  #isIdle({ asked, dialled }: Search): boolean {
    return asked.size === 0 && ![...dialled.values()].includes(undefined);
  }

  /** Whether the round is over. */
  #look(search: Search): void {
    if (this.#searches.get(search.nodeId) !== search || !this.#isIdle(search)) return;
    const { clock, askable } = this.#options;
    const isHopeless = search.dialled.size === 0 && askable().length === 0;
    search.round += 1;
    if (isHopeless || search.round >= limits.searchRounds) {
      this.#fail(search);
      return;
    }
    search.endRound();
    search.endRound = clock.timer(limits.searchRoundMs * 2 ** (search.round - 1), () => this.#begin(search));
  }

  #fail(search: Search, why = describe(search)): void {
    this.#over(search);
    this.#refuse(search.nodeId, why, limits.searchAgainMs);
    this.#options.onFailed(search.nodeId, why);
  }

  #over(search: Search): void {
    this.#searches.delete(search.nodeId);
    search.endRound();
    search.endSearch();
  }

  #refuse(nodeId: string, why: string, forMs: number): void {
    this.#refused.delete(nodeId);
    if (this.#refused.size >= limits.searchesRemembered) this.#refused.delete(this.#refused.keys().next().value!);
    this.#refused.set(nodeId, { untilMs: this.#options.clock.monotonicMs() + forMs, why });
  }
}

/** Why a node was not found, with the addresses that were tried. */
function describe({ dialled, isKnown }: Search): string {
  const tried = [...dialled].map(([address, outcome]) => `${address} (${outcome ?? 'no answer yet'})`);
  if (tried.length > 0) return `no link to it could be made; tried ${tried.join(', ')}`;
  if (isKnown) return 'no link to it could be made: it announces no address, and has not dialled back';
  return 'no node that is linked knows where it is';
}

function nobodyKnows(name: string): NotDelivered {
  return new NotDelivered('unreachable', `no node that is linked knows a node "${name}"; nothing was sent`);
}
