/**
 * Several places in one process under virtual time, whose frames a test delivers one by one, keeps back, or loses with a
 * place that dies.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import type { DeadLetter } from '../../src/actors/dead-letters.ts';
import { Host } from '../../src/actors/host.ts';
import type { AnyProtocol, AnyRef, Ref } from '../../src/actors/protocol.ts';
import { isRef, refFor, targetOf } from '../../src/actors/ref.ts';
import type { Registrable } from '../../src/actors/registry.ts';
import { RegistryIndex, registry } from '../../src/actors/registry.ts';
import type { Resource } from '../../src/actors/resource.ts';
import type { Environment } from '../../src/base/environment/environment.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { noNetwork } from '../../src/runtime/no-network.ts';
import { Router } from '../../src/runtime/router.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { pass } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';

export interface SeveralOptions {
  /** Thread names of node `a~1`, or whole place ids. */
  readonly places?: readonly string[];
  readonly seed?: number;
  /** The resource to open in place of `declared`, at a place. */
  readonly resourceFor?: (declared: Resource<string, unknown>, place: string) => Resource<string, unknown>;
}

/** One of the places. */
export class Place {
  readonly id: string;
  readonly host: Host;
  readonly router: Router;
  readonly log = new CapturedLog();
  readonly deadLetters: DeadLetter[] = [];
  readonly broken: string[] = [];
  isDead = false;
  readonly #several: SeveralPlaces;

  constructor(several: SeveralPlaces, id: string, definitions: readonly Registrable[], options: SeveralOptions) {
    this.#several = several;
    this.id = id;
    const scheduler = new TestScheduler();
    const { clock } = several;
    const own: Environment = {
      // What is dead runs no turns and fires no timers.
      clock: {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        timer: (ms, fire) => clock.timer(ms, () => this.isDead || fire()),
        wake: (ms, fire) => clock.wake(ms, () => this.isDead || fire()),
      },
      random: seededRandom(options.seed ?? 1),
      scheduler: {
        ready: (runnable) => this.isDead || scheduler.ready({ run: (slice) => this.isDead || runnable.run(slice) }),
      },
      network: noNetwork,
      places: undefined as never,
    };
    const index = new RegistryIndex(registry(...definitions));
    this.router = new Router({
      environment: own,
      nodeId: id.slice(0, id.indexOf('/')),
      registry: index,
      log: this.log,
      stacks: 'threads',
      carrierTo: (to) => several.carrier(id, to),
      wireOf: () => wireVersion,
      onBroken: (other, what) => {
        this.broken.push(what);
        this.router.lost(other, what);
      },
    });
    const { resourceFor } = options;
    this.host = new Host({
      environment: own,
      placeId: id,
      isolation: 'parse',
      log: this.log,
      remote: (address, branch, protocolName) => this.router.target(address, branch, protocolName),
      destination: (placeId) => this.router.destination(placeId),
      onLeft: (cell) => this.router.onLeft(cell),
      protocolNamed: (name) => index.protocol(name),
      ...(id.endsWith('/main') ? {} : { receptionAt: several.mainOf(id) }),
      ...(resourceFor === undefined ? {} : { resourceFor: (declared) => resourceFor(declared, id) }),
    });
    this.router.attach(this.host);
    this.host.deadLetters.stream().subscribe({ next: (letter) => void this.deadLetters.push(letter) });
  }

  /** Starts an actor here; resolves once it has started. */
  async spawn<T extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<T, A>,
    ...[options]: SpawnArguments<A, { name?: string }>
  ): Promise<Ref<T>> {
    const { args, name } = (options ?? {}) as { args?: unknown; name?: string };
    const cell = this.host.spawn(definition, { args, name, parent: undefined });
    await cell.started;
    cell.address();
    return new cell.behavior.refClass(cell, this.host.outside) as unknown as Ref<T>;
  }

  /** The ref as this place's own, as if it had come in a message. */
  own<R extends AnyRef>(ref: R): R {
    if (!isRef(ref)) throw new Error('no ref');
    const { place, cell } = targetOf(ref).address();
    const target = this.host.targetAt([place, cell, targetOf(ref).branch()], targetOf(ref).protocolName);
    const here = new (ref.constructor as new (...parts: unknown[]) => AnyRef)(target, this.host.outside);
    return refFor(here as never, this.host.outside) as unknown as R;
  }

  /** The cell that an actor has here, whether it lives in it or not. */
  cellOf(ref: AnyRef): Cell | undefined {
    return this.host.knownAs(targetOf(ref).address());
  }

  /** True where it lives here. */
  runs(ref: AnyRef): boolean {
    const cell = this.cellOf(ref);
    return !this.isDead && cell !== undefined && !cell.isOver && this.host.roots.has(cell);
  }

  dead(): Record<string, number> {
    return Object.fromEntries(this.host.deadLetters.counts);
  }

  /** Moves an actor to that place, within the deadline. */
  move(ref: AnyRef, to: Place, deadlineMs = 5_000): Promise<void> {
    const moved = targetOf(ref).move(to.id, deadlineMs);
    moved.catch(() => undefined);
    return moved;
  }

  /** It dies: what it had not sent is lost with it, and the others are told. */
  kill(): void {
    this.isDead = true;
    this.#several.lose(this.id);
  }
}

export class SeveralPlaces {
  readonly clock = new VirtualClock();
  readonly places: readonly Place[];
  readonly #frames = new Map<string, Uint8Array[]>();
  /** Pairs whose frames are kept back, as `from to`. */
  readonly #held = new Set<string>();
  /** Pairs between which there is no link, as `from to`. */
  readonly #cut = new Set<string>();

  constructor(definitions: readonly Registrable[], options: SeveralOptions = {}) {
    const ids = (options.places ?? ['main', 't1', 't2']).map((name) => (name.includes('/') ? name : `a~1/${name}`));
    this.places = ids.map((id) => new Place(this, id, definitions, options));
  }

  mainOf(id: string): string {
    return `${id.slice(0, id.indexOf('/'))}/main`;
  }

  at(id: string): Place {
    return this.places.find((one) => one.id === id)!;
  }

  carrier(from: string, to: string) {
    if (this.places !== undefined && this.at(to)?.isDead) return undefined;
    const pair = `${from} ${to}`;
    if (this.#cut.has(pair)) return undefined;
    return {
      send: (frame: Uint8Array): boolean => {
        if (this.at(from).isDead || this.at(to).isDead) return true;
        const queue = this.#frames.get(pair) ?? [];
        this.#frames.set(pair, queue);
        queue.push(frame);
        return true;
      },
      drained: () => Promise.resolve(),
    };
  }

  /** Pairs that have frames under way, those that are kept back left out. */
  get underWay(): readonly string[] {
    return [...this.#frames].filter(([pair, { length }]) => length > 0 && !this.#held.has(pair)).map(([pair]) => pair);
  }

  /** Delivers the oldest frame of a pair. False where there is none. */
  deliver(pair: string): boolean {
    const frame = this.#frames.get(pair)?.shift();
    if (frame === undefined) return false;
    const [from, to] = pair.split(' ') as [string, string];
    if (!this.at(to).isDead) this.at(to).router.onFrame(from, frame);
    return true;
  }

  hold(from: Place, to: Place, held = true): void {
    if (held) this.#held.add(`${from.id} ${to.id}`);
    else this.#held.delete(`${from.id} ${to.id}`);
  }

  /** Keeps nothing back any more. */
  letGo(): void {
    this.#held.clear();
  }

  /** How many frames wait between two places. */
  waiting(from: Place, to: Place): number {
    return this.#frames.get(`${from.id} ${to.id}`)?.length ?? 0;
  }

  /** Lets everything run that is ready, and delivers what is not kept back, without any time passing. */
  readonly settle = async (): Promise<void> => {
    await pass();
    for (let pairs = this.underWay; pairs.length > 0; pairs = this.underWay) {
      for (const pair of pairs) this.deliver(pair);
      await pass();
    }
  };

  /** Lets turns run, and delivers nothing. */
  readonly think = (): Promise<void> => pass();

  /** Lets `ms` of virtual time pass. */
  readonly advance = (ms: number): Promise<void> => this.clock.advance(ms, this.settle);

  /** Two places lose what is under way between them, and know it: their link was cut for longer than it is waited for. */
  cut(a: Place, b: Place): void {
    for (const pair of [`${a.id} ${b.id}`, `${b.id} ${a.id}`]) {
      this.#frames.delete(pair);
      this.#cut.add(pair);
    }
    a.router.lost(b.id, 'cut by the test');
    b.router.lost(a.id, 'cut by the test');
  }

  /** They have a new link, and a new session; `told` where what waits for that is told so, as by the links of nodes. */
  join(a: Place, b: Place, told = false): void {
    for (const pair of [`${a.id} ${b.id}`, `${b.id} ${a.id}`]) this.#cut.delete(pair);
    a.router.place(b.id);
    b.router.place(a.id);
    if (!told) return;
    for (const tell of [...a.host.reached]) tell(b.id.slice(0, b.id.indexOf('/')));
    for (const tell of [...b.host.reached]) tell(a.id.slice(0, a.id.indexOf('/')));
  }

  /** What a place that has died had under way is gone, and everybody else is told. */
  lose(id: string): void {
    for (const pair of this.#frames.keys()) if (pair.split(' ').includes(id)) this.#frames.delete(pair);
    for (const place of this.places) if (place.id !== id && !place.isDead) place.router.lost(id, 'killed by the test');
  }
}
