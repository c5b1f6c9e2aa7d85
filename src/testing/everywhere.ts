/**
 * One suite, run everywhere: the same test with its actors on this thread, on a worker thread and on another node.
 *
 * These are real systems in real time: a worker is a thread of its own, the other node is a second system of this process
 * at the other end of a WebSocket. Virtual time cannot hold there, so none of them offers it, this thread included: a test
 * that runs everywhere means the same everywhere.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../actors/actor.ts';
import type { Isolation } from '../actors/isolation.ts';
import type { Where } from '../actors/placed/where.ts';
import type { AnyProtocol, Ref } from '../actors/protocol.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { here, node, thread } from '../runtime/placement.ts';
import { type StartedSystem, startSystemIn } from '../runtime/start-system.ts';
import { CapturedLog } from './captured-log.ts';
import { RealTime } from './passage.ts';
import { Probe, type ProbeAnswers } from './probe.ts';

/** What `everywhere` takes. */
export interface EverywhereOptions {
  /**
   * The registry module, which other threads load by themselves. Fakes of resources cannot cross a thread: a suite that
   * needs them names a registry module of its own, which holds them.
   */
  registry: URL;
  /** How messages become the receiver's own; `codec` unless given. */
  isolation?: Isolation;
}

/** Where the actors of a test run. */
export interface TestPlace {
  /** Which of the three. */
  readonly kind: 'here' | 'thread' | 'node';
  /** For the name of a test: `on this thread`, `on a worker thread`, `on another node`. */
  readonly name: string;
  /** Starts a system whose `spawn` places actors there. End it with `await using`, or `shutdown()`. */
  open(): Promise<PlacedSystem>;
}

/**
 * The three places. Plain data, for any runner:
 *
 * ```ts
 * for (const place of everywhere({ registry: new URL('./actors.ts', import.meta.url) })) {
 *   test(`a counter counts ${place.name}`, async () => {
 *     await using system = await place.open();
 *     const ref = await system.spawn(counter);
 *     …
 *   });
 * }
 * ```
 */
export function everywhere({ registry, isolation = 'codec' }: EverywhereOptions): readonly TestPlace[] {
  return [
    {
      kind: 'here',
      name: 'on this thread',
      open: async () => {
        const log = new CapturedLog();
        const started = await startSystemIn({ log }, { registry, isolation, threads: 0 });
        return new PlacedSystem(started, [], here(), log);
      },
    },
    {
      kind: 'thread',
      name: 'on a worker thread',
      open: async () => {
        const log = new CapturedLog();
        const started = await startSystemIn({ log }, { registry, isolation, threads: 1 });
        return new PlacedSystem(started, [], thread(), log);
      },
    },
    {
      kind: 'node',
      name: 'on another node',
      open: async () => {
        const log = new CapturedLog();
        const common = { registry, isolation, threads: 0 };
        const options = { ...common, name: 'other', roles: ['other'], listen: 'ws://127.0.0.1:0' };
        const { system: other } = await startSystemIn({ log }, options);
        try {
          const started = await startSystemIn({ log }, { ...common, join: [other.address!] });
          return new PlacedSystem(started, [other], node({ role: 'other' }), log);
        } catch (error) {
          await other.shutdown({ deadlineMs: 0 });
          throw error;
        }
      },
    },
  ];
}

/** A real system, whose actors run at one of the three places. */
export class PlacedSystem implements AsyncDisposable {
  /** The system of this thread, for what is not offered here. */
  readonly system: ActorSystem;
  /** What the systems of all places logged so far; nothing of it is printed. */
  readonly log: CapturedLog;
  readonly #host: StartedSystem['host'];
  readonly #others: readonly ActorSystem[];
  readonly #where: Where;
  readonly #time = new RealTime();

  /** @internal Use `everywhere`. */
  constructor(started: StartedSystem, others: readonly ActorSystem[], where: Where, log: CapturedLog) {
    this.system = started.system;
    this.log = log;
    this.#host = started.host;
    this.#others = others;
    this.#where = where;
  }

  /** Starts an actor of the registry at the place under test. @throws SpawnFailed */
  spawn<T extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<T, A>,
    ...options: SpawnArguments<A, { name?: string }>
  ): Promise<Ref<T>> {
    const [given] = options as [{ args?: z.input<A>; name?: string }?];
    const placed = { ...given, on: this.#where } as unknown;
    return this.system.spawn(definition, ...([placed] as unknown as SpawnArguments<A, { on?: Where }>));
  }

  /** Makes a probe on this thread, in real time; see `TestSystem.probe`. */
  probe<T extends AnyProtocol>(protocol: T, answers: ProbeAnswers<T> = {}): Probe<T> {
    return new Probe(this.#host, protocol, this.#time, answers);
  }

  /** Stops everything, at every place. @param options.deadlineMs real ms, 5,000 unless given */
  async shutdown(options: { deadlineMs?: number } = {}): Promise<void> {
    await this.system.shutdown(options);
    await Promise.all(this.#others.map((other) => other.shutdown(options)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
