// npm run example:scrape
/** Proxies in turn. One that fails three times in a row is set aside for half a second, then one, two, up to four. */
import { Agent } from 'node:http';
import { proxySetAside } from './telling.ts';

const failuresMax = 3;
const asideMs = 500;
const asideMsMax = 4_000;

export interface ProxyEntry {
  readonly name: string;
  readonly port: number;
  readonly agent: Agent;
  /** In a row. */
  failures: number;
  asideUntilMs: number;
}

export class Proxies {
  readonly #proxies: readonly ProxyEntry[];
  #turn = 0;

  constructor(proxies: readonly { name: string; port: number }[]) {
    this.#proxies = proxies.map((proxy) => ({
      ...proxy,
      agent: new Agent({ keepAlive: true }),
      failures: 0,
      asideUntilMs: 0,
    }));
  }

  /** The next that is not set aside; if all are, the one whose time is over first. */
  next(): ProxyEntry {
    const nowMs = performance.now();
    for (let tried = 0; tried < this.#proxies.length; tried += 1) {
      const proxy = this.#proxies[this.#turn]!;
      this.#turn = (this.#turn + 1) % this.#proxies.length;
      if (proxy.asideUntilMs <= nowMs) return proxy;
    }
    return this.#proxies.reduce((first, one) => (one.asideUntilMs < first.asideUntilMs ? one : first));
  }

  worked(proxy: ProxyEntry): void {
    proxy.failures = 0;
  }

  failed(proxy: ProxyEntry): void {
    const nowMs = performance.now();
    // What was under way when it was set aside says nothing new.
    if (nowMs < proxy.asideUntilMs) return;
    proxy.failures += 1;
    if (proxy.failures < failuresMax) return;
    proxy.asideUntilMs = nowMs + Math.min(asideMsMax, asideMs * 2 ** (proxy.failures - failuresMax));
    proxySetAside.publish(proxy.name);
  }
}
