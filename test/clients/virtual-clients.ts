/** A system and its clients in one process under virtual time, over links that a test slows down and cuts. */

import type { Environment } from '../../src/base/environment/environment.ts';
import type { Link, LinkRequest, ListenRequest } from '../../src/base/environment/network.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { type Client, Client as ClientOf, type ClientOptions } from '../../src/client/client.ts';
import type { ActorSystem } from '../../src/runtime/actor-system.ts';
import { startSystemIn } from '../../src/runtime/start-system.ts';
import type { SystemOptions } from '../../src/runtime/system-options.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { pass } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { virtualEnvironment } from '../../src/testing/virtual-environment.ts';
import { tokenOf } from '../../src/transport/client-envelope.ts';
import { DialFailed } from '../../src/transport/errors.ts';

type Reason = { readonly code: number; readonly text: string };

/** One end of a link. */
class End implements Link {
  readonly remote: string;
  readonly #clock: VirtualClock;
  readonly #latencyMs: () => number;
  other!: End;
  closed: Reason | undefined;
  #lastMs = 0;
  #held: Uint8Array[] = [];
  #onFrame: ((frame: Uint8Array) => void) | undefined;
  onClose: (reason: Reason) => void = () => undefined;
  /** True while nothing is read here. */
  isDeaf = false;
  /** Bytes that were read here so far. */
  read = 0;
  /** Bytes that the other end has sent and that were not read here. */
  unread = 0;
  #drained: (() => void)[] = [];

  constructor(remote: string, clock: VirtualClock, latencyMs: () => number) {
    this.remote = remote;
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  get onFrame(): (frame: Uint8Array) => void {
    return this.#onFrame ?? (() => undefined);
  }

  set onFrame(handler: (frame: Uint8Array) => void) {
    const isFirst = this.#onFrame === undefined;
    this.#onFrame = handler;
    if (isFirst) for (const frame of this.#held.splice(0)) this.#take(frame);
  }

  send(frame: Uint8Array): boolean {
    if (this.closed !== undefined) return false;
    // A network carries bytes and no objects.
    const bytes = frame.slice();
    this.other.unread += bytes.length;
    this.#later(() => this.other.#arrive(bytes));
    return this.other.unread <= 1_048_576;
  }

  drained(): Promise<void> {
    if (this.closed !== undefined || this.other.unread < 262_144) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  admit(): void {
    // Nothing is bounded here.
  }

  close(code: number, text: string): void {
    if (this.closed !== undefined) return;
    this.#later(() => this.other.end({ code, text }));
    this.end({ code, text });
  }

  end(reason: Reason): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    for (const wake of this.#drained.splice(0)) wake();
    void Promise.resolve().then(() => this.onClose(reason));
  }

  /** In order, whatever the latency of each. */
  #later(fire: () => void): void {
    const now = this.#clock.monotonicMs();
    this.#lastMs = Math.max(this.#lastMs, now + this.#latencyMs());
    this.#clock.timer(this.#lastMs - now, fire);
  }

  #arrive(frame: Uint8Array): void {
    if (this.closed !== undefined) return;
    if (this.isDeaf) this.#held.push(frame);
    else if (this.#onFrame === undefined) this.#held.push(frame);
    else this.#take(frame);
  }

  #take(frame: Uint8Array): void {
    this.unread -= frame.length;
    this.read += frame.length;
    this.onFrame(frame);
    if (this.unread < 262_144) for (const wake of this.other.#drained.splice(0)) wake();
  }
}

export interface Wire {
  readonly client: End;
  readonly server: End;
}

export interface VirtualClients {
  readonly system: ActorSystem;
  readonly clock: VirtualClock;
  readonly log: CapturedLog;
  /** Links so far, the open ones among them. */
  readonly wires: Wire[];
  /** While true nobody gets a link. */
  isDown: boolean;
  /** While given, what every dial fails with. */
  failure: DialFailed | undefined;
  latencyMs: () => number;
  connect(options?: ClientOptions, about?: Partial<LinkRequest>): Client;
  dial(protocols: readonly string[], about?: Partial<LinkRequest>): Promise<Link>;
  /** Ends every link without a word; what is under way is lost. */
  cut(which?: Wire): void;
  advance(ms: number): Promise<void>;
  /** Lets time pass until it has settled. */
  until<T>(promise: Promise<T>): Promise<T>;
}

export async function virtualClients(seed: number, options: SystemOptions): Promise<VirtualClients> {
  const scheduler = new TestScheduler();
  const own = virtualEnvironment(seed, scheduler);
  const { clock } = own;
  const log = new CapturedLog();
  const random = seededRandom(seed);
  let listening: ListenRequest | undefined;
  let dials = 0;
  const environment: Environment = {
    ...own,
    network: {
      listen(request) {
        listening = request;
        return Promise.resolve({
          address: request.address,
          close: () => {
            listening = undefined;
            return Promise.resolve();
          },
        });
      },
      dial: () => Promise.reject(new Error('no nodes here')),
    },
  };
  const { system } = await startSystemIn({ environment, log }, { threads: 0, ...options });
  const result: VirtualClients = {
    system,
    clock,
    log,
    wires: [],
    isDown: false,
    failure: undefined,
    latencyMs: () => 1,
    connect(given = {}, about = {}) {
      return new ClientOf('ws://127.0.0.1:1', given, {
        clock,
        scheduler: new TestScheduler(),
        fraction: () => random.fraction(),
        dial: ({ protocols }) => result.dial(protocols, about),
      });
    },
    async dial(protocols, about = {}) {
      const { clients, onLink } = listening ?? {};
      if (result.failure !== undefined) throw result.failure;
      if (clients === undefined || result.isDown) throw new DialFailed('refused', 'nobody listens');
      dials += 1;
      const remote = `client:${dials}`;
      const request = {
        remote,
        address: '127.0.0.1',
        host: '127.0.0.1:1',
        origin: undefined,
        token: tokenOf(protocols),
        ...about,
      };
      const status = await clients.admit(request);
      if (status !== 101) throw new DialFailed('rejected', `answered with ${status}`, { status });
      const latency = (): number => result.latencyMs();
      const [client, server] = [new End('server', clock, latency), new End(remote, clock, latency)];
      client.other = server;
      server.other = client;
      result.wires.push({ client, server });
      onLink!(server, request);
      return client;
    },
    cut(which) {
      for (const wire of which === undefined ? result.wires : [which]) {
        for (const end of [wire.client, wire.server]) end.end({ code: 1006, text: '' });
      }
    },
    advance: (ms) => clock.advance(ms, settle),
    async until(promise) {
      let isDone = false;
      const settled = promise.finally(() => {
        isDone = true;
      });
      settled.catch(() => undefined);
      await settle();
      for (let fired = 0; !isDone && fired < 100_000 && clock.fireNext(Number.POSITIVE_INFINITY); fired += 1)
        await settle();
      if (!isDone) throw new Error('it does not settle');
      return settled;
    },
  };
  return result;
}

async function settle(): Promise<void> {
  await pass();
  await pass();
}
