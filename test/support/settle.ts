/** Lets everything run that is ready now: all promise reactions, and one pass of the event loop. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
