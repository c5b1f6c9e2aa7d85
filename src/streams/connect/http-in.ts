/**
 * A source that listens: what is posted to it are its elements. A POST is answered 200 only when the flow has taken all of
 * them, so whoever posts is held back as any reader holds back, and knows what to send again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as z from 'zod';
import { SourceFailed } from '../errors.ts';
import { connectLimits, streamLimits } from '../limits.ts';
import type { Source, SourceBatch, SourceContext } from '../source.ts';
import { checkListen, type ListenOptions, listen, refuse } from './http-port.ts';
import { LineCutter } from './line-cutter.ts';
import { checkRow, Rows } from './rows.ts';

/** Where to listen, and what the elements must be. */
export interface HttpInOptions<R extends z.ZodType> extends ListenOptions {
  /** What each element must be. */
  row: R;
  /** Bytes of one body: 1 MiB unless given. */
  bodyBytesMax?: number;
  /** Requests that may wait for the flow at once: 256 unless given. All their bodies together may have 16 MiB. */
  waitingMax?: number;
}

/**
 * Takes elements by HTTP: `POST` with `application/json` (a value, or an array of them) or `application/x-ndjson` (also
 * `application/jsonl`; a value a line). All of a body is taken, or nothing.
 *
 * Answers: 200 when the flow has taken all its elements; 400 for a body that is no JSON or does not fit `row`; 413 for a body
 * that is too large; 415 for another type; 429 with `Retry-After` when too much waits already; 503 with `Retry-After` when
 * the run ends, where the elements may have been taken or not. So who posts again until 200 loses nothing, and may
 * double what was under way when it was cut off. It never ends by itself.
 *
 * Whoever reaches the port may post: it is bound to this machine unless `host` says otherwise, and speaks plain HTTP. The
 * run fails with {@link SourceFailed} `address` where it cannot listen; nothing that is posted fails it.
 *
 * @throws UsageError for options that are none.
 */
export function httpIn<R extends z.ZodType>(options: HttpInOptions<R>): Source<z.output<R>> {
  checkListen('httpIn', options);
  checkRow('httpIn({ row })', options.row);
  return {
    name: 'http-in',
    open: (context) => new PostBox<z.output<R>>(options as HttpInOptions<z.ZodType<z.output<R>>>).open(context),
  };
}

/** A body that was read and waits for the flow. */
interface Posted<T> {
  readonly items: readonly T[];
  readonly response: ServerResponse;
}

class PostBox<T> {
  readonly #options: HttpInOptions<z.ZodType<T>>;
  readonly #bytesMax: number;
  readonly #waitingMax: number;
  #waiting: Posted<T>[] = [];
  /** Requests that are being read or wait, and the bytes that they have, or may have. */
  #requests = 0;
  #bytes = 0;
  #isOpen = true;
  #wake: () => void = () => undefined;

  constructor(options: HttpInOptions<z.ZodType<T>>) {
    this.#options = options;
    this.#bytesMax = options.bodyBytesMax ?? connectLimits.postBytesMax;
    this.#waitingMax = options.waitingMax ?? connectLimits.waitingRequestsMax;
  }

  async *open({ signal, clock }: SourceContext): AsyncGenerator<SourceBatch<T>> {
    if (signal.aborted) return;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#onRequest(request, response);
    const failed = (text: string, cause: unknown): SourceFailed => new SourceFailed('address', text, cause);
    const port = await listen(this.#options, { scheme: 'http', clock, onRequest }, failed);
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop, { once: true });
    let given: Posted<T>[] = [];
    try {
      while (!signal.aborted) {
        given = this.#take();
        if (given.length > 0) {
          const items = given.length === 1 ? given[0]!.items : given.flatMap((posted) => posted.items);
          yield { items: [...items], caughtUp: this.#waiting.length === 0 };
          // It is asked for more: what it gave was taken.
          for (const posted of given) this.#answerTaken(posted);
          given = [];
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.#waiting.length > 0 || signal.aborted) resolve();
        });
      }
    } finally {
      this.#isOpen = false;
      signal.removeEventListener('abort', stop);
      for (const { response } of [...given, ...this.#waiting]) this.#answerLater(response);
      await port.close();
    }
  }

  /** Those that wait, up to a batch's worth of elements. */
  #take(): Posted<T>[] {
    let elements = 0;
    let count = 0;
    while (count < this.#waiting.length && elements < streamLimits.sourceBatch)
      elements += this.#waiting[count++]!.items.length;
    return this.#waiting.splice(0, count);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers } = request;
    if (method !== 'POST') return refuse(request, response, 405, 'only POST', { allow: 'POST' });
    const isLines = typeOf(headers['content-type']);
    if (isLines === undefined) return refuse(request, response, 415, 'post application/json or application/x-ndjson');
    if (!this.#isOpen) return this.#answerLater(response);
    const declared = headers['content-length'] === undefined ? this.#bytesMax : Number(headers['content-length']);
    if (declared > this.#bytesMax) return refuse(request, response, 413, `a body may have ${this.#bytesMax} bytes`);
    if (this.#requests >= this.#waitingMax || this.#bytes + declared > connectLimits.waitingBytesMax) {
      const retry = { 'retry-after': connectLimits.retryAfterSeconds };
      return refuse(request, response, 429, 'the flow has no room; post it again later', retry);
    }
    this.#requests += 1;
    this.#bytes += declared;
    response.once('close', () => {
      this.#requests -= 1;
      this.#bytes -= declared;
      // Nobody is left to hear that they were taken, and will post them again.
      this.#waiting = this.#waiting.filter((posted) => posted.response !== response);
    });
    const body = await bodyOf(request, this.#bytesMax);
    if (body === 'broken') return;
    if (body === 'too large') return refuse(request, response, 413, `a body may have ${this.#bytesMax} bytes`);
    this.#accept(body, isLines, request, response);
  }

  #accept(body: Buffer, isLines: boolean, request: IncomingMessage, response: ServerResponse): void {
    const rows = new Rows<T>(this.#options.row);
    const items: T[] = [];
    try {
      addBody(rows, items, body, isLines, this.#bytesMax);
    } catch (thrown) {
      // The advice of the error is for the flow's author, what happened for who posts.
      const text =
        thrown instanceof SourceFailed ? thrown.message.split('. Mend it', 1)[0]! : 'the body cannot be read';
      refuse(request, response, 400, text);
      return;
    }
    const posted = { items, response };
    if (items.length === 0) this.#answerTaken(posted);
    else if (this.#isOpen) {
      this.#waiting.push(posted);
      this.#wake();
    } else this.#answerLater(response);
  }

  #answerTaken({ items, response }: Posted<T>): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ taken: items.length })}\n`);
  }

  #answerLater(response: ServerResponse): void {
    const headers = {
      'content-type': 'application/json',
      connection: 'close',
      'retry-after': String(connectLimits.retryAfterSeconds),
    };
    response.writeHead(503, headers);
    response.end(`${JSON.stringify({ error: 'the flow ends; post it again later' })}\n`);
  }
}

/** True for lines, false for one value, undefined for what is neither. */
function typeOf(contentType = ''): boolean | undefined {
  switch (contentType.split(';', 1)[0]!.trim().toLowerCase()) {
    case 'application/json':
      return false;
    case 'application/x-ndjson':
    case 'application/jsonl':
      return true;
    default:
      return undefined;
  }
}

function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer | 'too large' | 'broken'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else {
        chunks.length = 0;
        resolve('too large');
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => resolve('broken'));
    request.once('close', () => resolve('broken'));
  });
}

function addBody<T>(rows: Rows<T>, items: T[], body: Buffer, isLines: boolean, bytesMax: number): void {
  const cutter = new LineCutter(0, bytesMax);
  if (isLines) {
    const lines = cutter.push(body);
    const rest = cutter.rest();
    for (const [index, line] of [...lines, ...(rest === undefined ? [] : [rest])].entries())
      rows.addLine(items, line, () => `line ${index + 1} of the body`);
    return;
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    rows.refuse(() => 'the body', 'is no JSON in UTF-8');
  }
  const elements = Array.isArray(value) ? value : [value];
  for (const [index, element] of elements.entries()) rows.add(items, element, () => `element ${index} of the body`);
}
