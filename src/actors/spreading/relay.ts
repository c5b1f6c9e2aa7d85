/**
 * Requests from another place that a router passes on to a third one, or to several: a call of its own for each, whose
 * outcome becomes the request's.
 *
 * Deadline, cancellation and call chain go with it. A request for one actor of the router's own place needs none of this:
 * it is handed over as it is.
 */
import type { Cell } from '../cell.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed, Cancelled } from '../outcomes.ts';
import type { CallOptions, Stream } from '../protocol.ts';
import type { Request } from '../request.ts';
import type { StreamRequest } from '../stream-request.ts';
import type { Address, Owner } from '../target.ts';

/** Who makes the calls: the router, in the chain of the request. */
export class Relaying implements Owner {
  readonly #router: Cell;
  readonly #request: Request;
  /** A run that is never a target's own: it links the request's chain to the call's. */
  readonly openRun = 1;

  constructor(router: Cell, request: Request) {
    this.#router = router;
    this.#request = request;
  }

  get openRequest(): Request {
    return this.#request;
  }

  isOpen(): boolean {
    return false;
  }

  address(): Address {
    return this.#router.address();
  }

  path(): string {
    return this.#router.path();
  }

  adopt(ref: object): object {
    return this.#router.adopt(ref);
  }
}

type Ask = (operation: Operation, options: CallOptions, owner: Owner) => Promise<unknown>;

/** Answers `request` with what `ask` resolves to. */
export function relayAsk(router: Cell, request: Request, ask: Ask): void {
  const { operation, origin } = request;
  const given = new AbortController();
  request.onGivenUp = () => given.abort(new Cancelled(true, `${operation.label}: the caller gave up`));
  request.begun = true;
  const timeoutMs = router.host.deadlines.remainingMs(request);
  ask(operation, { timeoutMs, signal: given.signal }, new Relaying(router, request))
    .then((reply) => request.succeed(reply))
    .catch((error: Error) => request.fail(error))
    .finally(() => origin?.settled());
}

/** Answers `request` with the values of `stream`, as its reader grants them. */
export async function relayStream(request: StreamRequest, stream: Stream<unknown>): Promise<void> {
  const { origin } = request;
  const values = stream[Symbol.asyncIterator]();
  let goOn: () => void = () => undefined;
  request.onGranted = () => goOn();
  request.onGivenUp = () => {
    goOn();
    void values.return?.();
  };
  request.begun = true;
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
  }
}
