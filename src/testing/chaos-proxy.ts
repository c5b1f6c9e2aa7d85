/**
 * The chaos proxy: a TCP proxy that does to a connection what networks do, and does it again from the same seed.
 *
 * It stands between two nodes, a node and its clients, or a program and its database, and knows nothing of what it
 * carries. Meant for loopback: it listens on 127.0.0.1 and takes whoever connects.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import * as z from 'zod';
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import { UsageError } from '../base/errors.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { seededRandom } from '../base/platform/seeded-random.ts';
import { ChaosLane } from './chaos-lane.ts';

/** What a connection suffers; nothing of what is not given. */
export interface ChaosFaults {
  /** How long every byte is on its way, in ms. */
  readonly delayMs?: number;
  /** By how much more, at most, in ms: drawn anew for what arrives together. Order is kept. */
  readonly jitterMs?: number;
  /** How much the line carries, in bytes per second. */
  readonly bytesPerSecond?: number;
  /** Writes pieces of 1 to so many bytes, wherever the sender's writes began and ended. */
  readonly pieceBytesMax?: number;
  /** Flips one bit in one of so many bytes, on average; 1 hits each. */
  readonly flipOneIn?: number;
}

/** `up` leads from whoever connected to the target, `down` back. */
export type ChaosDirection = 'up' | 'down' | 'both';

/** What `chaosProxy` takes. */
export interface ChaosProxyOptions {
  /** Where connections lead: `ws://127.0.0.1:7001`, or any URL with a host and a port. */
  readonly to: string;
  /** Any safe integer: the same seed does the same to the same bytes. */
  readonly seed: number;
}

/** What it has done so far. */
export interface ChaosStatistics {
  /** Connections so far, those that were refused among them. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** Bytes carried to the target. */
  readonly up: number;
  /** Bytes carried back. */
  readonly down: number;
  /** Bytes that were flipped. */
  readonly flipped: number;
}

const faultsSchema = z.strictObject({
  delayMs: z.number().min(0).optional(),
  jitterMs: z.number().min(0).optional(),
  bytesPerSecond: z.number().positive().optional(),
  pieceBytesMax: z.int().min(1).optional(),
  flipOneIn: z.number().min(1).optional(),
});
const directionSchema = z.enum(['up', 'down', 'both']);

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly up: ChaosLane;
  readonly down: ChaosLane;
  /** Tells the other side that one has gone, once the cable carries that again. */
  tellEnd: (() => void) | undefined;
}

/** A proxy that is up; see `chaosProxy`. */
export class ChaosProxy implements AsyncDisposable {
  /** What to connect to in place of the target. */
  readonly address: string;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #random: Random;
  readonly #clock: Clock = realClock();
  readonly #open = new Set<Connection>();
  readonly #faults: { up: ChaosFaults; down: ChaosFaults } = { up: {}, down: {} };
  readonly #stalled = { up: false, down: false };
  readonly #carried = { up: 0, down: 0, flipped: 0 };
  #connections = 0;
  #refuses = false;

  /** @internal Use `chaosProxy`. */
  constructor(server: Server, address: string, target: { host: string; port: number }, seed: number) {
    this.#server = server;
    this.address = address;
    this.#target = target;
    this.#random = seededRandom(seed);
    server.on('connection', (near) => this.#connect(near));
  }

  /** What it has done so far. */
  get statistics(): ChaosStatistics {
    const { up, down, flipped } = this.#carried;
    const open = [...this.#open];
    return {
      connections: this.#connections,
      open: open.length,
      up: open.reduce((sum, one) => sum + one.up.carried, up),
      down: open.reduce((sum, one) => sum + one.down.carried, down),
      flipped: open.reduce((sum, one) => sum + one.up.flipped + one.down.flipped, flipped),
    };
  }

  /**
   * From now on connections suffer these faults and no others, those that are open too.
   *
   * @throws UsageError for faults or a direction that make no sense
   */
  suffer(faults: ChaosFaults, direction: ChaosDirection = 'both'): void {
    const checked = faultsSchema.safeParse(faults);
    if (!checked.success) throw new UsageError(`chaosProxy: suffer: ${z.prettifyError(checked.error)}`);
    for (const one of directionsOf(direction)) {
      this.#faults[one] = { ...faults };
      for (const connection of this.#open) connection[one].faults = this.#faults[one];
    }
  }

  /** Carries nothing more, and leaves all sockets open: a cable that was cut, a process that hangs. */
  stall(direction: ChaosDirection = 'both'): void {
    this.#setStalled(direction, true);
  }

  /** Carries on after `stall`, with all that waited. */
  resume(direction: ChaosDirection = 'both'): void {
    this.#setStalled(direction, false);
  }

  /** Ends all connections, and refuses others until `mend`. What was on its way is lost. */
  cut(): void {
    this.#refuses = true;
    this.reset();
  }

  /** Takes connections again after `cut`. */
  mend(): void {
    this.#refuses = false;
  }

  /** Ends all connections with RST. What was on its way is lost; whoever connects again is let in. */
  reset(): void {
    for (const connection of [...this.#open]) this.#closed(connection, true);
  }

  /** Tells the receivers of a direction that nothing more comes (FIN), while the other direction goes on. */
  halfClose(direction: ChaosDirection = 'both'): void {
    for (const one of directionsOf(direction)) for (const connection of this.#open) connection[one].halfClose();
  }

  /** Ends all connections and the proxy. */
  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #setStalled(direction: ChaosDirection, stalled: boolean): void {
    for (const one of directionsOf(direction)) {
      this.#stalled[one] = stalled;
      for (const connection of this.#open) connection[one].stalled = stalled;
    }
    if (!stalled) for (const { tellEnd } of [...this.#open]) tellEnd?.();
  }

  #connect(near: Socket): void {
    this.#connections += 1;
    if (this.#refuses) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true });
    // By the order in which they came, so that connections do not shift each other's chances.
    const random = this.#random.fork(`connection ${this.#connections}`);
    const connection: Connection = {
      near,
      far,
      up: new ChaosLane(near, far, this.#clock, random.fork('up')),
      down: new ChaosLane(far, near, this.#clock, random.fork('down')),
      tellEnd: undefined,
    };
    this.#open.add(connection);
    for (const one of ['up', 'down'] as const) {
      connection[one].faults = this.#faults[one];
      connection[one].stalled = this.#stalled[one];
    }
    for (const [socket, direction] of [
      [near, 'up'],
      [far, 'down'],
    ] as const) {
      socket.setNoDelay(true);
      // A socket that fails closes as well, and that is what counts.
      socket.on('error', () => undefined);
      socket.on('close', (failed) => {
        // Nor does the news of an end get through a cable that was cut.
        const tell = (): void => this.#closed(connection, failed);
        if (this.#stalled[direction]) connection.tellEnd ??= tell;
        else tell();
      });
    }
  }

  /** One side has gone for good: so does the other, in the same way. */
  #closed(connection: Connection, failed: boolean): void {
    if (!this.#open.delete(connection)) return;
    const { near, far, up, down } = connection;
    this.#carried.up += up.carried;
    this.#carried.down += down.carried;
    this.#carried.flipped += up.flipped + down.flipped;
    up.close();
    down.close();
    for (const socket of [near, far]) {
      if (failed) socket.resetAndDestroy();
      else socket.destroySoon();
    }
  }
}

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @throws UsageError for options that make no sense
 */
export async function chaosProxy(options: ChaosProxyOptions): Promise<ChaosProxy> {
  const target = targetOf(options?.to);
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const { protocol } = new URL(options.to);
  try {
    return new ChaosProxy(server, `${protocol}//127.0.0.1:${port}`, target, options.seed);
  } catch (error) {
    server.close();
    throw error;
  }
}

function targetOf(to: unknown): { host: string; port: number } {
  const url = typeof to === 'string' && URL.canParse(to) ? new URL(to) : undefined;
  if (url === undefined || url.hostname === '' || url.port === '') {
    throw new UsageError(`chaosProxy: to: needs a URL with a host and a port, such as ws://127.0.0.1:7001, not ${to}`);
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

function directionsOf(direction: ChaosDirection): readonly ('up' | 'down')[] {
  const checked = directionSchema.safeParse(direction);
  if (!checked.success) throw new UsageError(`chaosProxy: the direction is up, down or both, not ${direction}`);
  return checked.data === 'both' ? ['up', 'down'] : [checked.data];
}
