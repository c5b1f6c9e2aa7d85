// npm run example:scrape
/** What came of all URLs, counted where it comes out. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DeadElement } from 'troupe/streams';
import type { Page, Target } from './target.ts';
import { type AttemptFailed, attemptFailed, proxySetAside } from './telling.ts';

export class Tally implements Disposable {
  /** Each URL that ended, once. */
  readonly urls = new Set<string>();
  /** By URL, how often its host said when it may be asked for again, in an answer that came through. */
  readonly toldToWait = new Counter();
  pages = 0;
  disallowed = 0;
  dead = 0;
  readonly attemptsFailed = new Counter();
  readonly setAside = new Counter();
  readonly deadBy = new Counter();
  readonly pagesByProxy = new Counter();
  /** By host and status. */
  readonly pagesBy = new Counter();
  readonly #latencies: number[] = [];
  readonly #onFailed = (told: unknown): void => {
    const { url, reason, toldToWait } = told as AttemptFailed;
    this.attemptsFailed.add(reason);
    if (toldToWait) this.toldToWait.add(url);
  };
  readonly #onSetAside = (proxy: unknown): void => this.setAside.add(String(proxy));

  constructor() {
    attemptFailed.subscribe(this.#onFailed);
    proxySetAside.subscribe(this.#onSetAside);
  }

  [Symbol.dispose](): void {
    attemptFailed.unsubscribe(this.#onFailed);
    proxySetAside.unsubscribe(this.#onSetAside);
  }

  async readDisallowed(targets: AsyncIterable<Target>): Promise<void> {
    for await (const { url } of targets) {
      this.urls.add(url);
      this.disallowed += 1;
    }
  }

  async readDead(elements: AsyncIterable<DeadElement>): Promise<void> {
    for await (const { element, error } of elements) {
      this.urls.add((element as Target).url);
      this.dead += 1;
      this.deadBy.add(error.startsWith('ElementGivenUp') ? 'no answer in time' : error.replace('FetchFailed: ', ''));
    }
  }

  /** Counts what stands in the file, which is what was promised. */
  async readPages(file: string): Promise<void> {
    const input = createReadStream(file);
    const lines = createInterface({ input });
    lines.on('line', (line) => this.#page(JSON.parse(line) as Page));
    await once(lines, 'close');
  }

  latencyMs(quantile: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.floor(quantile * (sorted.length - 1))] ?? 0;
  }

  #page({ url, host, status, proxy, latencyMs }: Page): void {
    this.urls.add(url);
    this.pages += 1;
    this.pagesByProxy.add(proxy);
    this.pagesBy.add(`${host} ${status}`);
    this.#latencies.push(latencyMs);
  }
}

/** Counts by name. */
export class Counter {
  readonly #counts = new Map<string, number>();
  sum = 0;

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
    this.sum += 1;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** `12 of this, 3 of that`: the most frequent first. */
  toString(): string {
    const sorted = [...this.#counts].sort(([, a], [, b]) => b - a);
    return sorted.map(([name, count]) => `${count.toLocaleString('en')} ${name}`).join(', ');
  }
}
