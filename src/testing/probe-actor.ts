/**
 * The actor behind a probe: it takes every message at once and keeps it, with the asks to answer and the streams to feed.
 *
 * It is never held by an ask: it hands the request to the test and goes on, so that the test sees what comes behind it.
 */
import * as z from 'zod';
import { answeredLater } from '../actors/answered-later.ts';
import { ActorBehavior } from '../actors/behavior.ts';
import type { Cell } from '../actors/cell.ts';
import type { Host } from '../actors/host.ts';
import type { Operation } from '../actors/operation.ts';
import { ActorFailed } from '../actors/outcomes.ts';
import type { AnyProtocol, AnyRef } from '../actors/protocol.ts';
import type { Request } from '../actors/request.ts';
import type { Run } from '../actors/run.ts';
import { pathOf } from '../actors/verbs.ts';
import { UsageError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import { limits } from './limits.ts';
import { type Arrival, Feed, type OpenAsk, type Received } from './probe-parts.ts';

/** What it answers by itself, by operation. */
export type Answers = Readonly<Record<string, ((message: unknown, context: unknown) => unknown) | undefined>>;

export class ProbeActor {
  readonly cell: Cell;
  /** What has come and was not expected yet. */
  readonly arrivals: Ring<Arrival> = new Ring();
  readonly received: Received[] = [];
  readonly feeds: Feed[] = [];
  readonly #protocolName: string;
  readonly #answers: Answers;
  readonly #asks: OpenAsk[] = [];
  /** By path, which is of one incarnation. */
  readonly #watched = new Set<string>();

  constructor(host: Host, protocol: AnyProtocol, answers: Answers) {
    this.#protocolName = protocol.name;
    this.#answers = answers;
    this.cell = host.spawn(this.#behavior(protocol), { args: undefined, name: undefined, parent: undefined });
    this.cell.watch({ terminated: () => this.#endAsks() });
  }

  get path(): string {
    return this.cell.path();
  }

  /** @throws UsageError when the protocol has no such operation */
  operation(name: string): Operation {
    const operation = this.cell.behavior.compiled.operations.get(name);
    if (operation !== undefined) return operation;
    throw new UsageError(`protocol "${this.#protocolName}" has no operation "${name}"`);
  }

  /** Watches once, however often it is called: what has ended would be told a second time. */
  watch(ref: AnyRef): void {
    if (this.#watched.has(pathOf(ref))) return;
    this.cell.watches.watch(ref);
    this.#watched.add(pathOf(ref));
  }

  /** Has the oldest open ask answered; it stays open where that throws. @throws UsageError when none is open */
  answer(name: string, how: (request: Request) => void): void {
    const { label } = this.operation(name);
    const open = this.#asks.find(({ operation, request }) => operation.name === name && !request.settled);
    if (open !== undefined) {
      how(open.request);
      remove(this.#asks, open);
      return;
    }
    const late = this.#asks.some(({ operation }) => operation.name === name);
    throw new UsageError(
      `${this.path}: there is no open ask of ${label} to answer; ` +
        (late ? 'whoever asked has given up' : 'expect it first, so that it has come'),
    );
  }

  /** @throws UsageError when none is open */
  openFeeds(name: string): readonly Feed[] {
    const { label } = this.operation(name);
    const open = this.feeds.filter(({ operation }) => operation.name === name);
    if (open.length > 0) return open;
    throw new UsageError(`${this.path}: there is no open stream of ${label}; expect it first, so that it has come`);
  }

  #behavior(protocol: AnyProtocol): ActorBehavior {
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
      signals: { terminated: (_state, event) => this.arrivals.push({ kind: 'terminated', event }) },
      // A test that makes it fail wants to see that, and no restart of it.
      supervise: { directive: () => 'stop' },
      strategy: undefined,
      reentrant: false,
      idleMs: undefined,
      behaviors: [],
      behaviorHandlers: {},
      handlers,
      closure: false,
    }) as unknown as ActorBehavior;
  }

  #handle(name: string, message: unknown, run: Run): unknown {
    const operation = this.operation(name);
    if (this.arrivals.size >= limits.keptMax) {
      throw new UsageError(`${this.path}: ${limits.keptMax} messages wait to be expected; expect them sooner`);
    }
    this.arrivals.push({ kind: 'message', operation, message });
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
        const feed = new Feed(operation, (closed) => remove(this.feeds, closed));
        this.feeds.push(feed);
        return feed;
      }
      default:
        return operation.kind satisfies never;
    }
  }

  #endAsks(): void {
    for (const { operation, request } of this.#asks.splice(0)) {
      if (!request.settled) request.fail(new ActorFailed(`${operation.label}: ${this.path} has ended`));
    }
  }
}

function remove<V>(from: V[], value: V): void {
  const at = from.indexOf(value);
  if (at >= 0) from.splice(at, 1);
}
