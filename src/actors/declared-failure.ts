/** What `ctx.fail` threw to leave its handler: the operation's own error, which is a reply and no failure. */
import { UsageError } from '../base/errors.ts';
import { DeclaredFailureSignal } from './errors.ts';
import { invalidMessage } from './isolation.ts';
import { DeclaredError } from './outcomes.ts';
import type { Request } from './request.ts';

/** Settles the request if its handler left by `ctx.fail`; gives back what is a failure of the actor instead. */
export function settleDeclared(error: unknown, request: Request): { readonly thrown: unknown } | undefined {
  if (!DeclaredFailureSignal.is(error)) return { thrown: error };
  const { operation } = request;
  const type = operation.errors.get(error.errorCode);
  if (type === undefined) return { thrown: error };
  try {
    request.fail(new DeclaredError(error.errorCode, type.parse(error.data), operation.label));
    return undefined;
  } catch (misfit) {
    return { thrown: invalidMessage(misfit, `the data of ctx.fail("${error.errorCode}") in ${operation.label}`) };
  }
}

/** What it is where the operation declares no such error: a mistake of the actor. */
export function undeclared(signal: DeclaredFailureSignal, label: string): UsageError {
  return new UsageError(
    `${label} declares no error "${signal.errorCode}", which ctx.fail named; add it to its \`errors\``,
  );
}
