/** A message between its producer's call and its outcome. */
import type { Operation } from '../operation.ts';
import type { DeliveryFailed } from './errors.ts';

export class Undelivered {
  readonly operation: Operation;
  /** The producer's own copy: it may be sent again. */
  readonly message: unknown;
  readonly outcome: Promise<unknown>;
  /** Its number at the present receiver. */
  sequence = 0;
  /** An ask for it is open. */
  isAsked = false;
  /** An attempt at the present receiver has ended, and nobody knows how. */
  isInDoubt = false;
  /** The same at this receiver or at one before. */
  mayHaveRun = false;
  /** How many receivers were lost that may have run it. */
  attempts = 0;
  resolve: (value: unknown) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;

  constructor(operation: Operation, message: unknown) {
    this.operation = operation;
    this.message = message;
    this.outcome = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  give(up: (mayHaveRun: boolean, label: string) => DeliveryFailed): void {
    this.reject(up(this.mayHaveRun || this.isAsked, this.operation.label));
  }
}
