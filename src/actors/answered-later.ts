/**
 * What a handler returns that has taken its request out of its run: the actor goes on at once, and whoever took the
 * request answers it. For the probes of the test kit, which answer in any order.
 */
export const answeredLater: PromiseLike<never> = Object.freeze({
  // biome-ignore lint/suspicious/noThenProperty: a cell looks for it to tell replies from promises of replies.
  then(): never {
    throw new TypeError('answeredLater is a mark and no promise');
  },
});
