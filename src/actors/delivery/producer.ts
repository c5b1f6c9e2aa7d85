/**
 * What reliable producers have in common: the messages that wait, who waits for room, and the end with their owner.
 */
import { Ring } from '../../base/ring.ts';
import { Cell } from '../cell.ts';
import type { CellExtension } from '../cell-extension.ts';
import { invalidMessage } from '../isolation.ts';
import type { Operation } from '../operation.ts';
import type { Owner } from '../target.ts';
import { DeliveryFailed } from './errors.ts';
import { Undelivered } from './undelivered.ts';

export interface ProducerBounds {
  /** How many messages may wait beyond those that are under way. */
  readonly waiting: number;
}

export abstract class Producer {
  /** Behind those under way, in order. */
  protected readonly waiting: Ring<Undelivered> = new Ring();
  readonly #bounds: ProducerBounds;
  #owner: Owner | undefined = undefined;
  #forgetOwner: () => void = () => undefined;
  #over: DeliveryFailed | undefined = undefined;
  /** Those that wait for room, and for everything to have its outcome. */
  #forRoom: (() => void)[] = [];
  #forRest: (() => void)[] = [];

  constructor(bounds: ProducerBounds) {
    this.#bounds = bounds;
  }

  /** For people: whom it sends to. */
  protected abstract get name(): string;
  /** Messages that were sent and have no outcome. */
  protected abstract get underWay(): number;
  /** True where a message would be sent at once. */
  protected abstract get sendsAtOnce(): boolean;
  /** Sends what waits, as far as there is room. */
  protected abstract hand(): void;
  /** Ends what is under way. Returns it. */
  protected abstract closeChannels(): Undelivered[];

  get unconfirmed(): number {
    return this.waiting.size + this.underWay;
  }

  get hasRoom(): boolean {
    return this.#over === undefined && this.waiting.size === 0 && this.sendsAtOnce;
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Whose it is, once that is known. It ends with the owner's generation, or with the place. */
  protected belongTo(owner: Owner): void {
    if (this.#owner !== undefined) return;
    this.#owner = owner;
    const end = (why: string): void => this.fail('closed', `its producer is over: ${why}`);
    const ends = endsOf(owner);
    ends.add(end);
    this.#forgetOwner = () => ends.delete(end);
    if (owner instanceof Cell && owner.isOver) end(`${owner.path()} has ended`);
  }

  send(operation: Operation, message: unknown): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (this.waiting.size >= this.#bounds.waiting && !this.hasRoom) {
      const text = `${operation.label} to ${this.name}: ${this.waiting.size} messages wait already; await deliveryOf(…).room()`;
      return Promise.reject(new DeliveryFailed('full', false, `${text} before you send more`));
    }
    let own: unknown;
    try {
      const given = message === undefined ? operation.emptyMessage : message;
      own = operation.input.take(given, this.#owner ?? nobody);
    } catch (error) {
      return Promise.reject(invalidMessage(error, `${operation.label} to ${this.name}`));
    }
    const undelivered = new Undelivered(operation, own);
    this.waiting.push(undelivered);
    this.hand();
    return undelivered.outcome;
  }

  async room(): Promise<void> {
    if (!this.hasRoom && !this.isOver) await new Promise<void>((resolve) => this.#forRoom.push(resolve));
    if (this.#over !== undefined) throw this.#over;
  }

  async settled(): Promise<void> {
    if (this.unconfirmed > 0) await new Promise<void>((resolve) => this.#forRest.push(resolve));
  }

  close(): void {
    this.fail('closed', 'its producer was closed');
  }

  /** It is over, and so is every message without an outcome. */
  protected fail(reason: DeliveryFailed['reason'], why: string, cause?: unknown): void {
    if (this.#over !== undefined) return;
    const failure = (mayHaveRun: boolean, label: string): DeliveryFailed => {
      const effect = mayHaveRun ? 'its handler may have run' : 'its handler has not run';
      return new DeliveryFailed(reason, mayHaveRun, `${label} to ${this.name}: ${why}; ${effect}`, cause);
    };
    this.#over = new DeliveryFailed(reason, false, `${this.name}: ${why}; nothing was sent`, cause);
    this.#forgetOwner();
    const left = [...this.closeChannels(), ...this.waiting.values()];
    this.waiting.clear();
    for (const one of left) one.give(failure);
    this.look();
  }

  /** A message has its outcome, or there is room: those who wait for that go on. */
  protected look(): void {
    if (this.hasRoom || this.isOver) for (const goOn of this.#forRoom.splice(0)) goOn();
    if (this.unconfirmed === 0) for (const goOn of this.#forRest.splice(0)) goOn();
  }
}

/** Who is told when the owner's generation ends, or the place of code outside of actors. */
function endsOf(owner: Owner): Set<(why: string) => void> {
  if (!(owner instanceof Cell)) return owner.host.ends;
  const { extension }: { extension: CellExtension } = owner;
  extension.generationEnds ??= new Set();
  return extension.generationEnds;
}

/** Owns what is sent before anybody is there who could be sent to: references in it stay as they are. */
const nobody = { adopt: (ref: object): object => ref };
