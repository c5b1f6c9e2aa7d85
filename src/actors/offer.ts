/** An offer that waits for room in a mailbox. Waiters are served first come, first served. */
import { Waiting } from './deadlines.ts';
import type { TellEnvelope } from './operation.ts';
import { OutcomeUnknown, Rejected } from './outcomes.ts';

export class OfferWaiting extends Waiting {
  readonly envelope: TellEnvelope;
  readonly message: unknown;
  settled = false;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor(envelope: TellEnvelope, message: unknown, resolve: () => void, reject: (error: Error) => void) {
    super();
    this.envelope = envelope;
    this.message = message;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  accepted(): void {
    this.settled = true;
    this.#resolve();
  }

  refuse(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }

  override expire(): void {
    this.refuse(
      new Rejected(
        'full',
        `${this.envelope.operation.label}: the mailbox had no room within the time limit, the message was not sent. ` +
          'Give the offer a longer timeoutMs, or find out what its actor is busy with',
      ),
    );
  }
}

/** An offer that could not even wait. */
export function tooManyWait(label: string, path: string): Rejected {
  return new Rejected('full', `${label}: too many senders wait for room at ${path} already; the message was not sent`);
}

/** An offer across places that ran out of time while it was on its way. */
export function offerUnknown(label: string): OutcomeUnknown {
  return new OutcomeUnknown(
    'deadline',
    `${label}: the target's place did not answer in time; it may take the message yet`,
  );
}
