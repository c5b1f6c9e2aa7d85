/** A sink that posts its elements to a server, and waits until it has acknowledged them. */
import { UsageError } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import { connectLimits } from '../limits.ts';
import { pause } from '../pause.ts';
import type { Sink, SinkOptions, SinkWriter } from '../sink.ts';
import { answerOf, checkUrl, discard, NoAnswer, shownUrl } from './http-client.ts';
import { jsonOf } from './jsonl-sink.ts';
import { retryAfterMs, retryDelayMs } from './retry.ts';

/** Where to post, and how. */
export interface HttpPostOptions {
  /** `http://` or `https://`. */
  url: string;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** Elements of one request at most: 256 unless given. */
  batch?: number;
  /** A value a line as `application/x-ndjson` (the default), or one array as `application/json`. */
  format?: 'jsonl' | 'json';
  /** How often a request is tried again: 8 times unless given, 0 for never. */
  retriesMax?: number;
}

/**
 * Posts the elements in their order, one request after another, each acknowledged by a status of 2xx before the next: a slow
 * server slows the flow to its pace.
 *
 * Where it answers 408, 425, 429, 500, 502, 503 or 504, or not at all, the request is tried again, after what `Retry-After`
 * asks for (up to 5 min), else after a pause that doubles from 250 ms to 30 s. A request that was answered too late, or whose answer was
 * lost, is thus posted again: each has an `Idempotency-Key`, the same for all its tries, by which a server can tell.
 *
 * What was posted stays posted when a run fails or is cancelled. Counts `requests`, `retries` and `acknowledged` elements.
 * The run fails with {@link SinkFailed}: `unreachable` after the last try, `refused` for another status, `value` for an
 * element without a JSON form.
 *
 * @throws UsageError for options that are none.
 */
export function httpPost<T>(options: HttpPostOptions): Sink<T> {
  const {
    url,
    batch = connectLimits.postElementsMax,
    retriesMax = connectLimits.retriesMax,
    format = 'jsonl',
  } = options;
  checkUrl('httpPost({ url })', url, ['http:', 'https:']);
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new UsageError(`httpPost takes a batch from 1 element on; it was given ${String(batch)}`);
  if (!Number.isSafeInteger(retriesMax) || retriesMax < 0)
    throw new UsageError(`httpPost takes retriesMax from 0 on; it was given ${String(retriesMax)}`);
  if (format !== 'json' && format !== 'jsonl')
    throw new UsageError(`httpPost takes format: 'jsonl' or 'json'; it was given ${String(format)}`);
  return { name: 'http-post', open: (context) => new Poster<T>({ ...options, batch, retriesMax, format }, context) };
}

class Poster<T> implements SinkWriter<T> {
  readonly #options: HttpPostOptions & { readonly batch: number; readonly retriesMax: number };
  readonly #context: SinkOptions;
  readonly #run: string;
  #requests = 0;
  #retries = 0;
  #acknowledged = 0;

  constructor(
    options: HttpPostOptions & { readonly batch: number; readonly retriesMax: number },
    context: SinkOptions,
  ) {
    this.#options = options;
    this.#context = context;
    this.#run = context.random.id();
  }

  async write(batch: readonly T[]): Promise<void> {
    const size = this.#options.batch;
    for (let at = 0; at < batch.length; at += size) {
      const part = batch.slice(at, at + size);
      await this.#post(this.#bodyOf(part));
      this.#acknowledged += part.length;
    }
  }

  counts(): Readonly<Record<string, number>> {
    return { requests: this.#requests, retries: this.#retries, acknowledged: this.#acknowledged };
  }

  #bodyOf(part: readonly T[]): string {
    const values = part.map((item, index) =>
      jsonOf(item, () => `element ${this.#acknowledged + index}`, 'to(httpPost(…))'),
    );
    return this.#options.format === 'json' ? `[${values.join(',')}]` : `${values.join('\n')}\n`;
  }

  async #post(body: string): Promise<void> {
    const { url, headers, format, retriesMax } = this.#options;
    const { signal, clock, random } = this.#context;
    const type = format === 'json' ? 'application/json' : 'application/x-ndjson';
    const key = `"${this.#run}-${this.#requests}"`;
    this.#requests += 1;
    for (let retry = 0; ; retry += 1) {
      let why: string;
      let waitMs: number | undefined;
      let cause: unknown;
      try {
        const init = { method: 'POST', body, headers: { ...headers, 'content-type': type, 'idempotency-key': key } };
        const response = await answerOf(url, init, this.#context);
        await discard(response);
        if (response.ok) return;
        why = `${shownUrl(url)} answered ${response.status} ${response.statusText}`;
        if (!isPassing(response.status))
          throw new SinkFailed('refused', `${why}; it will not take them. Check the URL, the headers and the elements`);
        waitMs = retryAfterMs(response.headers.get('retry-after'), clock.now());
      } catch (thrown) {
        if (!(thrown instanceof NoAnswer)) throw thrown;
        why = thrown.message;
        cause = thrown;
      }
      if (signal.aborted || retry >= retriesMax)
        throw new SinkFailed('unreachable', `${why}, ${retry + 1} times. See that the server runs and keeps up`, cause);
      this.#retries += 1;
      await pause(waitMs ?? retryDelayMs(retry, random), { clock, signal });
    }
  }
}

/** A status that may be another the next time. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status === 500 || (status >= 502 && status <= 504);
}
