/**
 * Requests: asks on their way, and the chain of calls that led to them.
 *
 * A request is the envelope of its message and settles exactly once. It remembers which run sent it and which run handles
 * it: following the senders upward gives the call chain, following what a run waits for gives the wait-for graph
 * (`wait-for.ts`).
 */
import type { Waiting } from './deadlines.ts';
import type { Operation, Origin } from './operation.ts';
import { OutcomeUnknown } from './outcomes.ts';
import type { Run } from './run.ts';
import type { Address, Owner } from './target.ts';

/** One link of a call chain, as it travels to another place. */
export interface ChainLink extends Address {
  readonly run: number;
}

export abstract class Request implements Waiting {
  slot = -1;
  dueMs = 0;
  readonly operation: Operation;
  /** Itself: tells' envelopes have none, so this is how the two kinds are told apart. */
  get request(): this {
    return this;
  }
  abstract get origin(): Origin | undefined;
  /** The actor that asked, or the system for code outside; undefined for a caller elsewhere. */
  get caller(): Owner | undefined {
    return undefined;
  }
  /** The run that asked, of an actor of this place; undefined for callers elsewhere and outside of actors. */
  readonly callerRun: Run | undefined;
  /** The run that handles it, once its handler was called. */
  run: Run | undefined = undefined;
  /** True once it was answered, expired or cancelled; a handler that has not begun then is not begun. */
  settled = false;
  /** True when it is handled at once, whatever its actor is busy with: that waits for the very call that made it. */
  isAdmitted = false;
  /** Called once when it is settled before its handler has replied: aborts the run's signal. */
  onGivenUp: (() => void) | undefined = undefined;

  constructor(operation: Operation, callerRun: Run | undefined) {
    this.operation = operation;
    this.callerRun = callerRun;
  }

  /** True once its handler was called. */
  get begun(): boolean {
    return this.run !== undefined;
  }

  /** Calls of other places that this request descends from, nearest first. */
  get remoteChain(): readonly ChainLink[] {
    return [];
  }

  /**
   * Has `origin` told that the request was dealt with, in place of the one before: for whoever hands it on and must know.
   * Defined on the one request, so that those that nobody hands on are no larger for it.
   */
  redirect(origin: Origin): void {
    Object.defineProperty(this, 'origin', { value: origin, configurable: true });
  }

  /** Answers with the handler's result, as it was returned. @throws InvalidValue when it does not fit the output. */
  abstract succeed(result: unknown): void;
  abstract fail(error: Error): void;

  expire(): void {
    this.fail(noReplyInTime(this.operation.label));
    this.givenUp();
  }

  protected givenUp(): void {
    const tell = this.onGivenUp;
    this.onGivenUp = undefined;
    tell?.();
  }
}

/** A call whose time was up, wherever its actor is. */
export function noReplyInTime(label: string): OutcomeUnknown {
  return new OutcomeUnknown(
    'deadline',
    `${label}: no reply within the time limit; the handler may or may not have run. ` +
      'Give the call a longer timeoutMs, or find out what its actor is busy with',
  );
}

/** The chain of a call that `caller` makes now, as addresses, nearest first. A run that has ended is no link. */
export function chainOf(caller: Pick<Owner, 'openRun'>): ChainLink[] {
  const chain: ChainLink[] = [];
  for (let run = caller.openRun; run !== undefined && !run.isOver; ) {
    chain.push({ ...run.station, run: run.numberToTell });
    const { request }: Run = run;
    if (request !== undefined) chain.push(...request.remoteChain);
    run = request?.callerRun;
  }
  return chain;
}
