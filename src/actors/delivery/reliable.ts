/**
 * Reliable delivery from a producer to one consumer: `const out = reliable(ref)`.
 *
 * `docs/design/reliable.md` has the promise, and what becomes of it when something is lost.
 */
import { describeThrown, UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { within } from '../../base/within.ts';
import { Cell } from '../cell.ts';
import { checkFunction, checkKeys } from '../given.ts';
import type { AnyRef } from '../protocol.ts';
import { type InternalRef, isRef, ownerOf, protocolOfRef, targetOf } from '../ref.ts';
import type { Target } from '../target.ts';
import { Channel } from './channel.ts';
import { deliveredOperations } from './delivered-operation.ts';
import { type AnyReliable, methodsOf, type OperationsOf, type ReliableMethods } from './methods.ts';
import { checkedCount, checkedMs } from './options.ts';
import { Producer } from './producer.ts';
import type { Undelivered } from './undelivered.ts';

/** What `reliable` takes beside the ref. */
export interface ReliableOptions<R extends AnyRef> {
  /** How many messages are under way at once, 1 to 1,024; 64 unless given. */
  readonly window?: number;
  /** How many more may wait for that, 0 to 65,536; 1,024 unless given. One more is `DeliveryFailed` `full`. */
  readonly waiting?: number;
  /**
   * For how long the consumer may be out of reach before the producer gives up, in ms; 60,000 unless given, and at most
   * 2,147,483,647.
   */
  readonly giveUpMs?: number;
  /**
   * Finds who goes on where the consumer has ended, or is out of reach: such as `() => system.find(Orders, 'orders')`. It is
   * asked again and again within `giveUpMs`. Without it, the end of the consumer is that of the producer.
   */
  readonly successor?: () => Promise<R | undefined> | R | undefined;
}

/** A reliable producer to the actor of a ref: the methods are its tells and asks. */
export type Reliable<R extends AnyRef> = ReliableMethods<OperationsOf<R>> & AnyReliable;

/**
 * Makes a producer whose messages are handled once, in order, whatever becomes of the way to the actor.
 *
 * Each method returns a promise for the outcome of its message, as an ask of the same operation would have it; for a tell it
 * resolves when the handler has ended. A message is sent again until its outcome is known, and the actor handles no copy.
 * What was not confirmed yet is lost with the producer: nothing is stored. It belongs to the owner of the ref, and ends when
 * that actor ends or restarts; `await using` waits for all outcomes first.
 *
 * @param ref any actor but a router or a pool, wherever it is
 * @throws UsageError for what is no such ref, and for options that make no sense
 */
export function reliable<R extends AnyRef>(ref: R, options: ReliableOptions<NoInfer<R>> = {}): Reliable<R> {
  if (!isRef(ref)) throw new UsageError(`reliable(…) takes a ref of an actor; it was given ${typeof ref}`);
  const what = `reliable(…) to ${targetOf(ref).path()}`;
  checkKeys(options, ['window', 'waiting', 'giveUpMs', 'successor'], `${what}: its options`);
  const { successor } = options;
  if (successor !== undefined) checkFunction(successor, `${what}: successor`);
  refuseRouter(targetOf(ref), what);
  const producer = new ReliableProducer(ref, {
    window: checkedCount(options.window, 1, limits.deliveryWindowMax, limits.deliveryWindow, `${what}: window`),
    waiting: checkedCount(options.waiting, 0, limits.deliveryWaitingMax, limits.deliveryWaiting, `${what}: waiting`),
    giveUpMs: checkedMs(options.giveUpMs, limits.deliveryGiveUpMs, `${what}: giveUpMs`),
    successor: successor as (() => unknown) | undefined,
  });
  return methodsOf(protocolOfRef(ref), producer) as unknown as Reliable<R>;
}

/** @throws UsageError for what spreads messages over others: each of them would miss what the others got */
export function refuseRouter(target: Target, what: string): void {
  if (target instanceof Cell && target.behavior.front !== undefined) {
    throw new UsageError(
      `${what}: it is a router or a pool; use workQueue(…) for many workers, or a ref of one of them`,
    );
  }
}

interface Checked {
  readonly window: number;
  readonly waiting: number;
  readonly giveUpMs: number;
  readonly successor: (() => unknown) | undefined;
}

class ReliableProducer extends Producer {
  readonly #ref: InternalRef;
  readonly #options: Checked;
  readonly #channel: Channel;
  /** Since when the consumer was not there, on the monotonic clock. */
  #goneSinceMs: number | undefined = undefined;
  #isSearching = false;

  constructor(ref: InternalRef, options: Checked) {
    super(options);
    this.#ref = ref;
    this.#options = options;
    const owner = ownerOf(ref);
    this.#channel = new Channel(targetOf(ref), {
      owner,
      operations: deliveredOperations(protocolOfRef(ref)),
      window: options.window,
      onOutcome: () => {
        if (this.#channel.isReached) this.#goneSinceMs = undefined;
        this.hand();
        this.look();
      },
      onTrouble: (trouble, forMs) => void this.#trouble(trouble, forMs),
    });
    this.belongTo(owner);
  }

  protected override get name(): string {
    return this.#channel.target.path();
  }

  protected override get underWay(): number {
    return this.#channel.size;
  }

  protected override get sendsAtOnce(): boolean {
    return this.#channel.hasRoom;
  }

  protected override hand(): void {
    while (this.waiting.size > 0 && this.#channel.hasRoom) this.#channel.take(this.waiting.shift()!);
  }

  protected override closeChannels(): Undelivered[] {
    return this.#channel.close();
  }

  async #trouble(trouble: 'ended' | 'unreachable', forMs: number): Promise<void> {
    if (this.isOver) return;
    const { successor, giveUpMs } = this.#options;
    const { clock } = ownerOf(this.#ref).host.environment;
    this.#goneSinceMs ??= clock.monotonicMs() - forMs;
    if (trouble === 'ended' && successor === undefined) {
      this.fail('ended', 'it has ended');
      return;
    }
    if (this.#isSearching) return;
    this.#isSearching = true;
    const { found, cause } = await this.#search();
    this.#isSearching = false;
    // It may have come back meanwhile.
    if (this.isOver || this.#channel.isReached) return;
    if (found !== undefined && this.#goOnWith(found)) return;
    const goneMs = clock.monotonicMs() - this.#goneSinceMs;
    if (goneMs >= giveUpMs) {
      const so = cause === undefined ? '' : `; looking for its successor failed: ${describeThrown(cause)}`;
      const why = trouble === 'ended' ? 'it has ended and no successor was found' : 'it was out of reach';
      this.fail(trouble, `${why} for ${giveUpMs} ms${so}`, cause);
    } else if (trouble === 'ended') {
      clock.wake(limits.deliveryRetryMaxMs, () => void this.#trouble('ended', 0));
    }
  }

  async #search(): Promise<{ found?: unknown; cause?: unknown }> {
    const result: { found?: unknown; cause?: unknown } = {};
    const search = async (): Promise<void> => {
      try {
        result.found = await this.#options.successor?.();
      } catch (error) {
        result.cause = error;
      }
    };
    await within(ownerOf(this.#ref).host.environment.clock, limits.askTimeoutMs, search());
    return { ...result };
  }

  /** False where it is the one that has been tried already. */
  #goOnWith(found: unknown): boolean {
    if (!isRef(found)) {
      this.fail('ended', `\`successor\` gave ${typeof found} and no ref`);
      return true;
    }
    const target = targetOf(found);
    const { place, cell } = this.#channel.target.address();
    const there = target.address();
    if (there.place === place && there.cell === cell) return false;
    try {
      refuseRouter(target, 'successor');
      if (target.protocolName !== this.#channel.target.protocolName) {
        throw new UsageError(`successor: ${target.path()} speaks another protocol`);
      }
    } catch (error) {
      this.fail('ended', describeThrown(error), error);
      return true;
    }
    this.#channel.retarget(target);
    this.hand();
    return true;
  }
}
