/** A device: it measures, sends, and is as unreliable as its plan says. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { SeededRandom } from '../program/seeded-random.ts';
import type { DevicePlan, Span } from './plans.ts';
import type { Reading } from './protocol.ts';

/** What all devices together did. */
export interface Tally {
  /** Readings that were sent, those that are none among them. */
  sent: number;
  /** Connections beyond the first of each. */
  reconnects: number;
  /** Readings that were kept over an outage. */
  keptBack: number;
  silent: number;
}

const usualCelsius = 40;
const hotCelsius = 95;

export class Device {
  readonly #plan: DevicePlan;
  readonly #url: string;
  readonly #random: SeededRandom;
  readonly #tally: Tally;
  #socket: WebSocket | undefined;
  #connections = 0;
  #kept: Reading[] = [];
  #celsius = usualCelsius;
  #hasFailed = false;

  constructor(plan: DevicePlan, url: string, random: SeededRandom, tally: Tally) {
    this.#plan = plan;
    this.#url = url;
    this.#random = random;
    this.#tally = tally;
  }

  /** @param forMs how long it measures */
  async run(forMs: number): Promise<void> {
    const { everyMs, silentFromMs } = this.#plan;
    const startedMs = performance.now();
    // They do not all measure at the same time.
    await sleep(this.#random.next() * everyMs);
    for (;;) {
      const passedMs = performance.now() - startedMs;
      if (passedMs >= forMs) break;
      if (passedMs >= silentFromMs) {
        this.#tally.silent += 1;
        await sleep(forMs - passedMs);
        break;
      }
      await this.#step(passedMs);
      await sleep(everyMs * (0.8 + 0.4 * this.#random.next()));
    }
    await this.#sendKept();
    await this.#disconnect();
  }

  async #step(passedMs: number): Promise<void> {
    const { outage, faultAtMs } = this.#plan;
    this.#kept.push(this.#measure(passedMs));
    if (isIn(outage, passedMs)) {
      this.#tally.keptBack += 1;
      await this.#disconnect();
      return;
    }
    await this.#sendKept();
    if (passedMs >= faultAtMs && !this.#hasFailed) await this.#sendFault();
  }

  #measure(passedMs: number): Reading {
    const { name, area, skewMs, hot } = this.#plan;
    const target = isIn(hot, passedMs) ? hotCelsius : usualCelsius;
    this.#celsius += (target - this.#celsius) * 0.3 + this.#random.next() - 0.5;
    return { kind: 'reading', device: name, area, atMs: Date.now() + skewMs, celsius: this.#celsius };
  }

  async #sendKept(): Promise<void> {
    const kept = this.#kept;
    this.#kept = [];
    for (const reading of kept) await this.#send(reading);
  }

  /** The flow closes the connection for it, and the next reading goes over another one. */
  async #sendFault(): Promise<void> {
    this.#hasFailed = true;
    await this.#send({ ...this.#measure(0), celsius: null });
    if (this.#socket !== undefined) await once(this.#socket, 'close');
  }

  async #send(message: object): Promise<void> {
    const socket = this.#socket ?? (await this.#connect());
    this.#tally.sent += 1;
    socket.send(JSON.stringify(message));
  }

  async #connect(): Promise<WebSocket> {
    const socket = new WebSocket(this.#url);
    // A connection that breaks is closed too, and the next reading goes over another one.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    await once(socket, 'open');
    this.#socket = socket;
    this.#connections += 1;
    if (this.#connections > 1) this.#tally.reconnects += 1;
    return socket;
  }

  /** Resolves when the other side has everything that was sent. */
  async #disconnect(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.close(1000);
    await once(socket, 'close');
  }
}

function isIn(span: Span | undefined, passedMs: number): boolean {
  return span !== undefined && passedMs >= span.fromMs && passedMs < span.toMs;
}
