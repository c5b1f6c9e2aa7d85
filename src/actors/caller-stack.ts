/**
 * Has an error that comes back later show the line that waited for it.
 *
 * An answer arrives in a turn of its own, so an error made there knows nothing of its caller. V8 finds callers that
 * await by following promises from the job that runs at that moment to those who wait for its result. So the error is
 * thrown, and its stack taken, in a job whose result is the caller's promise. Only a call that fails pays for it, and a
 * call that succeeds needs no stack (https://v8.dev/docs/stack-trace-api, and "zero-cost async stack traces").
 *
 * Who only attaches `.catch(…)` is no line that waits; the error then has its text and its causes.
 */

/** What a caller's promise is resolved with to be rejected with `error`: three jobs later. */
export function rejectionAtCaller(error: unknown): Promise<never> {
  const raise = (): never => {
    captureAt(error, raise);
    throw error;
  };
  // One job to wait: the caller's promise follows this one only after that.
  return Promise.resolve().then(oneJob).then(raise);
}

function oneJob(): void {
  // Only its turn counts.
}

function captureAt(error: unknown, above: () => never): void {
  try {
    Error.captureStackTrace(error as object, above);
  } catch {
    // Not an object, or a frozen one: it is thrown as it is.
  }
}
