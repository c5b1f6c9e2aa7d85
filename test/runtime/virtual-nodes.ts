/** Several nodes in one process under virtual time, over a network in memory. */
import type { Registrable } from '../../src/actors/registry.ts';
import { registry } from '../../src/actors/registry.ts';
import type { Link, Network } from '../../src/base/environment/network.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import type { ActorSystem } from '../../src/runtime/actor-system.ts';
import { startSystemIn } from '../../src/runtime/start-system.ts';
import type { SystemOptions } from '../../src/runtime/system-options.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { pass } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { DialFailed } from '../../src/transport/errors.ts';
import { linkPair, type MemoryLink } from '../transport/support.ts';

export interface VirtualNode {
  readonly name: string;
  readonly system: ActorSystem;
  readonly log: CapturedLog;
  /** Where it listens; undefined where it does not. */
  readonly address: string | undefined;
  readonly deadLetters: { readonly operation: string; readonly reason: string; readonly path: string }[];
}

interface Wire {
  readonly from: string;
  readonly to: string;
  readonly ends: readonly [MemoryLink, MemoryLink];
}

export class VirtualNodes {
  readonly clock = new VirtualClock();
  /** Addresses that were dialled, and by whom, in order. */
  readonly dials: { readonly by: string; readonly address: string }[] = [];
  /** Who cannot dial whom, as `from to`: between them stands something. */
  readonly barred = new Set<string>();
  /** How busy each node's thread is. */
  readonly use = new Map<string, number>();
  readonly nodes = new Map<string, VirtualNode>();
  readonly #listeners = new Map<string, { readonly name: string; readonly onLink: (link: Link) => void }>();
  readonly #definitions: readonly Registrable[];
  readonly #seed: number;
  #wires: Wire[] = [];

  constructor(definitions: readonly Registrable[], seed = 1) {
    this.#definitions = definitions;
    this.#seed = seed;
  }

  /** Starts a node that listens, unless it shall not, and joins those named. */
  async start(
    name: string,
    { joins = [], listens = true, ...options }: SystemOptions & { joins?: readonly string[]; listens?: boolean } = {},
  ): Promise<VirtualNode> {
    const log = new CapturedLog();
    const environment = {
      clock: this.clock,
      random: seededRandom(this.#seed).fork(`${name} ${this.nodes.size}`),
      scheduler: new TestScheduler(),
      network: this.#network(name),
      places: {
        parallelism: 1,
        isInspected: false,
        use: () => this.use.get(name) ?? 0,
        start: () => Promise.reject(new Error('no threads')),
        channel: () => {
          throw new Error('no threads');
        },
      },
    };
    const starting = startSystemIn(
      { environment, log },
      {
        registry: registry(...this.#definitions),
        threads: 0,
        name,
        ...(listens ? { listen: addressOf(name) } : {}),
        join: joins.map(addressOf),
        ...options,
      },
    );
    const { system } = await this.until(starting);
    const deadLetters: VirtualNode['deadLetters'] = [];
    system.deadLetters.subscribe({
      next: ({ operation, reason, path }) => void deadLetters.push({ operation, reason, path }),
    });
    const node: VirtualNode = { name, system, log, address: system.address, deadLetters };
    this.nodes.set(name, node);
    return node;
  }

  /** Two nodes cannot dial each other, from now on. */
  bar(from: string, to: string): void {
    this.barred.add(`${from} ${to}`);
  }

  /** Ends a node as a power cut does: nobody is told but by the end of its sockets. */
  kill(name: string): void {
    this.#listeners.delete(addressOf(name));
    for (const wire of this.#wires) if (wire.from === name || wire.to === name) this.#cut(wire);
    this.nodes.delete(name);
    this.barred.add(name);
  }

  /** Cuts the links between two nodes. */
  cut(one: string, other: string): void {
    for (const wire of this.#wires) {
      if ([wire.from, wire.to].sort().join() === [one, other].sort().join()) this.#cut(wire);
    }
  }

  #cut(wire: Wire): void {
    this.#wires = this.#wires.filter((kept) => kept !== wire);
    for (const end of wire.ends) end.end({ code: 1006, text: 'cut' });
  }

  /** Its ends of its links. */
  linksOf(name: string): readonly MemoryLink[] {
    return this.#wires
      .filter(({ from, to }) => from === name || to === name)
      .map(({ from, ends }) => (from === name ? ends[0] : ends[1]));
  }

  /** A node of that name, started anew after it was killed. */
  async startAnew(name: string, options: SystemOptions & { joins?: readonly string[] } = {}): Promise<VirtualNode> {
    this.barred.delete(name);
    return this.start(name, options);
  }

  readonly settle = async (): Promise<void> => {
    for (let passes = 0; passes < 12; passes += 1) await pass();
  };

  /** Lets `ms` of virtual time pass. */
  readonly advance = (ms: number): Promise<void> => this.clock.advance(ms, this.settle);

  /** Lets time pass until `promise` has settled. */
  async until<T>(promise: Promise<T>, withinMs = 20_000): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    await this.settle();
    for (let ms = 0; !isOver && ms < withinMs; ms += 10) await this.advance(10);
    if (!isOver) throw new Error(`nothing came of it within ${withinMs} virtual ms`);
    return promise;
  }

  async end(): Promise<void> {
    for (const { system } of this.nodes.values()) await this.until(system.shutdown({ deadlineMs: 100 }));
  }

  #network(name: string): Network {
    return {
      listen: async ({ address, onLink }) => {
        const request = {
          remote: '127.0.0.1',
          address: '127.0.0.1',
          host: address,
          origin: undefined,
          token: undefined,
        };
        this.#listeners.set(address, { name, onLink: (link) => onLink(link, request) });
        return { address, close: async () => void this.#listeners.delete(address) };
      },
      dial: async ({ address }) => {
        this.dials.push({ by: name, address });
        await Promise.resolve();
        const listener = this.#listeners.get(address);
        if (listener === undefined || this.barred.has(name) || this.barred.has(`${name} ${listener.name}`)) {
          throw new DialFailed('refused', `${address} cannot be reached (ECONNREFUSED); does the node listen there?`);
        }
        const ends = linkPair();
        this.#wires.push({ from: name, to: listener.name, ends });
        listener.onLink(ends[1]);
        return ends[0];
      },
    };
  }
}

export function addressOf(name: string): string {
  return `ws://127.0.0.1/${name}`;
}
