/**
 * A probe: an actor that speaks a protocol and leaves it to the test what becomes of its messages.
 *
 * It is an actor like any other, so that refs to it can be sent, it can be watched, and what it was told comes in the
 * order of its senders. Unlike others it is never held by a message: asks wait for the test's answer, in any order.
 */

import * as z from 'zod';
import { answeredLater } from '../actors/answered-later.ts';
import { ActorBehavior } from '../actors/behavior.ts';
import type { Cell } from '../actors/cell.ts';
import type { ClosureHandlers } from '../actors/context.ts';
import type { Host } from '../actors/host.ts';
import type { Operation } from '../actors/operation.ts';
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
import type { Run } from '../actors/run.ts';
import { pathOf, sameRef } from '../actors/verbs.ts';
import type { Terminated } from '../actors/watch.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import { shown, unmet } from './assertion.ts';
import { limits } from './limits.ts';
import type { Passage } from './passage.ts';
import { type Arrival, arrivalText, Feed, type OpenAsk, type Received } from './probe-parts.ts';

type NamesOf<O extends Operations, Kind> = { [K in keyof O & string]: O[K] extends Kind ? K : never }[keyof O & string];
type ErrorsOf<O> = O extends AskOperation<infer _I, infer _O, infer E> ? E : never;
type OutputOf<O> = O extends AskOperation | StreamOperation ? O['output'] : never;

/** What a probe answers by itself: handlers as those of a closure actor, for some of its asks and streams. */
export type ProbeAnswers<T extends AnyProtocol> = Partial<ClosureHandlers<T['ops'], T['name']>>;

type Answers = Readonly<Record<string, ((message: unknown, context: unknown) => unknown) | undefined>>;

export interface ExpectOptions {
  /**
   * How long to wait, in ms. Under virtual time 0 unless given: all that is ready happens and no time passes; time moves
   * on only as far as the message takes. Beside threads and nodes real time, 1,000 unless given.
   */
  withinMs?: number;
}

export interface SilenceOptions {
  /** How long to listen, in ms. Under virtual time 0 unless given; beside threads and nodes real time, 50 unless given. */
  forMs?: number;
}

export class Probe<T extends AnyProtocol> {
  /** What the actors under test are given. */
  readonly ref: Ref<T>;
  /** Every message so far, in order; the first 65,536. */
  readonly received: Received[] = [];
  readonly #cell: Cell;
  readonly #protocolName: string;
  readonly #passage: Passage;
  readonly #answers: Answers;
  readonly #arrivals = new Ring<Arrival>();
  readonly #asks: OpenAsk[] = [];
  readonly #feeds: Feed[] = [];
  /** By path, which is of one incarnation. */
  readonly #watched = new Set<string>();

  /** @internal Use `probe` of a system under test. */
  constructor(host: Host, protocol: T, passage: Passage, answers: ProbeAnswers<T>) {
    this.#passage = passage;
    this.#protocolName = protocol.name;
    this.#answers = answers as Answers;
    this.#cell = host.spawn(this.#behavior(protocol), { args: undefined, name: undefined, parent: undefined });
    this.ref = new this.#cell.behavior.refClass(this.#cell, host.outside) as unknown as Ref<T>;
    this.#cell.watch({ terminated: () => this.#ended() });
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
    const { label } = this.#operation(operation);
    const arrival = await this.#next(withinMs);
    if (arrival?.kind === 'message' && arrival.operation.name === operation) {
      this.#arrivals.shift();
      return arrival.message as Out<T['ops'][K]['input']>;
    }
    throw this.#unmet(label, arrival, withinMs, this.expect);
  }

  /** Expects that nothing comes. @throws AssertionError that names what came */
  async expectNothing(options: SilenceOptions = {}): Promise<void> {
    const forMs = options.forMs ?? this.#passage.defaults.silenceMs;
    const arrival = await this.#next(forMs);
    if (arrival === undefined) return;
    const text = `${this.#cell.path()} expected nothing for ${forMs} ms, but ${arrivalText(arrival)} came`;
    throw unmet(this.#with(text), plain(arrival), undefined, this.expectNothing);
  }

  /**
   * Watches an actor: its end comes to this probe like a message, after the last one that it sent here.
   *
   * @throws Rejected where it cannot be watched
   */
  watch(ref: AnyRef): void {
    this.#cell.watches.watch(ref);
    this.#watched.add(pathOf(ref));
  }

  /**
   * Expects that the next thing that comes is the end of an actor that this probe watches; watches it if it does not yet.
   *
   * @returns how it ended.
   * @throws AssertionError that names what came instead, or that nothing came
   */
  async expectTerminated(ref: AnyRef, options: ExpectOptions = {}): Promise<Terminated> {
    const withinMs = options.withinMs ?? this.#passage.defaults.expectMs;
    // Once only: a watch of what has ended meanwhile would be told a second time.
    if (!this.#watched.has(pathOf(ref))) this.watch(ref);
    const arrival = await this.#next(withinMs);
    if (arrival?.kind === 'terminated' && sameRef(arrival.event.ref, ref)) {
      this.#arrivals.shift();
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
    const open = this.#openAsk(operation);
    // A reply that does not fit throws here, and the ask stays open.
    open.request.succeed(value);
    remove(this.#asks, open);
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
    const { label, errors } = this.#operation(operation);
    const type = errors.get(code);
    if (type === undefined) throw new UsageError(`${label} declares no error "${code}"`);
    const parsed = type.parse(data[0]);
    const open = this.#openAsk(operation);
    open.request.fail(new DeclaredError(code, parsed, label));
    remove(this.#asks, open);
  }

  /** Ends the oldest open ask of `operation` as `ActorFailed`, as if its handler had thrown `error`. The probe runs on. */
  fail<K extends NamesOf<T['ops'], AskOperation>>(
    operation: K,
    error: unknown = new Error('failed by the test'),
  ): void {
    const open = this.#openAsk(operation);
    open.request.fail(this.#failure(operation, error));
    remove(this.#asks, open);
  }

  /** Gives values to every stream of `operation` that is open. @throws UsageError when none is, or a reader takes none */
  emit<K extends NamesOf<T['ops'], StreamOperation>>(operation: K, ...values: In<OutputOf<T['ops'][K]>>[]): void {
    for (const feed of this.#openFeeds(operation)) for (const value of values) feed.push(value);
  }

  /** Ends every stream of `operation` that is open. @throws UsageError when none is */
  complete<K extends NamesOf<T['ops'], StreamOperation>>(operation: K): void {
    for (const feed of this.#openFeeds(operation)) feed.end();
  }

  /** Streams of `operation` that are open now. */
  readers<K extends NamesOf<T['ops'], StreamOperation>>(operation: K): number {
    return this.#feeds.filter((feed) => feed.operation.name === operation).length;
  }

  /** Ends the probe, as any actor ends; its open asks end as `ActorFailed`. */
  stop(): Promise<void> {
    return this.#cell.stop(false, undefined);
  }

  toString(): string {
    return `Probe<${this.#protocolName}> ${this.#cell.path()}`;
  }

  // ── as an actor ──

  #behavior(protocol: T): ActorBehavior {
    const handlers: Record<string, unknown> = {};
    for (const name of Object.keys(protocol.ops)) {
      handlers[name] = (_state: unknown, message: unknown, run: Run) => this.#handle(name, message, run);
    }
    return new ActorBehavior(protocol, {
      args: z.object({}),
      createState: () => undefined,
      internal: {},
      name: `${protocol.name}.probe`,
      uses: [],
      mailbox: {},
      signals: { terminated: (_state, event) => this.#arrivals.push({ kind: 'terminated', event }) },
      // A test that makes it fail wants to see that, and no restart of it.
      supervise: { directive: () => 'stop' },
      strategy: undefined,
      handlers,
      closure: false,
    }) as unknown as ActorBehavior;
  }

  #handle(name: string, message: unknown, run: Run): unknown {
    const operation = this.#operation(name);
    if (this.#arrivals.size >= limits.keptMax) {
      throw new UsageError(`${this}: ${limits.keptMax} messages wait to be expected; expect them sooner`);
    }
    this.#arrivals.push({ kind: 'message', operation, message });
    if (this.received.length < limits.keptMax) this.received.push({ operation: name, message });
    const answer = Object.hasOwn(this.#answers, name) ? this.#answers[name] : undefined;
    if (answer !== undefined) return answer(message, run);
    switch (operation.kind) {
      case 'tell':
        return undefined;
      case 'ask':
        this.#asks.push({ operation, request: run.request! });
        return answeredLater;
      case 'stream': {
        const feed = new Feed(operation, (closed) => remove(this.#feeds, closed));
        this.#feeds.push(feed);
        return feed;
      }
      default:
        return operation.kind satisfies never;
    }
  }

  #ended(): void {
    for (const { operation, request } of this.#asks.splice(0)) {
      if (!request.settled) request.fail(new ActorFailed(`${operation.label}: ${this.#cell.path()} has ended`));
    }
  }

  // ── what the test asks for ──

  async #next(withinMs: number): Promise<Arrival | undefined> {
    await this.#passage.waitFor(() => this.#arrivals.size > 0, withinMs);
    return this.#arrivals.peek();
  }

  #openAsk(name: string): OpenAsk {
    const { label } = this.#operation(name);
    const open = this.#asks.find(({ operation, request }) => operation.name === name && !request.settled);
    if (open !== undefined) return open;
    const late = this.#asks.some(({ operation }) => operation.name === name);
    throw new UsageError(
      `${this.#cell.path()}: there is no open ask of ${label} to answer; ` +
        (late ? 'whoever asked has given up' : 'expect it first, so that it has come'),
    );
  }

  #openFeeds(name: string): readonly Feed[] {
    const { label } = this.#operation(name);
    const open = this.#feeds.filter(({ operation }) => operation.name === name);
    if (open.length > 0) return open;
    throw new UsageError(
      `${this.#cell.path()}: there is no open stream of ${label}; expect it first, so that it has come`,
    );
  }

  #failure(name: string, error: unknown): ActorFailed {
    const { label } = this.#operation(name);
    const text = `${label}: the handler of ${this.#cell.path()} failed: ${describeThrown(error)}`;
    return new ActorFailed(text, error);
  }

  #operation(name: string): Operation {
    const operation = this.#cell.behavior.compiled.operations.get(name);
    if (operation !== undefined) return operation;
    throw new UsageError(`protocol "${this.#protocolName}" has no operation "${name}"`);
  }

  #unmet(what: string, arrival: Arrival | undefined, withinMs: number, from: Function): Error {
    const instead =
      arrival === undefined
        ? `nothing came${withinMs > 0 ? ` within ${withinMs} ms` : ''}`
        : `${arrivalText(arrival)} came instead`;
    const before = arrival === undefined ? this.#before() : '';
    const actual = arrival === undefined ? undefined : plain(arrival);
    return unmet(this.#with(`${this.#cell.path()} expected ${what}, but ${instead}${before}`), actual, what, from);
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

function remove<V>(from: V[], value: V): void {
  const at = from.indexOf(value);
  if (at >= 0) from.splice(at, 1);
}
