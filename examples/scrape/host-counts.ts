// npm run example:scrape
/** What one host was asked, as it saw it itself. */
import type { Host } from './hosts.ts';

/** By how much timers of two ends of a connection may differ. */
const toleranceMs = 10;

export class HostCounts {
  readonly host: Host;
  requests = 0;
  robots = 0;
  inFlightPeak = 0;
  /** The most requests in any second. */
  perSecondPeak = 0;
  /** Requests for what its robots.txt disallows. */
  disallowed = 0;
  /** URLs that were asked for before the time that a Retry-After had said. */
  readonly early: string[] = [];
  /** How often it has said such a time, by URL. */
  readonly toldToWait = new Map<string, number>();
  readonly #asked = new Map<string, number>();
  readonly #notBefore = new Map<string, number>();
  /** When the requests of the last second came. */
  readonly #latest: number[] = [];
  #inFlight = 0;

  constructor(host: Host) {
    this.host = host;
  }

  /** @returns how often the path was asked for, this time included. */
  begin(path: string): number {
    const nowMs = performance.now();
    this.requests += 1;
    this.#inFlight += 1;
    this.inFlightPeak = Math.max(this.inFlightPeak, this.#inFlight);
    while (this.#latest.length > 0 && this.#latest[0]! <= nowMs - 1_000) this.#latest.shift();
    this.#latest.push(nowMs);
    this.perSecondPeak = Math.max(this.perSecondPeak, this.#latest.length);
    if (path === '/robots.txt') this.robots += 1;
    if (this.host.isClosed(path)) this.disallowed += 1;
    if (nowMs < (this.#notBefore.get(path) ?? 0) - toleranceMs) this.early.push(this.#urlOf(path));
    const asked = (this.#asked.get(path) ?? 0) + 1;
    this.#asked.set(path, asked);
    return asked;
  }

  end(): void {
    this.#inFlight -= 1;
  }

  /** From now on a request for the path within `ms` is early. */
  notBefore(path: string, ms: number): void {
    this.#notBefore.set(path, performance.now() + ms);
    const url = this.#urlOf(path);
    this.toldToWait.set(url, (this.toldToWait.get(url) ?? 0) + 1);
  }

  #urlOf(path: string): string {
    return `http://${this.host.name}${path}`;
  }
}
