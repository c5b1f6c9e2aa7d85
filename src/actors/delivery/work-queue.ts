/**
 * Work pulling: one queue of messages, and workers anywhere that get the next one when they are done with the last.
 *
 * Each worker has a channel of its own, so what it has is delivered reliably, and what it has not finished is its demand.
 * Work of a worker that is lost goes to another one. The idea is that of Akka's WorkPullingProducerController.
 */
import { describeThrown, UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { checkKeys, isObject } from '../given.ts';
import { type CompiledProtocol, compiledProtocol } from '../operation.ts';
import type { AnyRef, Operations, Protocol, Ref } from '../protocol.ts';
import { isRef, ownerOf, targetOf } from '../ref.ts';
import type { Target } from '../target.ts';
import { Channel } from './channel.ts';
import { deliveredOperations } from './delivered-operation.ts';
import { DeliveryFailed } from './errors.ts';
import { type AnyReliable, methodsOf, producerOf, type ReliableMethods } from './methods.ts';
import { checkedCount, checkedMs } from './options.ts';
import { Producer } from './producer.ts';
import { refuseRouter } from './reliable.ts';
import type { Undelivered } from './undelivered.ts';

/** What `workQueue` takes beside protocol and workers. */
export interface WorkQueueOptions {
  /** How many messages a worker has at once, 1 to 1,024; 1 unless given. More hides the way there and back. */
  readonly perWorker?: number;
  /** How many messages may wait for a worker, 0 to 65,536; 1,024 unless given. One more is `DeliveryFailed` `full`. */
  readonly waiting?: number;
  /**
   * For how long a worker may be out of reach before what it may have begun is given to another, in ms; 10,000 unless given,
   * and at most 2,147,483,647. What it has certainly not got is given to another at once.
   */
  readonly lostAfterMs?: number;
  /** To how many workers a message is given that are lost with it, 1 to 1,000; 3 unless given. Then it is given up. */
  readonly attempts?: number;
}

/** Workers: those of a list, or everybody in the latest of a stream of lists, such as `ctx.receptionist.subscribe(key)`. */
export type WorkersFrom<R> = readonly R[] | AsyncIterable<readonly R[]>;

/** A queue of work: the methods are the tells and asks of the workers' protocol, for one of the workers each. */
export type WorkQueue<O extends Operations> = ReliableMethods<O> & AnyReliable;

/**
 * Makes a queue of work for many workers, on whatever threads and nodes.
 *
 * Each method returns a promise for the outcome of its message, at whichever worker has handled it. A worker has `perWorker`
 * messages at most, and gets the next when it is done with one, so none waits behind a slow worker while another has
 * nothing to do. A message whose worker goes on is handled once, whatever becomes of the way there; one whose worker
 * was lost goes to another, and may then have been handled by both. Messages are begun in order, and end in any.
 *
 * It belongs to the owner of its workers' refs, and ends when that actor ends or restarts, with what has no outcome yet.
 *
 * @param workers may be none at first: messages wait until there is one
 * @throws UsageError for what are no workers of the protocol, and for options that make no sense
 */
export function workQueue<const N extends string, O extends Operations>(
  protocol: Protocol<N, O>,
  workers: WorkersFrom<Ref<Protocol<N, NoInfer<O>>>>,
  options: WorkQueueOptions = {},
): WorkQueue<O> {
  const compiled = compiledProtocol(protocol);
  const what = `workQueue of "${compiled.name}"`;
  checkKeys(options, ['perWorker', 'waiting', 'lostAfterMs', 'attempts'], `${what}: its options`);
  const queue = new WorkQueueProducer(compiled, {
    perWorker: checkedCount(options.perWorker, 1, limits.deliveryWindowMax, limits.perWorker, `${what}: perWorker`),
    waiting: checkedCount(options.waiting, 0, limits.deliveryWaitingMax, limits.deliveryWaiting, `${what}: waiting`),
    lostAfterMs: checkedMs(options.lostAfterMs, limits.workerLostMs, `${what}: lostAfterMs`),
    attempts: checkedCount(options.attempts, 1, limits.workAttemptsMax, limits.workAttempts, `${what}: attempts`),
  });
  if (Array.isArray(workers)) for (const worker of workers) queue.add(worker);
  else if (isObject(workers) && Symbol.asyncIterator in workers) void queue.follow(workers as AsyncIterable<AnyRef[]>);
  else throw new UsageError(`${what} takes its workers as a list of refs, or as a stream of lists`);
  return methodsOf(compiled, queue) as WorkQueue<O>;
}

/**
 * Adds a worker to a queue of work; again does nothing.
 *
 * @throws UsageError for a ref of another protocol, for a router, for a queue that follows a stream, and for more than 1,024
 */
export function addWorker(queue: AnyReliable, worker: AnyRef): void {
  queueOf(queue, 'addWorker').add(worker);
}

/** Takes a worker out of a queue of work: it finishes what it has, and gets no more. @returns false where it was none */
export function removeWorker(queue: AnyReliable, worker: AnyRef): boolean {
  return queueOf(queue, 'removeWorker').remove(worker);
}

/** The paths of a queue's workers: those that are there, and those that are out of reach and may come back. */
export function workersOf(queue: AnyReliable): readonly string[] {
  return queueOf(queue, 'workersOf').paths;
}

function queueOf(queue: unknown, verb: string): WorkQueueProducer {
  const producer = producerOf(queue, verb);
  if (producer instanceof WorkQueueProducer) return producer;
  throw new UsageError(`${verb}(…) takes what workQueue(…) returned, and not what reliable(…) did`);
}

interface Checked {
  readonly perWorker: number;
  readonly waiting: number;
  readonly lostAfterMs: number;
  readonly attempts: number;
}

class Worker {
  readonly channel: Channel;
  /** Gets nothing more, and leaves when it has nothing any more. */
  isLeaving = false;

  constructor(channel: Channel) {
    this.channel = channel;
  }
}

class WorkQueueProducer extends Producer {
  readonly #protocol: CompiledProtocol;
  readonly #options: Checked;
  /** By incarnation. */
  readonly #workers = new Map<string, Worker>();
  /** What workers had that were lost: before what waits. */
  #again: Undelivered[] = [];
  #unfollow: () => void = () => undefined;

  constructor(protocol: CompiledProtocol, options: Checked) {
    super(options);
    this.#protocol = protocol;
    this.#options = options;
  }

  // ── the workers ──

  get paths(): readonly string[] {
    return [...this.#workers.values()]
      .filter(({ isLeaving }) => !isLeaving)
      .map(({ channel }) => channel.target.path());
  }

  add(ref: unknown): void {
    const target = this.#checked(ref);
    const key = keyOf(target);
    const known = this.#workers.get(key);
    if (known !== undefined) {
      known.isLeaving = false;
      this.hand();
      return;
    }
    if (this.isOver) return;
    if (this.#workers.size >= limits.routeesMax) {
      throw new UsageError(`${this.name} has ${this.#workers.size} workers already; make a second queue`);
    }
    const owner = ownerOf(ref);
    this.belongTo(owner);
    const channel = new Channel(target, {
      owner,
      operations: deliveredOperations(this.#protocol),
      window: this.#options.perWorker,
      onOutcome: () => this.#outcome(key),
      onTrouble: (trouble, forMs) => this.#trouble(key, trouble, forMs),
    });
    this.#workers.set(key, new Worker(channel));
    this.hand();
    this.look();
  }

  remove(ref: unknown): boolean {
    const key = keyOf(this.#checked(ref));
    const worker = this.#workers.get(key);
    if (worker === undefined || worker.isLeaving) return false;
    worker.isLeaving = true;
    this.#outcome(key);
    return true;
  }

  /** Has the workers that the latest list names, until the stream ends. */
  async follow(lists: AsyncIterable<readonly AnyRef[]>): Promise<void> {
    const iterator = lists[Symbol.asyncIterator]();
    this.#unfollow = () => void iterator.return?.().catch(() => undefined);
    try {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        if (this.isOver) return;
        const named = new Set(next.value.map((ref) => keyOf(this.#checked(ref))));
        for (const [key, worker] of this.#workers) {
          if (named.has(key)) continue;
          worker.isLeaving = true;
          this.#outcome(key);
        }
        for (const ref of next.value) this.add(ref);
      }
      this.fail('closed', 'the stream of its workers has ended');
    } catch (error) {
      this.fail('closed', `the stream of its workers failed: ${describeThrown(error)}`, error);
    }
  }

  /** @throws UsageError */
  #checked(ref: unknown): Target {
    if (!isRef(ref)) throw new UsageError(`${this.name} takes refs of actors; it was given ${typeof ref}`);
    const target = targetOf(ref);
    if (target.protocolName !== this.#protocol.name) {
      throw new UsageError(`${this.name}: ${target.path()} speaks "${target.protocolName}"`);
    }
    refuseRouter(target, `${this.name}: ${target.path()}`);
    return target;
  }

  // ── what is handed to them ──

  protected override get name(): string {
    return `the workers of "${this.#protocol.name}"`;
  }

  protected override get underWay(): number {
    let count = this.#again.length;
    for (const { channel } of this.#workers.values()) count += channel.size;
    return count;
  }

  protected override get sendsAtOnce(): boolean {
    return this.#again.length === 0 && this.#free()?.channel.isReached === true;
  }

  protected override hand(): void {
    while (this.#again.length > 0 || this.waiting.size > 0) {
      const worker = this.#free();
      if (worker === undefined) return;
      worker.channel.take(this.#again.shift() ?? this.waiting.shift()!);
    }
  }

  protected override closeChannels(): Undelivered[] {
    this.#unfollow();
    const left = this.#again;
    for (const { channel } of this.#workers.values()) left.push(...channel.close());
    this.#workers.clear();
    this.#again = [];
    return left;
  }

  /** The one with the least to do; one that was out of reach last only where there is no other. */
  #free(): Worker | undefined {
    let best: Worker | undefined;
    for (const worker of this.#workers.values()) {
      const { channel, isLeaving } = worker;
      if (isLeaving || !channel.hasRoom) continue;
      if (best === undefined || isBetter(channel, best.channel)) best = worker;
    }
    return best;
  }

  #outcome(key: string): void {
    const worker = this.#workers.get(key);
    if (worker?.isLeaving && worker.channel.size === 0) this.#drop(key, worker);
    this.hand();
    this.look();
  }

  #trouble(key: string, trouble: 'ended' | 'unreachable', forMs: number): void {
    const worker = this.#workers.get(key);
    if (worker === undefined) return;
    const { channel } = worker;
    if (trouble === 'ended') this.#takeBack(this.#drop(key, worker));
    else this.#takeBack(forMs >= this.#options.lostAfterMs ? channel.takeBack() : channel.takeBackUntouched());
    this.#outcome(key);
  }

  /** What a worker had that is lost: for another one, unless it has ended enough of them. */
  #takeBack(messages: readonly Undelivered[]): void {
    const again: Undelivered[] = [];
    for (const message of messages) {
      if (message.isInDoubt) message.attempts += 1;
      message.isInDoubt = false;
      if (message.attempts < this.#options.attempts) again.push(message);
      else message.give((mayHaveRun, label) => new DeliveryFailed('lost', mayHaveRun, this.#lostText(label)));
    }
    this.#again = [...again, ...this.#again];
  }

  #lostText(label: string): string {
    const { attempts } = this.#options;
    return `${label} to ${this.name}: ${attempts} of them were lost with it, which may be its doing; it may have run at each`;
  }

  #drop(key: string, { channel }: Worker): Undelivered[] {
    this.#workers.delete(key);
    return channel.close();
  }
}

/** Rather one that is there, and rather one that has less to do. */
function isBetter(one: Channel, than: Channel): boolean {
  return one.isReached === than.isReached ? one.size < than.size : one.isReached;
}

function keyOf(target: Target): string {
  const { place, cell } = target.address();
  return `${place}#${cell}`;
}
