/**
 * The target behind a ref to an actor of another place.
 *
 * Once this place knows that the actor has moved, calls go over its way instead; its address stays what it was.
 */
import type { Host } from '../actors/host.ts';
import { callBy, lateProducer, openBy, tellBy } from '../actors/moving/by-way.ts';
import type { MovingStream, Station } from '../actors/moving/destination.ts';
import type { Way } from '../actors/moving/way.ts';
import type { Operation } from '../actors/operation.ts';
import type { CallOptions, Stream, StreamOptions } from '../actors/protocol.ts';
import { type StreamProducer, type StreamReader, streamOf } from '../actors/stream-reader.ts';
import type { Address, Linked, Owner, StopOptions, Target, Watcher } from '../actors/target.ts';
import type { RemotePlace } from './remote-place.ts';

export class RemoteTarget implements Station {
  readonly protocolName: string;
  /** The actor's number over there. */
  readonly cell: number;
  /** How it is gone to since it has moved; undefined while it lives where it was spawned, as far as is known here. */
  way: Way | undefined = undefined;
  readonly #place: RemotePlace;
  readonly #branch: string;
  /** What it goes by, where that is not its place and number. */
  readonly #identity: Address | undefined;
  #pressed = false;
  /** Those who wait for it not to be pressed any more. */
  #waiting: (() => void)[] | undefined = undefined;

  constructor(place: RemotePlace, cell: number, branch: string, protocolName: string, identity?: Address) {
    this.#place = place;
    this.cell = cell;
    this.#branch = branch;
    this.protocolName = protocolName;
    this.#identity = identity;
  }

  get host(): Host {
    return this.#place.host;
  }

  /** True while its mailbox over there is above its high water, as far as this place was told. */
  get pressed(): boolean {
    return this.#pressed;
  }

  set pressed(pressed: boolean) {
    this.#pressed = pressed;
    if (pressed || this.#waiting === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const goOn of waiting) goOn();
  }

  /** Resolves when a tell would find room on the way and over there, or its place is lost. */
  async whenRoom(): Promise<void> {
    await this.#place.whenRoom();
    if (!this.#pressed) return;
    this.#waiting ??= [];
    const waiting = this.#waiting;
    await new Promise<void>((goOn) => waiting.push(goOn));
  }

  path(): string {
    const { place, cell } = this.address();
    return `troupe://${place}${this.#branch}#${cell}`;
  }

  branch(): string {
    return this.#branch;
  }

  address(): Address {
    return this.#identity ?? this.station;
  }

  /** Where it leads. */
  get station(): Address {
    return { place: this.#place.placeId, cell: this.cell };
  }

  get load(): number {
    return this.way === undefined ? this.#place.load : this.way.to.load;
  }

  tell(operation: Operation, message: unknown): boolean {
    const { way } = this;
    return way === undefined
      ? this.#place.tell(this, operation, message)
      : tellBy({ host: this.host, way, path: () => this.path() }, operation, message);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown> {
    const { way } = this;
    return way === undefined
      ? this.#place.ask(this, operation, message, options, owner)
      : callBy({ host: this.host, way, path: () => this.path() }, 'ask', operation, message, options, owner);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void> {
    const { way } = this;
    return way === undefined
      ? this.#place.offer(this, operation, message, options, owner)
      : (callBy(
          { host: this.host, way, path: () => this.path() },
          'offer',
          operation,
          message,
          options,
          owner,
        ) as Promise<void>);
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown> {
    return streamOf((reader) => this.open(operation, message, owner, reader), options?.signal);
  }

  open(operation: Operation, message: unknown, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    const { way } = this;
    return way === undefined
      ? this.#place.open(this, operation, message, owner, reader)
      : openBy({ host: this.host, way, path: () => this.path() }, operation, message, owner, reader);
  }

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    return this.#inTurn(
      () => this.#place.stop(this, kill, options),
      (to) => to.stop(kill, options),
    );
  }

  watch(watcher: Watcher, again = false): void {
    if (this.way === undefined) this.#place.watch(this, watcher, again);
    else this.way.watch(watcher, again);
  }

  unwatch(watcher: Watcher): void {
    if (this.way?.unwatch(watcher) !== true) this.#place.unwatch(watcher);
  }

  linkBack(other: Linked): void {
    const { way } = this;
    if (way === undefined) this.#place.link(this, other);
    else way.through(() => way.to.linkBack(other));
  }

  unlinkBack(other: Linked): void {
    const { way } = this;
    if (way === undefined) this.#place.unlink(this, other);
    else way.through(() => way.to.unlinkBack(other));
  }

  // ── for actors that move ──

  move(placeId: string, deadlineMs: number): Promise<void> {
    return this.#inTurn(
      () => this.#place.move(this, placeId, deadlineMs),
      (to) => to.move(placeId, deadlineMs),
    );
  }

  fence(): Promise<void> {
    return this.#inTurn(
      () => this.#place.fence(this),
      (to) => to.fence(),
    );
  }

  attach(token: string, operation: Operation, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    const { way } = this;
    if (way === undefined) return this.#place.attach(this, token, operation, owner, reader);
    return lateProducer(
      (attach) => way.through(attach),
      () => way.to.attach(token, operation, owner, reader),
    );
  }

  passStream(stream: MovingStream): void {
    this.#place.pass(this, stream);
  }

  #inTurn(directly: () => Promise<void>, by: (to: Target) => Promise<void>): Promise<void> {
    const { way } = this;
    if (way === undefined) return directly();
    return new Promise((resolve, reject) => way.through(() => void by(way.to).then(resolve, reject)));
  }
}
