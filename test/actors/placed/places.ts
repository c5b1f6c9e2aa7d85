/**
 * Several threads of one node in one process under virtual time, each with a host of its own, joined by carriers. A test
 * says where children go, and lets threads die.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../../../src/actors/actor.ts';
import type { Cell } from '../../../src/actors/cell.ts';
import type { DeadLetter } from '../../../src/actors/dead-letters.ts';
import { addressOf } from '../../../src/actors/finding/address.ts';
import { Host } from '../../../src/actors/host.ts';
import type { PlaceLoss } from '../../../src/actors/place-lost.ts';
import type { AnyProtocol, AnyRef, Ref } from '../../../src/actors/protocol.ts';
import { type InternalRef, publicClassOf, targetOf } from '../../../src/actors/ref.ts';
import type { Registrable } from '../../../src/actors/registry.ts';
import { RegistryIndex, registry } from '../../../src/actors/registry.ts';
import type { SendableRef } from '../../../src/actors/schema/ref-rules.ts';
import type { Environment } from '../../../src/base/environment/environment.ts';
import type { Runnable, Scheduler } from '../../../src/base/environment/scheduler.ts';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';
import { ChildPlacement } from '../../../src/runtime/child-placement.ts';
import { PlaceChoice } from '../../../src/runtime/place-choice.ts';
import { Router } from '../../../src/runtime/router.ts';
import { CapturedLog } from '../../../src/testing/captured-log.ts';
import { pass } from '../../../src/testing/event-loop.ts';
import { TestScheduler } from '../../../src/testing/test-scheduler.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { virtualEnvironment } from '../../../src/testing/virtual-environment.ts';
import { wireVersion } from '../../../src/transport/wire-version.ts';

export interface TestPlace {
  readonly id: string;
  readonly host: Host;
  readonly router: Router;
  readonly log: CapturedLog;
  readonly deadLetters: DeadLetter[];
  isDead: boolean;
}

export interface PlacesOptions {
  readonly seed?: number;
  /** Turns are then in an order of chance, one message each. */
  readonly shuffled?: boolean;
  /** Turns are then left to the test, one message each. */
  readonly manual?: boolean;
}

export class Places {
  readonly clock: VirtualClock;
  readonly scheduler: TestScheduler;
  readonly main: TestPlace;
  /** Threads that children go to in turn, where they say `thread()`. */
  threads: string[];
  /** While true, frames are kept back in order. */
  held = false;
  /** Where each child was put, in order. */
  readonly chosen: string[] = [];
  readonly #places = new Map<string, TestPlace>();
  readonly #kept: (() => void)[] = [];
  readonly #choice: PlaceChoice;
  #underWay = 0;
  #turn = 0;

  constructor(definitions: readonly Registrable[], threads: readonly string[], options: PlacesOptions = {}) {
    const { seed = 1, shuffled = false, manual = false } = options;
    this.scheduler = new TestScheduler({
      manual,
      ...(shuffled ? { random: seededRandom(seed).fork('turns') } : {}),
      ...(shuffled || manual ? { messagesPerSlice: 1 } : {}),
    });
    const environment = virtualEnvironment(seed, this.scheduler);
    this.clock = environment.clock;
    this.threads = [...threads];
    this.#choice = new PlaceChoice({
      main: 'n~1/main',
      homeOf: ({ place }) => place,
      refuseIfDiffering: () => undefined,
      thread: async () => {
        const { length } = this.threads;
        if (length === 0) return new Promise<string>(() => undefined);
        this.#turn += 1;
        const id = `n~1/${this.threads[(this.#turn - 1) % length]!}`;
        this.chosen.push(id);
        return id;
      },
      running: [],
      node: () => {
        throw new Error('there are no nodes');
      },
    });
    const index = new RegistryIndex(registry(...definitions));
    for (const name of ['main', ...threads])
      this.#places.set(`n~1/${name}`, this.#make(`n~1/${name}`, environment, index));
    this.main = this.at('main');
  }

  at(thread: string): TestPlace {
    return this.#places.get(`n~1/${thread}`)!;
  }

  /** Starts a top-level actor. */
  async spawn<T extends AnyProtocol, A extends z.ZodType>(
    thread: string,
    definition: ActorDefinition<T, A>,
    ...[options]: SpawnArguments<A, { name?: string }>
  ): Promise<Ref<T>> {
    const { host } = this.at(thread);
    const { args, name } = (options ?? {}) as { args?: unknown; name?: string };
    const cell = host.spawn(definition, { args, name, parent: undefined });
    await cell.started;
    return new cell.behavior.refClass(cell, host.outside) as unknown as Ref<T>;
  }

  /** The same actor, as another thread knows it. */
  refAt<R extends AnyRef>(thread: string, ref: R): R {
    const { host } = this.at(thread);
    const { protocolName } = targetOf(ref);
    const RefOf = publicClassOf(ref as unknown as InternalRef);
    const target = host.targetAt(addressOf(ref as unknown as SendableRef), protocolName);
    return new RefOf(target, host.outside) as unknown as R;
  }

  /** The thread dies as it stands; the others hear of it. */
  lose(thread: string, reason: PlaceLoss['reason'] = 'exit'): void {
    const lost = this.at(thread);
    lost.isDead = true;
    this.threads = this.threads.filter((one) => one !== thread);
    for (const place of this.#places.values())
      if (!place.isDead) place.router.ended({ place: lost.id, reason, what: 'it died' });
  }

  hold(held: boolean): void {
    this.held = held;
    if (!held) for (const deliver of this.#kept.splice(0)) setImmediate(deliver);
  }

  /** Lets everything run that is ready, without any time passing. */
  readonly settle = async (): Promise<void> => {
    do await pass();
    while ((this.scheduler.waiting > 0 && !this.scheduler.isManual) || (this.#underWay > 0 && !this.held));
    await pass();
  };

  readonly advance = (ms: number): Promise<void> => this.clock.advance(ms, this.settle);

  /**
   * accepted + refused = handled + dead letters + quarantined + waiting, on each place that lives. What was on its way to
   * a place that was lost is a dead letter of a place that did not accept it.
   */
  imbalance(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { id, host, isDead } of this.#places.values()) {
      if (isDead) continue;
      const { accepted, refused, handled, quarantined } = host.counters;
      let waiting = 0;
      for (const cell of host.cells()) waiting += cell.queued + cell.stashed;
      let dead = 0;
      for (const count of host.deadLetters.counts.values()) dead += count;
      dead -= host.deadLetters.counts.get('place-lost') ?? 0;
      const unreachable = host.deadLetters.counts.get('unreachable') ?? 0;
      const difference = accepted + refused - handled - dead - quarantined - waiting;
      found[id] = difference < 0 ? Math.min(0, difference + unreachable) : difference;
    }
    return found;
  }

  async close(): Promise<void> {
    this.hold(false);
    for (const { router, isDead } of this.#places.values()) if (!isDead) router.close('closed');
    const closing = Promise.all(
      [...this.#places.values()].map(({ host, isDead }) => (isDead ? undefined : host.close(1_000))),
    );
    await this.advance(10_000);
    await closing;
  }

  #make(id: string, shared: Environment, registryIndex: RegistryIndex): TestPlace {
    const scheduler: Scheduler = {
      ready: (runnable: Runnable) => {
        if (!place.isDead) shared.scheduler.ready({ run: (slice) => place.isDead || runnable.run(slice) });
      },
    };
    const ifAlive = (fire: () => void) => (): void => {
      if (!place.isDead) fire();
    };
    const environment: Environment = {
      ...shared,
      random: seededRandom([...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)),
      scheduler,
      clock: {
        now: () => shared.clock.now(),
        monotonicMs: () => shared.clock.monotonicMs(),
        timer: (delayMs, fire) => shared.clock.timer(delayMs, ifAlive(fire)),
        wake: (delayMs, fire) => shared.clock.wake(delayMs, ifAlive(fire)),
      },
    };
    const log = new CapturedLog();
    const router = new Router({
      environment,
      nodeId: 'n~1',
      registry: registryIndex,
      log,
      stacks: 'threads',
      carrierTo: (other) => {
        const to = this.#places.get(other);
        if (to === undefined || to.isDead) return undefined;
        return {
          send: (frame) => {
            this.#underWay += 1;
            const deliver = (): void => {
              this.#underWay -= 1;
              if (!to.isDead && !place.isDead) to.router.onFrame(id, frame);
            };
            if (this.held) this.#kept.push(deliver);
            else setImmediate(deliver);
            return true;
          },
          drained: () => Promise.resolve(),
        };
      },
      wireOf: () => wireVersion,
      onBroken: (other, what) => {
        throw new Error(`the session of ${id} with ${other} broke: ${what}`);
      },
    });
    const host = new Host({
      environment,
      placeId: id,
      isolation: 'parse',
      log,
      remote: (address, branch, protocolName) => router.target(address, branch, protocolName),
      protocolNamed: (name) => registryIndex.protocol(name),
      placement: new ChildPlacement({
        registry: registryIndex,
        router,
        choose: (where, actor) => this.#choice.choose(where, actor, id),
      }),
    });
    router.attach(host);
    const deadLetters: DeadLetter[] = [];
    host.deadLetters.stream().subscribe({ next: (letter) => void deadLetters.push(letter) });
    const place: TestPlace = { id, host, router, log, deadLetters, isDead: false };
    return place;
  }
}

export function cellOf(ref: AnyRef): Cell {
  return targetOf(ref) as Cell;
}
