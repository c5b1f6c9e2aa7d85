/**
 * Requests that an actor which passes messages on (a router, a stand-in) has accepted, and that go on to another place,
 * or to several: a call of its own for each, whose outcome becomes the request's.
 *
 * Deadline, cancellation and call chain go with it. A request for one actor of the own place needs none of this: it is
 * handed over as it is (`pass-on.ts`).
 */
import type { Cell } from '../cell.ts';
import { InterleavedRun } from '../interleaved-run.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed, Cancelled } from '../outcomes.ts';
import type { CallOptions, Stream } from '../protocol.ts';
import type { Request } from '../request.ts';
import type { StreamRequest } from '../stream-request.ts';
import type { Owner } from '../target.ts';

/**
 * The run that makes the calls: one of the actor that passes on, beside its others. Through it they carry the request's
 * chain, and the wait-for graph leads from whoever waits for the request to whom the calls wait for.
 */
export function relayRun(front: Cell, request: Request): InterleavedRun {
  const run = new InterleavedRun(front);
  run.envelope = request;
  return run;
}

type Ask = (operation: Operation, options: CallOptions, owner: Owner) => Promise<unknown>;

/**
 * Answers `request` with what `ask` resolves to.
 *
 * @param dealtWith called then; its origin is told unless given
 */
export function relayAsk(
  front: Cell,
  request: Request,
  ask: Ask,
  dealtWith: () => void = () => request.origin?.settled(),
): void {
  const { operation } = request;
  const given = new AbortController();
  request.onGivenUp = () => given.abort(new Cancelled(true, `${operation.label}: the caller gave up`));
  const run = relayRun(front, request);
  request.run = run;
  const timeoutMs = front.host.deadlines.remainingMs(request);
  ask(operation, { timeoutMs, signal: given.signal }, run)
    .then((reply) => request.succeed(reply))
    .catch((error: Error) => request.fail(error))
    .finally(() => {
      run.end();
      dealtWith();
    });
}

/** Answers `request` with the values of `stream`, as its reader grants them. */
export async function relayStream(request: StreamRequest, stream: Stream<unknown>, run: InterleavedRun): Promise<void> {
  const { origin } = request;
  const values = stream[Symbol.asyncIterator]();
  let goOn: () => void = () => undefined;
  request.onGranted = () => goOn();
  request.onGivenUp = () => {
    goOn();
    void values.return?.();
  };
  request.run = run;
  // As where a stream is answered by its own actor: it holds nobody's message from now on.
  origin?.settled();
  try {
    for (let sent = 0; !request.settled; sent += 1) {
      while (sent >= request.granted && !request.settled) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      if (request.settled) break;
      const { done, value } = await values.next();
      if (done) {
        request.complete();
        return;
      }
      if (!request.settled) request.item(value);
    }
  } catch (error) {
    request.fail(error instanceof Error ? error : new ActorFailed(String(error)));
    void values.return?.();
  } finally {
    run.end();
  }
}
