/**
 * The target behind a ref to a name: whatever actor has it when something is sent.
 *
 * It looks the name up once and remembers who was found for as long as that actor lives; then the next message looks again.
 * What is sent meanwhile waits here, in order and within bounds, as on the way to an actor that moves. Where nobody is found,
 * what waited is answered as by any actor that is gone, and the next message looks anew.
 */
import { limits } from '../../base/limits.ts';
import { MoveRefused } from '../errors.ts';
import { GoneTarget } from '../gone-target.ts';
import type { Host } from '../host.ts';
import { callBy, lateProducer, type OnTheWay, openBy, type Passage, tellBy } from '../moving/by-way.ts';
import type { Operation } from '../operation.ts';
import type { CallOptions, Stream, StreamOptions } from '../protocol.ts';
import { type StreamProducer, type StreamReader, streamOf } from '../stream-reader.ts';
import {
  type Address,
  byNameCell,
  type Linked,
  type Owner,
  type StopOptions,
  type Target,
  type Watcher,
} from '../target.ts';
import { type ActorAddress, actorAddress } from './actor-address.ts';

/** Who has a name, or why nobody. */
export type LookedUp =
  | { readonly target: Target }
  | { readonly reason: 'unknown' | 'unreachable'; readonly text: string };

/** Looks a name up. It does not reject. */
export type LookUp = (address: ActorAddress, protocolName: string) => Promise<LookedUp>;

/** A watch, and where it was placed once that was known. */
interface Placed {
  to: Target | undefined;
  readonly told: Watcher;
}

export class NamedTarget implements Target, Passage, OnTheWay {
  readonly protocolName: string;
  readonly host: Host;
  /** By whom what waits is answered, or where it goes. */
  to: Target;
  readonly #address: ActorAddress;
  readonly #lookUp: LookUp;
  #found: Target | undefined = undefined;
  #follower: Watcher | undefined = undefined;
  /** What waits for the answer of a look-up. */
  #held: (() => void)[] | undefined = undefined;
  readonly #watchers = new Map<Watcher, Placed>();

  constructor(host: Host, address: ActorAddress, protocolName: string, lookUp: LookUp) {
    this.host = host;
    this.#address = address;
    this.protocolName = protocolName;
    this.#lookUp = lookUp;
    this.to = this.#nobody('unknown', undefined);
  }

  path(): string {
    return actorAddress(this.#address);
  }

  address(): Address {
    return { place: `${this.#address.node}/main`, cell: byNameCell };
  }

  branch(): string {
    return `/${this.#address.name}`;
  }

  get load(): number {
    return (this.#found?.load ?? 0) + this.waiting;
  }

  // ── the passage ──

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  get isFull(): boolean {
    return this.waiting >= limits.outboxCapacity;
  }

  through(send: () => void): void {
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }

  /** Who has the name is known when this returns, or is being asked. */
  #look(): this {
    if (this.#found !== undefined || this.#held !== undefined) return this;
    this.#held = [];
    void this.#lookUp(this.#address, this.protocolName).then((looked) => {
      if ('target' in looked) this.#remember(looked.target);
      else this.to = this.#nobody(looked.reason, looked.text);
      this.#release();
    });
    return this;
  }

  #remember(target: Target): void {
    this.to = target;
    this.#found = target;
    this.#follower = {
      terminated: () => {
        if (this.#found === target) this.#found = undefined;
      },
    };
    try {
      target.watch(this.#follower);
    } catch {
      // There are too many watches there: it is looked up each time.
      this.#found = undefined;
    }
  }

  /** Nobody is remembered any more: what is sent next looks anew. */
  forget(): void {
    if (this.#found !== undefined) this.#found.unwatch(this.#follower!);
    this.#found = undefined;
  }

  /** What comes while this goes on, from callbacks of what is sent, goes behind. */
  #release(): void {
    const held = this.#held!;
    for (let at = 0; at < held.length; at += 1) held[at]!();
    this.#held = undefined;
  }

  #nobody(reason: 'unknown' | 'unreachable', text: string | undefined): GoneTarget {
    return new GoneTarget(this.host, this.address(), this.branch(), this.protocolName, reason, {
      path: actorAddress(this.#address),
      ...(text === undefined ? {} : { why: text }),
    });
  }

  /** As what is called by way of it sees it. */
  get way(): Passage {
    return this;
  }

  // ── what is sent to it ──

  tell(operation: Operation, message: unknown): boolean {
    return tellBy(this.#look(), operation, message);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown> {
    return callBy(this.#look(), 'ask', operation, message, options, owner);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void> {
    return callBy(this.#look(), 'offer', operation, message, options, owner) as Promise<void>;
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown> {
    return streamOf((reader) => this.open(operation, message, owner, reader), options?.signal);
  }

  open(operation: Operation, message: unknown, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    return openBy(this.#look(), operation, message, owner, reader);
  }

  /** Stops who has the name now; nobody, where nobody has it. */
  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    this.#look();
    return new Promise((resolve, reject) => {
      this.through(() => void this.to.stop(kill, options).then(resolve, reject));
    });
  }

  // ── those who watch it: whoever has the name when they begin ──

  watch(watcher: Watcher, again = false): void {
    const told: Watcher = {
      terminated: (reason, loss) => {
        if (this.#watchers.get(watcher)?.told !== told) return;
        this.#watchers.delete(watcher);
        watcher.terminated(reason, loss);
      },
    };
    const placed: Placed = { to: undefined, told };
    this.#watchers.set(watcher, placed);
    this.#look();
    this.through(() => {
      if (this.#watchers.get(watcher) !== placed) return;
      placed.to = this.to;
      try {
        this.to.watch(told, again);
      } catch {
        // There are too many watches there; that is as much as is known of it.
        told.terminated('unknown');
      }
    });
  }

  unwatch(watcher: Watcher): void {
    const placed = this.#watchers.get(watcher);
    if (placed === undefined) return;
    this.#watchers.delete(watcher);
    placed.to?.unwatch(placed.told);
  }

  // ── what is for actors, and not for names: `verbs.ts` and `link.ts` say so before ──

  linkBack(other: Linked): void {
    this.#look();
    this.through(() => this.to.linkBack(other));
  }

  unlinkBack(other: Linked): void {
    this.#look();
    this.through(() => this.to.unlinkBack(other));
  }

  async move(): Promise<never> {
    throw new MoveRefused('kind', `${this.path()} is a name, and no actor; move what system.find gives for it`);
  }

  fence(): Promise<void> {
    return new Promise((resolve) => this.through(() => void this.to.fence().then(resolve)));
  }

  attach(token: string, operation: Operation, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    return lateProducer(
      (attach) => this.through(attach),
      () => this.to.attach(token, operation, owner, reader),
    );
  }
}
