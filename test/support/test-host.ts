/**
 * One place's actors without a system around them: virtual time, seeded chance, a run queue that repeats.
 *
 * Its members are bound, so a test takes out what it needs: `const { spawn, advance } = testHost()`.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import type { DeadLetter } from '../../src/actors/dead-letters.ts';
import { GoneTarget } from '../../src/actors/gone-target.ts';
import { Host } from '../../src/actors/host.ts';
import type { Isolation } from '../../src/actors/isolation.ts';
import type { AnyProtocol, AnyRef, Ref } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import type { Resource } from '../../src/actors/resource.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { pass } from '../../src/testing/event-loop.ts';
import { TestScheduler, type TestSchedulerOptions } from '../../src/testing/test-scheduler.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { virtualEnvironment } from '../../src/testing/virtual-environment.ts';

export interface TestHostOptions {
  readonly isolation?: Isolation;
  readonly seed?: number;
  readonly scheduler?: TestSchedulerOptions;
  readonly resourceFor?: (declared: Resource<string, unknown>) => Resource<string, unknown>;
}

export class TestHost {
  readonly clock: VirtualClock;
  readonly log = new CapturedLog();
  readonly scheduler: TestScheduler;
  readonly host: Host;
  /** Every dead letter so far. */
  readonly deadLetters: DeadLetter[] = [];

  constructor(options: TestHostOptions) {
    this.scheduler = new TestScheduler(options.scheduler);
    const environment = virtualEnvironment(options.seed ?? 1, this.scheduler);
    this.clock = environment.clock;
    this.host = new Host({
      environment,
      placeId: 'test~1/main',
      isolation: options.isolation ?? 'parse',
      log: this.log,
      remote: (address, branch, protocolName) =>
        new GoneTarget(this.host, address, branch, protocolName, 'unreachable'),
      protocolNamed: () => undefined,
      ...(options.resourceFor === undefined ? {} : { resourceFor: options.resourceFor }),
    });
    this.host.deadLetters.stream().subscribe({
      next: (letter) => {
        this.deadLetters.push(letter);
      },
    });
  }

  /** Starts an actor; resolves once it has started. @throws SpawnFailed */
  readonly spawn = async <T extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<T, A>,
    ...[options]: SpawnArguments<A, { name?: string }>
  ): Promise<Ref<T>> => {
    const { args, name } = (options ?? {}) as { args?: unknown; name?: string };
    const cell = this.host.spawn(definition, { args, name, parent: undefined });
    await cell.started;
    return new cell.behavior.refClass(cell, this.host.outside) as unknown as Ref<T>;
  };

  /** Lets everything run that is ready, without any time passing. */
  readonly settle = async (): Promise<void> => {
    do await pass();
    while (!this.scheduler.isManual && this.scheduler.waiting > 0);
  };

  /** Lets `ms` of virtual time pass. */
  readonly advance = (ms: number): Promise<void> => this.clock.advance(ms, this.settle);

  /** Dead letters by reason. */
  readonly deadLetterCounts = (): Record<string, number> => Object.fromEntries(this.host.deadLetters.counts);

  /** Messages that wait in an actor's mailbox. */
  readonly queued = (ref: AnyRef): number => (targetOf(ref) as Cell).queued;

  /** Messages that an actor has set aside. */
  readonly stashed = (ref: AnyRef): number => (targetOf(ref) as Cell).stashed;
}

export function testHost(options: TestHostOptions = {}): TestHost {
  return new TestHost(options);
}
