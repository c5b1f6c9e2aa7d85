/**
 * Requests: asks on their way, and the chain of calls that led to them.
 *
 * A request is the envelope of its message and settles exactly once. It remembers which run of which actor sent it, and
 * the request which that run was answering: following these upward gives the call chain, so a cycle is named when its
 * last call is made instead of being waited out.
 */

import { Waiting } from './deadlines.ts';
import type { Operation, Origin } from './operation.ts';
import { OutcomeUnknown, Rejected } from './outcomes.ts';
import type { Address, Owner } from './target.ts';

/** One link of a call chain that began in another place. */
export interface ChainLink extends Address {
  readonly run: number;
}

export abstract class Request extends Waiting {
  readonly operation: Operation;
  /** Itself: tells' envelopes have none, so this is how the two kinds are told apart. */
  get request(): this {
    return this;
  }
  abstract get origin(): Origin | undefined;
  /** The actor that asked, or the system for a caller outside. Of this place; undefined for one elsewhere. */
  readonly caller: Owner | undefined;
  /** The caller's run that asked; 0 when none was open. */
  readonly callerRun: number;
  /** What the caller's run was answering itself. */
  readonly parent: Request | undefined;
  /** True once its handler was called. */
  begun = false;
  /** True once it was answered, expired or cancelled; a handler that has not begun then is not begun. */
  settled = false;
  /** Called once when it is settled before its handler has replied: aborts the run's signal. */
  onGivenUp: (() => void) | undefined = undefined;

  constructor(operation: Operation, caller: Owner | undefined) {
    super();
    this.operation = operation;
    this.caller = caller;
    this.callerRun = caller === undefined ? 0 : caller.openRun;
    this.parent = caller === undefined ? undefined : caller.openRequest;
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

  override expire(): void {
    this.fail(
      new OutcomeUnknown(
        'deadline',
        `${this.operation.label}: no reply within the time limit; the handler may or may not have run. ` +
          'Give the call a longer timeoutMs, or find out what its actor is busy with',
      ),
    );
    this.givenUp();
  }

  protected givenUp(): void {
    const tell = this.onGivenUp;
    this.onGivenUp = undefined;
    tell?.();
  }
}

/** The chain of a request as addresses, nearest caller first: what travels with it to another place. */
export function chainOf(caller: Owner): ChainLink[] {
  const chain: ChainLink[] = [];
  if (caller.openRun === 0) return chain;
  chain.push({ ...caller.address(), run: caller.openRun });
  for (let request = caller.openRequest; request !== undefined; request = request.parent) {
    if (request.caller !== undefined && request.callerRun !== 0) {
      chain.push({ ...request.caller.address(), run: request.callerRun });
    }
    chain.push(...request.remoteChain);
  }
  return chain;
}

/** The refusal if `target` waits, in a run that is still open, for the very call that `caller` is about to make. */
export function findCycle(target: Owner, caller: Owner, operation: Operation): Rejected | undefined {
  if (caller.openRun === 0) return undefined;
  if (caller === target) return cycle(target, [caller.path()], operation);
  const path = [caller.path()];
  for (let request = caller.openRequest; request !== undefined; request = request.parent) {
    const asked = request.caller;
    if (asked !== undefined && request.callerRun !== 0) {
      path.unshift(asked.path());
      if (asked === target && target.isOpen(request.callerRun)) return cycle(target, path, operation);
    }
    if (request.remoteChain.length > 0) {
      const found = findInChain(target, request.remoteChain, operation);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The same for a call that came in from another place with its chain. */
export function findInChain(target: Owner, chain: readonly ChainLink[], operation: Operation): Rejected | undefined {
  if (chain.length === 0) return undefined;
  const { place, cell } = target.address();
  const at = chain.findIndex((link) => link.place === place && link.cell === cell && target.isOpen(link.run));
  if (at < 0) return undefined;
  const path = chain.slice(0, at + 1).map((link) => `troupe://${link.place}/#${link.cell}`);
  return cycle(target, path.reverse(), operation);
}

function cycle(target: Owner, path: string[], operation: Operation): Rejected {
  const whole = [...path, target.path()];
  return new Rejected(
    'cycle',
    `${operation.label}: the call closes a cycle and would wait for itself: ${whole.join(' → ')}. ` +
      'Answer with a tell, or let the later actor reply instead of asking back',
    whole,
  );
}
