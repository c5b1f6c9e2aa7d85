// npm run example:scrape
/** Fetches pages through proxies. What is worth another attempt is thrown; any other answer is one. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Attempt } from 'troupe/streams/rx';
import { userAgent } from './politeness.ts';
import type { Proxies, ProxyEntry } from './proxies.ts';
import type { Answer, Target } from './target.ts';
import { type AttemptFailed, attemptFailed } from './telling.ts';

export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
  /** When the host wants to be asked again, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export function retryAfterMs(error: unknown): number | undefined {
  return error instanceof FetchFailed ? error.retryAfterMs : undefined;
}

type Reply = Pick<Answer, 'status' | 'proxy' | 'latencyMs' | 'body'>;

export class Fetcher {
  readonly #proxies: Proxies;

  constructor(proxies: Proxies) {
    this.#proxies = proxies;
  }

  /** One attempt. */
  readonly fetch = async ({ url, host }: Target, { attempt, signal }: Attempt): Promise<Answer> => {
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
      const waitMs = retryAfterSeconds > 0 ? 1_000 * retryAfterSeconds : undefined;
      if (status === 429 || status >= 500) throw new FetchFailed(`answered ${status}`, waitMs);
      return { status, proxy: proxy.name, latencyMs: Math.round(performance.now() - startedMs), body };
    } catch (thrown) {
      const reason = signal.aborted ? 'no answer in time' : (thrown as Error).message;
      const toldToWait = retryAfterMs(thrown) !== undefined;
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
