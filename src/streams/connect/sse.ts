/** A source that reads server-sent events, and connects again where it was cut off. */
import type * as z from 'zod';
import { SourceFailed } from '../errors.ts';
import { connectLimits } from '../limits.ts';
import { pause } from '../pause.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { EventStream, type ServerSentEvent } from './event-stream.ts';
import { answerOf, checkUrl, chunksOf, discard, NoAnswer, shownUrl } from './http-client.ts';
import { refuseStatus } from './http-source.ts';
import { retryDelayMs } from './retry.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';

/** Which events to read. */
export interface SseOptions {
  /** `http://` or `https://`. */
  url: string;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** Begins behind this event, where the server can. */
  lastEventId?: string;
  /** Whether an event whose data does not fit `row` fails the run, or is left out and counted. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest event, in characters: 1 Mi unless given. */
  eventCharactersMax?: number;
}

/**
 * Reads server-sent events: each with its type, data and id, or with `row` what its data says in JSON. Position: the id of
 * the last event, which the server is told as `Last-Event-ID`.
 *
 * Where it is cut off, or the server does not answer, it connects again: after what the server asked for (`retry`), else
 * after a pause that doubles from 250 ms to 30 s. So it does where nothing came for 120 s, not even a comment, as of a server
 * that has vanished. The eighth time in a row that nothing comes the run fails. What was sent
 * meanwhile is there only if the server can go on behind an id. It ends where the server answers 204.
 *
 * Server-sent events know no backpressure: what the flow has no room for is not read, TCP holds the server back, and what
 * the server does then is its own affair; many drop or cut off.
 *
 * The run fails with {@link SourceFailed}: `unreachable`, `refused` for another status or content, `row`.
 *
 * @throws UsageError for options that are none.
 */
export function sse(options: SseOptions): Source<ServerSentEvent>;
export function sse<R extends z.ZodType>(options: SseOptions & { row: R }): Source<z.output<R>>;
export function sse(options: SseOptions & { row?: z.ZodType }): Source<unknown> {
  checkUrl('sse({ url })', options.url, ['http:', 'https:']);
  if ('row' in options) checkRow('sse({ row })', options.row);
  checkOnBadRow('sse', options.onBadRow);
  const rows = options.row === undefined ? undefined : new Rows<unknown>(options.row, options.onBadRow);
  return { name: 'sse', dropped: () => rows?.dropped ?? 0, open: (context) => eventsOf(options, rows, context) };
}

async function* eventsOf(
  options: SseOptions,
  rows: Rows<unknown> | undefined,
  context: SourceContext,
): AsyncGenerator<SourceBatch<unknown>> {
  const { url, headers, lastEventId = '', eventCharactersMax = connectLimits.lineBytesMax } = options;
  const { signal, clock, random } = context;
  let lastId = String(context.from?.get(onlySplit) ?? lastEventId);
  let retryMs: number | undefined;
  for (let retry = 0; !signal.aborted; retry += 1) {
    const stream = new EventStream(lastId, eventCharactersMax);
    let why = `${shownUrl(url)} ended its stream`;
    let cause: unknown;
    const openedMs = clock.monotonicMs();
    try {
      const id = lastId === '' ? {} : { 'last-event-id': Buffer.from(lastId).toString('latin1') };
      const response = await answerOf(url, { headers: { ...headers, accept: 'text/event-stream', ...id } }, context);
      if (response.status === 204) return;
      if (isOverloaded(response.status)) {
        await discard(response);
        throw new NoAnswer(`${shownUrl(url)} answered ${response.status}`);
      }
      await refuseStatus(url, response);
      await refuseOther(url, response);
      for await (const chunk of chunksOf(url, response, context)) {
        const events = stream.push(chunk);
        retryMs = stream.retryMs ?? retryMs;
        lastId = stream.lastId;
        if (events.length === 0) continue;
        retry = -1;
        yield { items: itemsOf(url, events, rows), position: lastId };
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof NoAnswer)) throw thrown;
      why = thrown.message;
      cause = thrown;
    }
    // Whoever keeps a connection for so long is there, and has nothing to say.
    if (clock.monotonicMs() - openedMs >= connectLimits.silenceMs) retry = -1;
    if (retry >= connectLimits.retriesMax)
      throw new SourceFailed('unreachable', `${why}, ${retry + 1} times in a row. See that the server runs`, cause);
    yield { items: [], caughtUp: true };
    const waitMs = retryMs === undefined || retry > 0 ? retryDelayMs(Math.max(0, retry), random, retryMs) : retryMs;
    await pause(Math.min(waitMs, connectLimits.retryAfterMsMax), context);
  }
}

function itemsOf(url: string, events: readonly ServerSentEvent[], rows: Rows<unknown> | undefined): unknown[] {
  if (rows === undefined) return [...events];
  const items: unknown[] = [];
  for (const { id, data } of events)
    rows.addJson(items, data, () => `the event${id === '' ? '' : ` ${JSON.stringify(id)}`} of ${shownUrl(url)}`);
  return items;
}

function isOverloaded(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

async function refuseOther(url: string, response: Response): Promise<void> {
  const type = response.headers.get('content-type') ?? '';
  if (/^text\/event-stream\s*(;|$)/i.test(type)) return;
  await discard(response);
  throw new SourceFailed(
    'refused',
    `${shownUrl(url)} answered ${JSON.stringify(type.slice(0, 100))} and no text/event-stream; check the URL`,
  );
}
