// npm run example:scrape
/** Fetches pages through proxies. What is worth another attempt is thrown; any other answer is one. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from 'troupe/streams/rx';
import { againIntervalMs, userAgent } from './politeness.ts';
import type { Proxies, ProxyEntry } from './proxies.ts';
import type { Answer, Target } from './target.ts';
import { type AttemptFailed, attemptFailed } from './telling.ts';
import { Turns } from './turns.ts';

export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
}

type Reply = Pick<Answer, 'status' | 'proxy' | 'latencyMs' | 'body'>;

export class Fetcher {
  readonly #proxies: Proxies;
  readonly #turns = new Turns();
  /** When URLs may be asked for again, by their last Retry-After. */
  readonly #notBeforeMs = new Map<string, number>();

  constructor(proxies: Proxies) {
    this.#proxies = proxies;
  }

  /** One attempt. All but the first of a URL wait for their turn among those of their host. */
  readonly fetch = async ({ url, host, intervalMs }: Target, { attempt, signal }: Attempt): Promise<Answer> => {
    if (attempt > 1) {
      const notBeforeMs = this.#notBeforeMs.get(url) ?? 0;
      this.#notBeforeMs.delete(url);
      await sleep(Math.max(0, notBeforeMs - performance.now()), undefined, { signal });
      await this.#turns.wait(host, againIntervalMs(intervalMs), signal);
    }
    return { url, host, attempts: attempt, ...(await this.ask(url, signal)) };
  };

  /** @throws FetchFailed for an answer that may be another one the next time, or none. */
  async ask(url: string, signal: AbortSignal): Promise<Reply> {
    const proxy = this.#proxies.next();
    const startedMs = performance.now();
    try {
      const response = await this.#begin(proxy, url, signal);
      const status = response.statusCode!;
      const body = await text(response).catch(() => {
        throw new FetchFailed('broke off in the middle');
      });
      const retryAfterSeconds = Number(response.headers['retry-after'] ?? Number.NaN);
      if (retryAfterSeconds > 0) this.#notBeforeMs.set(url, performance.now() + 1_000 * retryAfterSeconds);
      if (status === 429 || status >= 500) throw new FetchFailed(`answered ${status}`);
      return { status, proxy: proxy.name, latencyMs: Math.round(performance.now() - startedMs), body };
    } catch (thrown) {
      const reason = signal.aborted ? 'no answer in time' : (thrown as Error).message;
      const toldToWait = this.#notBeforeMs.has(url);
      attemptFailed.publish({ url, reason, toldToWait } satisfies AttemptFailed);
      throw thrown;
    }
  }

  async #begin(proxy: ProxyEntry, url: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { port, agent } = proxy;
    const headers = { host: new URL(url).host, 'user-agent': userAgent };
    const asked = request({ host: '127.0.0.1', port, agent, path: url, headers, signal });
    // What comes after the answer has begun is an error of the answer too, which is read.
    asked.on('error', () => undefined);
    const answered = once(asked.end(), 'response') as Promise<[IncomingMessage]>;
    const [response] = await answered.catch((error: unknown): [undefined] => {
      if (signal.aborted) throw error;
      return [undefined];
    });
    if (response !== undefined && response.statusCode !== 502) {
      this.#proxies.worked(proxy);
      return response;
    }
    response?.resume();
    this.#proxies.failed(proxy);
    throw new FetchFailed('its proxy failed');
  }
}
