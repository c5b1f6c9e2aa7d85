/** `ctx.run`: the outcome of asynchronous work becomes a message of the actor, so that it is handled between others. */
import { describeThrown, UsageError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { type BoundOperation, reveal } from './ref.ts';

/** What the work needs of its actor when it is done. */
export interface WorkOwner {
  /** The work begins. Returns what is called when it is done. */
  began(operation: string): () => void;
  /** True when the generation that began the work has ended; counts it then. */
  isLate(): boolean;
  /** The work was rejected, or gave what does not fit. */
  failed(error: unknown): void;
}

/**
 * Tells `operation` what `work` resolves to, and `orElse` why it was rejected.
 *
 * @throws UsageError where these are no tells
 */
export function pipeToSelf(work: Promise<unknown>, operation: unknown, orElse: unknown, owner: WorkOwner): void {
  const to = tellOf(operation);
  const failedTo = orElse === undefined ? undefined : tellOf(orElse);
  if (typeof (work as Partial<Promise<unknown>> | undefined)?.then !== 'function') {
    throw new UsageError(`ctx.run for ${to.operation.label} takes a promise; it was given ${typeof work}`);
  }
  const done = owner.began(to.operation.label);
  const deliver = (bound: BoundOperation, message: unknown): void => {
    if (!owner.isLate()) bound.target.tell(bound.operation, message);
  };
  Promise.resolve(work)
    .then(
      (value) => {
        done();
        deliver(to, value);
      },
      (error: unknown) => {
        done();
        if (failedTo === undefined) throw error;
        deliver(failedTo, { code: codeOf(error) ?? 'Error', message: describeThrown(error) });
      },
    )
    .catch((error: unknown) => {
      if (!owner.isLate()) owner.failed(error);
    });
}

function tellOf(operation: unknown): BoundOperation {
  const bound = reveal(operation);
  if (bound?.operation.kind === 'tell') return bound;
  throw new UsageError('ctx.run delivers to tells: name them as ctx.self.loaded, without calling them');
}
