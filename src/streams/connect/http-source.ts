/** Sources that fetch: the lines of one answer, or the elements of page after page. */
import type * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import { connectLimits, streamLimits } from '../limits.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { answerOf, checkUrl, chunksOf, discard, NoAnswer, shownUrl } from './http-client.ts';
import { type Line, LineCutter } from './line-cutter.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';

/** What to fetch. */
export interface HttpLinesOptions {
  /** `http://` or `https://`. */
  url: string;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** Whether a line that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest line, in bytes: 1 MiB unless given. */
  lineBytesMax?: number;
}

/**
 * Fetches `url` and gives the lines of the answer as texts, or with `row` what they say in JSON. Position: the byte behind
 * the last line; from there on it asks for the rest with `Range` (RFC 9110), and leaves out what comes before it where the
 * server sends everything.
 *
 * What the flow has no room for is not read, so TCP holds the server back.
 *
 * The run fails with {@link SourceFailed}: `unreachable` where the server does not answer or dies in the middle, `refused`
 * for a status other than 2xx, `row` as with `jsonl`.
 *
 * @throws UsageError for options that are none.
 */
export function httpLines(options: HttpLinesOptions): Source<string>;
export function httpLines<R extends z.ZodType>(options: HttpLinesOptions & { row: R }): Source<z.output<R>>;
export function httpLines(options: HttpLinesOptions & { row?: z.ZodType }): Source<unknown> {
  checkUrl('httpLines({ url })', options.url, ['http:', 'https:']);
  if ('row' in options) checkRow('httpLines({ row })', options.row);
  checkOnBadRow('httpLines', options.onBadRow);
  const rows = new Rows<unknown>(options.row, options.onBadRow);
  return {
    name: 'http-lines',
    bounded: true,
    dropped: () => rows.dropped,
    open: (context) => typed(linesOf(options, rows, context), context),
  };
}

async function* linesOf(
  { url, headers, lineBytesMax = connectLimits.lineBytesMax }: HttpLinesOptions,
  rows: Rows<unknown>,
  context: SourceContext,
): AsyncGenerator<SourceBatch<unknown>> {
  if (context.signal.aborted) return;
  const start = offsetOf(url, context.from?.get(onlySplit));
  // Its bytes are counted as they are sent, so they are not to be compressed.
  const range = start === 0 ? {} : { range: `bytes=${start}-` };
  const response = await answerOf(url, { headers: { ...headers, 'accept-encoding': 'identity', ...range } }, context);
  // It has nothing behind that position.
  if (start > 0 && response.status === 416) return discard(response);
  await refuseStatus(url, response);
  const cutter = new LineCutter(start, lineBytesMax);
  let leftOut = response.status === 206 ? 0 : start;
  const batch = (lines: readonly Line[]): SourceBatch<unknown> => {
    const items: unknown[] = [];
    for (const line of lines) rows.addLine(items, line, () => `the line before byte ${line.end} of ${shownUrl(url)}`);
    return { items, position: lines.at(-1)!.end };
  };
  for await (const chunk of chunksOf(url, response, context)) {
    const bytes = chunk.subarray(leftOut);
    leftOut -= chunk.length - bytes.length;
    const lines = cutter.push(bytes);
    for (let at = 0; at < lines.length; at += streamLimits.sourceBatch)
      yield batch(lines.slice(at, at + streamLimits.sourceBatch));
    if (cutter.isTooLong && !rows.isSkipping)
      rows.refuse(() => `the line at byte ${cutter.lineStart} of ${shownUrl(url)}`, 'is too long');
  }
  const rest = cutter.rest();
  if (rest !== undefined && !context.signal.aborted) yield batch([rest]);
}

function offsetOf(url: string, position: unknown): number {
  if (position === undefined) return 0;
  if (Number.isSafeInteger(position) && (position as number) >= 0) return position as number;
  throw new SourceFailed(
    'position',
    `${JSON.stringify(position)} is no byte of ${shownUrl(url)}; start without a position`,
  );
}

/** What to fetch page by page, and what its elements must be. */
export interface HttpOptions<R extends z.ZodType> {
  /** The first page: `http://` or `https://`. */
  url: string;
  /** What each element must be. */
  row: R;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** The elements of a page, from its JSON: the page itself, which must be an array, unless given. */
  items?: (page: unknown) => readonly unknown[];
  /** The URL of the page that follows, where there is one: what the header `Link` calls `next` (RFC 8288), unless given. */
  next?: (page: unknown, response: Response) => string | undefined;
  /** Whether an element that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
}

/**
 * Fetches JSON page by page and gives the elements of each; the next page is fetched when the flow has room for it.
 * Position: the URL of the next page, empty behind the last. A page may have 16 MiB.
 *
 * A page that follows must have the origin of the first, since the headers, which may hold secrets, are sent to it.
 *
 * The run fails with {@link SourceFailed}: `unreachable`, `refused` for a status other than 2xx or a page elsewhere,
 * `corrupt` for a page that is no JSON or too large, `row` for an element that does not fit, unless `onBadRow: 'skip'`.
 *
 * @throws UsageError for options that are none.
 */
export function httpSource<R extends z.ZodType>(options: HttpOptions<R>): Source<z.output<R>> {
  checkUrl('httpSource({ url })', options.url, ['http:', 'https:']);
  checkRow('httpSource({ row })', options.row);
  checkOnBadRow('httpSource', options.onBadRow);
  const rows = new Rows<z.output<R>>(options.row as z.ZodType<z.output<R>>, options.onBadRow);
  return {
    name: 'http',
    bounded: true,
    dropped: () => rows.dropped,
    open: (context) => typed(pagesOf(options, rows, context), context),
  };
}

async function* pagesOf<R extends z.ZodType>(
  { url: first, headers, items = arrayOf, next = linkOf }: HttpOptions<R>,
  rows: Rows<z.output<R>>,
  context: SourceContext,
): AsyncGenerator<SourceBatch<z.output<R>>> {
  let url: string | undefined = String(context.from?.get(onlySplit) ?? first);
  while (url !== undefined && url !== '' && !context.signal.aborted) {
    const at: string = url;
    if (!URL.canParse(at) || new URL(at).origin !== new URL(first).origin)
      throw new SourceFailed(
        'refused',
        `a page of ${shownUrl(first)} is elsewhere, and its headers are not sent there`,
      );
    const response = await answerOf(at, { headers: { accept: 'application/json', ...headers } }, context);
    await refuseStatus(at, response);
    const page = await jsonOf(at, response, context);
    if (page === aborted) return;
    const batch: z.output<R>[] = [];
    const elements = items(page);
    if (!Array.isArray(elements)) throw new UsageError('httpSource({ items }) must answer an array');
    for (const [index, element] of elements.entries())
      rows.add(batch, element, () => `element ${index} of ${shownUrl(at)}`);
    const following = next(page, response);
    url = following === undefined ? undefined : new URL(following, at).href;
    yield { items: batch, position: url ?? '' };
  }
}

const aborted: unique symbol = Symbol('aborted');

async function jsonOf(url: string, response: Response, context: SourceContext): Promise<unknown> {
  const { signal } = context;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(url, response, context)) {
    bytes += chunk.length;
    if (bytes > connectLimits.bodyBytesMax)
      throw new SourceFailed(
        'corrupt',
        `a page of ${shownUrl(url)} has more than ${connectLimits.bodyBytesMax} bytes; ask for smaller ones`,
      );
    chunks.push(chunk);
  }
  if (signal.aborted) return aborted;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (thrown) {
    throw new SourceFailed('corrupt', `${shownUrl(url)} answered what is no JSON in UTF-8`, thrown);
  }
}

function arrayOf(page: unknown): readonly unknown[] {
  if (Array.isArray(page)) return page;
  throw new SourceFailed('row', 'a page is no array; say with httpSource({ items }) where its elements are');
}

function linkOf(_page: unknown, response: Response): string | undefined {
  const link = response.headers.get('link') ?? '';
  // One link at a time, bounded, since the header comes from outside.
  for (const part of link.slice(0, 8_192).split(/,(?=\s*<)/)) {
    const [, url] = /^\s*<([^>]*)>/.exec(part) ?? [];
    if (url !== undefined && /;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)/i.test(part)) return url;
  }
  return undefined;
}

/** @throws SourceFailed `refused` for a status other than 2xx */
export async function refuseStatus(url: string, response: Response): Promise<void> {
  if (response.ok) return;
  await discard(response);
  throw new SourceFailed(
    'refused',
    `${shownUrl(url)} answered ${response.status} ${response.statusText}; check the URL and the headers`,
  );
}

/** Makes errors of flows of servers that do not answer; where nobody waits any more it just ends. */
async function* typed<B>(batches: AsyncGenerator<B>, { signal }: SourceContext): AsyncGenerator<B> {
  try {
    yield* batches;
  } catch (thrown) {
    if (signal.aborted) return;
    if (!(thrown instanceof NoAnswer)) throw thrown;
    throw new SourceFailed(
      'unreachable',
      `${thrown.message}. See that the server runs, and start the run again`,
      thrown,
    );
  }
}
