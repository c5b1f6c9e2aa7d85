/**
 * A probe: an actor that speaks a protocol and leaves it to the test what becomes of its messages.
 *
 * It is an actor like any other, so that refs to it can be sent, it can be watched, and what it was told comes in the
 * order of its senders. Unlike others it is never held by a message: asks wait for the test's answer, in any order.
 */
import type { ClosureHandlers } from '../actors/context.ts';
import type { Host } from '../actors/host.ts';
import { ActorFailed, DeclaredError } from '../actors/outcomes.ts';
import type {
  AnyProtocol,
  AnyRef,
  AskOperation,
  In,
  Operations,
  Out,
  Ref,
  StreamOperation,
} from '../actors/protocol.ts';
import { sameRef } from '../actors/verbs.ts';
import type { Terminated } from '../actors/watch.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { shown, unmet } from './assertion.ts';
import type { Passage } from './passage.ts';
import { type Answers, ProbeActor } from './probe-actor.ts';
import { type Arrival, arrivalText, type Received } from './probe-parts.ts';

type NamesOf<O extends Operations, Kind> = { [K in keyof O & string]: O[K] extends Kind ? K : never }[keyof O & string];
type ErrorsOf<O> = O extends AskOperation<infer _I, infer _O, infer E> ? E : never;
type OutputOf<O> = O extends AskOperation | StreamOperation ? O['output'] : never;

/** What a probe answers by itself: handlers as those of a closure actor, for some of its operations. */
export type ProbeAnswers<T extends AnyProtocol> = Partial<ClosureHandlers<T['ops'], T['name']>>;

/** How long something is waited for. */
export interface ExpectOptions {
  /**
   * How long to wait, in ms. Under virtual time 0 unless given: all that is ready happens and no time passes; time moves
   * on only as far as the message takes. Beside threads and nodes real time, 1,000 unless given.
   */
  withinMs?: number;
}

/** How long nothing is expected. */
export interface SilenceOptions {
  /** How long to listen, in ms. Under virtual time 0 unless given; beside threads and nodes real time, 50 unless given. */
  forMs?: number;
}

/**
 * An actor that speaks a protocol and leaves its messages to the test: it expects them, answers asks and feeds streams.
 *
 * Asks do not hold it: they stay open until the test answers them, in any order. The idea is Akka's TestProbe.
 */
export class Probe<T extends AnyProtocol> {
  /** What the actors under test are given. */
  readonly ref: Ref<T>;
  readonly #actor: ProbeActor;
  readonly #protocolName: string;
  readonly #passage: Passage;

  /** @internal Use `probe` of a system under test. */
  constructor(host: Host, protocol: T, passage: Passage, answers: ProbeAnswers<T>) {
    this.#passage = passage;
    this.#protocolName = protocol.name;
    this.#actor = new ProbeActor(host, protocol, answers as Answers);
    const { cell } = this.#actor;
    this.ref = new cell.behavior.refClass(cell, host.outside) as unknown as Ref<T>;
  }

  /** Every message so far, in order; the first 65,536. */
  get received(): readonly Received[] {
    return this.#actor.received;
  }

  /**
   * Expects that the next thing that comes is a message of `operation`.
   *
   * @returns the message.
   * @throws AssertionError that names what came instead, or that nothing came
   */
  async expect<K extends keyof T['ops'] & string>(
    operation: K,
    options: ExpectOptions = {},
  ): Promise<Out<T['ops'][K]['input']>> {
    const withinMs = options.withinMs ?? this.#passage.defaults.expectMs;
    const { label } = this.#actor.operation(operation);
    const arrival = await this.#next(withinMs);
    if (arrival?.kind === 'message' && arrival.operation.name === operation) {
      this.#actor.arrivals.shift();
      return arrival.message as Out<T['ops'][K]['input']>;
    }
    throw this.#unmet(label, arrival, withinMs, this.expect);
  }

  /** Expects that nothing comes. @throws AssertionError that names what came */
  async expectNothing(options: SilenceOptions = {}): Promise<void> {
    const forMs = options.forMs ?? this.#passage.defaults.silenceMs;
    const arrival = await this.#next(forMs);
    if (arrival === undefined) return;
    const text = `${this.#actor.path} expected nothing for ${forMs} ms, but ${arrivalText(arrival)} came`;
    throw unmet(this.#with(text), plain(arrival), undefined, this.expectNothing);
  }

  /**
   * Watches an actor: its end comes to this probe like a message, after the last one that it sent here.
   *
   * @throws Rejected where it cannot be watched
   */
  watch(ref: AnyRef): void {
    this.#actor.watch(ref);
  }

  /**
   * Expects that the next thing that comes is the end of an actor that this probe watches; watches it if it does not yet.
   *
   * @returns how it ended.
   * @throws AssertionError that names what came instead, or that nothing came
   */
  async expectTerminated(ref: AnyRef, options: ExpectOptions = {}): Promise<Terminated> {
    const withinMs = options.withinMs ?? this.#passage.defaults.expectMs;
    this.watch(ref);
    const arrival = await this.#next(withinMs);
    if (arrival?.kind === 'terminated' && sameRef(arrival.event.ref, ref)) {
      this.#actor.arrivals.shift();
      return arrival.event;
    }
    throw this.#unmet(`the end of ${ref}`, arrival, withinMs, this.expectTerminated);
  }

  /**
   * Answers the oldest open ask of `operation`.
   *
   * @throws InvalidMessage for a reply that does not fit the operation's output, UsageError when no ask is open
   */
  reply<K extends NamesOf<T['ops'], AskOperation>>(operation: K, value: In<OutputOf<T['ops'][K]>>): void {
    this.#actor.answer(operation, (request) => request.succeed(value));
  }

  /**
   * Answers the oldest open ask of `operation` with an error that it declares, as `ctx.fail` does.
   *
   * @throws UsageError when no ask is open, or it declares no such error
   */
  refuse<K extends NamesOf<T['ops'], AskOperation>, C extends keyof ErrorsOf<T['ops'][K]> & string>(
    operation: K,
    code: C,
    ...data: [In<ErrorsOf<T['ops'][K]>[C]>] extends [void] ? [] : [data: In<ErrorsOf<T['ops'][K]>[C]>]
  ): void {
    const { label, errors } = this.#actor.operation(operation);
    const type = errors.get(code);
    if (type === undefined) throw new UsageError(`${label} declares no error "${code}"`);
    const parsed = type.parse(data[0]);
    this.#actor.answer(operation, (request) => request.fail(new DeclaredError(code, parsed, label)));
  }

  /** Ends the oldest open ask of `operation` as `ActorFailed`, as if its handler had thrown `error`. The probe runs on. */
  fail<K extends NamesOf<T['ops'], AskOperation>>(
    operation: K,
    error: unknown = new Error('failed by the test'),
  ): void {
    const { label } = this.#actor.operation(operation);
    const text = `${label}: the handler of ${this.#actor.path} failed: ${describeThrown(error)}`;
    this.#actor.answer(operation, (request) => request.fail(new ActorFailed(text, error)));
  }

  /** Gives values to every stream of `operation` that is open. @throws UsageError when none is, or a reader takes none */
  emit<K extends NamesOf<T['ops'], StreamOperation>>(operation: K, ...values: In<OutputOf<T['ops'][K]>>[]): void {
    for (const feed of this.#actor.openFeeds(operation)) for (const value of values) feed.push(value);
  }

  /** Ends every stream of `operation` that is open. @throws UsageError when none is */
  complete<K extends NamesOf<T['ops'], StreamOperation>>(operation: K): void {
    for (const feed of this.#actor.openFeeds(operation)) feed.end();
  }

  /** Streams of `operation` that are open now. */
  readers<K extends NamesOf<T['ops'], StreamOperation>>(operation: K): number {
    return this.#actor.feeds.filter((feed) => feed.operation.name === operation).length;
  }

  /** Ends the probe, as any actor ends; its open asks end as `ActorFailed`. */
  stop(): Promise<void> {
    return this.#actor.cell.stop(false, undefined);
  }

  toString(): string {
    return `Probe<${this.#protocolName}> ${this.#actor.path}`;
  }

  async #next(withinMs: number): Promise<Arrival | undefined> {
    await this.#passage.waitFor(() => this.#actor.arrivals.size > 0, withinMs);
    return this.#actor.arrivals.peek();
  }

  #unmet(what: string, arrival: Arrival | undefined, withinMs: number, from: Function): Error {
    const instead =
      arrival === undefined
        ? `nothing came${withinMs > 0 ? ` within ${withinMs} ms` : ''}`
        : `${arrivalText(arrival)} came instead`;
    const before = arrival === undefined ? this.#before() : '';
    const actual = arrival === undefined ? undefined : plain(arrival);
    return unmet(this.#with(`${this.#actor.path} expected ${what}, but ${instead}${before}`), actual, what, from);
  }

  /** What had come earlier, and was expected: a message that came twice, or a probe that was mixed up. */
  #before(): string {
    const last = this.received.at(-1);
    if (last === undefined) return '; nothing ever came';
    return `; the last that came before was ${this.#protocolName}.${last.operation} ${shown(last.message)}`;
  }

  #with(text: string): string {
    const more = this.#passage.describe();
    return more === '' ? text : `${text}. ${more}`;
  }
}

/** What a runner shows in its diff. */
function plain(arrival: Arrival): unknown {
  if (arrival.kind === 'message') return { operation: arrival.operation.label, message: arrival.message };
  return { terminated: String(arrival.event.ref), reason: arrival.event.reason };
}
