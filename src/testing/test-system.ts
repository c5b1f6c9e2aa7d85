/**
 * A system under test: actors on one thread, under virtual time, in an order that repeats.
 *
 * It is a system like any other in every part but what is outside of it: time, chance, turns, the log and, where the test
 * gives fakes, resources. Messages are taken through their wire form and back, so that a test finds what would not
 * survive a thread.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../actors/actor.ts';
import type { AnyProtocol, Ref } from '../actors/protocol.ts';
import type { Registry } from '../actors/registry.ts';
import { limits as systemLimits } from '../base/limits.ts';
import { seededRandom } from '../base/platform/seeded-random.ts';
import type { ActorSystem, PlaceStatistics } from '../runtime/actor-system.ts';
import type { RunArguments, RunnableFlow } from '../runtime/flow-definition.ts';
import { type StartedSystem, startSystemIn } from '../runtime/start-system.ts';
import { CapturedDeadLetters } from './captured-dead-letters.ts';
import { CapturedLog } from './captured-log.ts';
import { checkFakes, withFakes } from './fakes.ts';
import { limits } from './limits.ts';
import { Probe, type ProbeAnswers } from './probe.ts';
import { TestScheduler } from './test-scheduler.ts';
import { checkTestOptions, type TestSystemOptions } from './test-system-options.ts';
import { type VirtualEnvironment, virtualEnvironment } from './virtual-environment.ts';
import { type SettleOptions, type TestTime, VirtualTime } from './virtual-time.ts';

/**
 * Makes a system under test. End it with `await using`, or `shutdown()`.
 *
 * @throws UsageError for options that make no sense and for a fake that the registry has no resource for,
 *   RegistryLoadFailed
 */
export async function testSystem<R extends Registry | URL = Registry | URL>(
  options: TestSystemOptions<R> = {},
): Promise<TestSystem> {
  checkTestOptions(options);
  const { seed, outsideMs = limits.outsideMs } = options;
  const manual = options.stepping === 'manual';
  const scheduler = new TestScheduler({
    manual,
    ...(seed === undefined ? {} : { random: seededRandom(seed).fork('turns') }),
    ...(seed === undefined && !manual ? {} : { messagesPerSlice: 1 }),
  });
  const environment = virtualEnvironment(seed ?? 1, scheduler);
  const log = new CapturedLog();
  const fakes = (options.resources ?? {}) as Readonly<Record<string, unknown>>;
  const started = await startSystemIn(
    { environment, log, resourceFor: withFakes(fakes) },
    {
      name: 'test',
      threads: 0,
      isolation: options.isolation ?? 'codec',
      ...(options.registry === undefined ? {} : { registry: options.registry }),
    },
  );
  const order = seed === undefined ? 'turns are first come, first served' : `turns are in the order of seed ${seed}`;
  const system = new TestSystem(
    started,
    environment,
    log,
    new VirtualTime(environment, started.host, outsideMs, order),
  );
  try {
    if (options.registry !== undefined) checkFakes(fakes, started.registry);
  } catch (error) {
    await system.shutdown();
    throw error;
  }
  return system;
}

/** What `testSystem` makes. */
export class TestSystem implements AsyncDisposable {
  /** The system itself, for what is not offered here. */
  readonly system: ActorSystem;
  /** Its time, which stands still until the test lets it pass. */
  readonly time: TestTime;
  /** Everything it logged so far; nothing of it is printed. */
  readonly log: CapturedLog;
  /** Every message of it so far that was not handled. */
  readonly deadLetters: CapturedDeadLetters;
  readonly #host: StartedSystem['host'];
  readonly #environment: VirtualEnvironment;
  readonly #time: VirtualTime;
  #shutdown: Promise<void> | undefined = undefined;

  /** @internal Use `testSystem`. */
  constructor(started: StartedSystem, environment: VirtualEnvironment, log: CapturedLog, time: VirtualTime) {
    this.system = started.system;
    this.time = time;
    this.log = log;
    this.deadLetters = new CapturedDeadLetters(started.host.deadLetters);
    this.#host = started.host;
    this.#environment = environment;
    this.#time = time;
  }

  /**
   * Starts an actor.
   *
   * @returns once it has started. Where that takes time: `await time.until(spawn(…))`.
   * @throws SpawnFailed
   */
  spawn<T extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<T, A>,
    ...options: SpawnArguments<A, { name?: string }>
  ): Promise<Ref<T>> {
    return this.system.spawn(definition, ...(options as SpawnArguments<A, { name?: string }>));
  }

  /** Starts a flow. @returns its run, once all its stages have started. */
  run<A extends z.ZodType, R>(flow: RunnableFlow<A, R>, ...options: RunArguments<A>): Promise<R> {
    return this.system.run(flow, ...options);
  }

  /**
   * Makes a probe: an actor that speaks `protocol` and keeps what it is told for the test to look at.
   *
   * @param answers Handlers, as of a closure actor, for the operations that it shall answer by itself; it keeps their messages too.
   */
  probe<T extends AnyProtocol>(protocol: T, answers: ProbeAnswers<T> = {}): Probe<T> {
    return new Probe(this.#host, protocol, this.#time, answers);
  }

  /**
   * Runs everything that is ready, and waits (in real time, bounded) for handlers that wait for a file or the like. No
   * virtual time passes.
   *
   * @throws NotSettled that names what waits for something that does not come, or who keeps each other busy for ever
   */
  settle(options?: SettleOptions): Promise<void> {
    return this.#time.settle(options);
  }

  /**
   * Runs one turn of one actor, with `stepping: 'manual'`: one message, and the promise reactions that follow from it.
   *
   * @returns false when no turn was ready.
   */
  step(): Promise<boolean> {
    return this.#time.step();
  }

  /** What this thread has done so far, and what it holds. */
  statistics(): PlaceStatistics {
    return this.system.statistics();
  }

  /**
   * Stops everything. It takes no real time, but for what waits for the outside: virtual time passes up to the deadline.
   *
   * @param options.deadlineMs virtual ms, 5,000 unless given; what has not stopped by then is killed and named in `log`.
   */
  shutdown(options: { deadlineMs?: number } = {}): Promise<void> {
    this.#shutdown ??= this.#close(options.deadlineMs ?? systemLimits.shutdownMs);
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#environment.scheduler.runByItself();
    let isOver = false;
    const closed = this.system.shutdown({ deadlineMs }).finally(() => {
      isOver = true;
    });
    await this.#time.waitFor(() => isOver, deadlineMs);
    await closed;
  }
}
