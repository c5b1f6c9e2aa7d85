/** JSON Lines: a file with one JSON value a line, read with a row schema and written without. */
import type * as z from 'zod';
import type { Sink } from '../sink.ts';
import type { Source } from '../source.ts';
import { jsonLinesSink } from './jsonl-sink.ts';
import { type JsonLinesOptions, jsonLinesSource } from './jsonl-source.ts';

/**
 * With a `row`: a source that reads the values of `file` in their order, a line each. Lines end with LF or CRLF, a BOM
 * is left out, and so are blank lines. Position: the byte behind the last line.
 *
 * The run fails with SourceFailed: `missing`, `unreadable`, `corrupt` where it is compressed or was cut while it was
 * read, `position`, and `row` for a line that is no JSON, no UTF-8, too long, or does not fit, unless `onBadRow: 'skip'`.
 *
 * @throws UsageError for options that are none.
 */
export function jsonl<R extends z.ZodType>(options: JsonLinesOptions<R>): Source<z.output<R>>;
/**
 * Without: a sink that writes each element as one line of JSON into `file`, in UTF-8, replacing what the file held.
 *
 * A batch is one write, and the flow waits for it, so a slow disk slows the source. At the end the file is synced and
 * closed; a run that fails or is cancelled leaves what was written. Counts `lines` and `bytes`.
 *
 * The run does not start with SinkFailed where the folder is missing or the file may not be written, and fails with it
 * where the disk is full or broken, and for an element that JSON cannot hold.
 *
 * @throws UsageError for options that are none.
 */
export function jsonl<T>(options: { file: string; row?: never }): Sink<T>;
export function jsonl(options: { file: string; row?: z.ZodType }): Source<unknown> | Sink<unknown> {
  return 'row' in options ? jsonLinesSource(options as JsonLinesOptions<z.ZodType>) : jsonLinesSink(options);
}
