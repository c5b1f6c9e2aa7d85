/** Requests to servers, with a bound on how long an answer may take to begin. */
import type { ReadableStreamDefaultReader } from 'node:stream/web';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { connectLimits } from '../limits.ts';
import type { SourceContext } from '../source.ts';

type Context = Pick<SourceContext, 'clock' | 'signal'>;

/** A server that did not answer, or died in the middle; whoever asked makes an error of flows of it. */
export class NoAnswer extends Error {
  override readonly name: string = 'NoAnswer';
}

/** @throws UsageError for what is no absolute URL of these protocols, or has a password in it */
export function checkUrl(what: string, url: unknown, protocols: readonly string[]): URL {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !protocols.includes(parsed.protocol))
    throw new UsageError(
      `${what} takes an absolute URL that begins with ${protocols.map((one) => `${one}//`).join(' or ')}`,
    );
  if (parsed.username !== '' || parsed.password !== '')
    throw new UsageError(`${what} takes a URL without a user and a password in it; give them as a header`);
  return parsed;
}

/** A URL as it may be shown: its query may hold a secret. */
export function shownUrl(url: string | URL): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** The answer of a server, as soon as its headers are there. @throws NoAnswer */
export async function answerOf(url: string | URL, init: RequestInit, { clock, signal }: Context): Promise<Response> {
  const late = new AbortController();
  const cancel = clock.wake(connectLimits.answerMs, () => late.abort());
  try {
    return await fetch(url, { ...init, signal: AbortSignal.any([signal, late.signal]) });
  } catch (thrown) {
    const why = late.signal.aborted ? `no answer within ${connectLimits.answerMs} ms` : describeThrown(causeOf(thrown));
    throw new NoAnswer(`${shownUrl(url)} did not answer: ${why}`, { cause: thrown });
  } finally {
    cancel();
  }
}

/**
 * The chunks of a body, as they are asked for; what is not read stays at the server.
 *
 * @throws NoAnswer where it breaks off, or nothing comes for 120 s
 */
export async function* chunksOf(
  url: string | URL,
  response: Response,
  { clock, signal }: Context,
): AsyncGenerator<Buffer> {
  if (response.body === null) return;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const stop = (): void => void reader.cancel().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  let wasSilent = false;
  try {
    for (;;) {
      const cancel = clock.wake(connectLimits.silenceMs, () => {
        wasSilent = true;
        stop();
      });
      const { done, value } = await reader.read().finally(cancel);
      if (wasSilent) {
        const text = `${shownUrl(url)} was silent for ${connectLimits.silenceMs} ms in the middle of its answer`;
        throw new NoAnswer(text);
      }
      if (done) return;
      yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  } catch (thrown) {
    if (thrown instanceof NoAnswer) throw thrown;
    throw new NoAnswer(`${shownUrl(url)} broke off in the middle of its answer: ${describeThrown(causeOf(thrown))}`, {
      cause: thrown,
    });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Lets go of an answer whose body nobody reads. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** What happened is the cause of what `fetch` says of it. */
function causeOf(thrown: unknown): unknown {
  return (thrown as { cause?: unknown }).cause ?? thrown;
}
