/** The target behind a ref to an actor of another place. */
import type { Operation } from '../actors/operation.ts';
import type { CallOptions, Stream, StreamOptions } from '../actors/protocol.ts';
import type { Address, Linked, Owner, StopOptions, Target, Watcher } from '../actors/target.ts';
import type { RemotePlace } from './remote-place.ts';

export class RemoteTarget implements Target {
  readonly protocolName: string;
  /** The actor's number over there. */
  readonly cell: number;
  readonly #place: RemotePlace;
  readonly #branch: string;
  #pressed = false;
  /** Those who wait for it not to be pressed any more. */
  #waiting: (() => void)[] | undefined = undefined;

  constructor(place: RemotePlace, cell: number, branch: string, protocolName: string) {
    this.#place = place;
    this.cell = cell;
    this.#branch = branch;
    this.protocolName = protocolName;
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
    return `troupe://${this.#place.placeId}${this.#branch}#${this.cell}`;
  }

  branch(): string {
    return this.#branch;
  }

  address(): Address {
    return { place: this.#place.placeId, cell: this.cell };
  }

  get load(): number {
    return this.#place.load;
  }

  tell(operation: Operation, message: unknown): boolean {
    return this.#place.tell(this, operation, message);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown> {
    return this.#place.ask(this, operation, message, options, owner);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void> {
    return this.#place.offer(this, operation, message, options, owner);
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown> {
    return this.#place.stream(this, operation, message, options, owner);
  }

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    return this.#place.stop(this, kill, options);
  }

  watch(watcher: Watcher): void {
    this.#place.watch(this, watcher);
  }

  unwatch(watcher: Watcher): void {
    this.#place.unwatch(watcher);
  }

  linkBack(other: Linked): void {
    this.#place.link(this, other);
  }

  unlinkBack(other: Linked): void {
    this.#place.unlink(this, other);
  }
}
