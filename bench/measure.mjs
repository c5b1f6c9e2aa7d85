/**
 * How rows measure: bare and ours take turns, so that noise on a shared machine hits both, and the ratio of each round
 * counts, not the single figure. A round of each before the first warms the compiled code up.
 */

/** The middle of `values`, which stay as they are. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest of `values` that `share` (0 to 1) of them do not exceed. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

/** Runs `work`, which handles `count` things. @returns ns for each. */
export async function nsEach(count, work) {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / count;
}

/** The same without a turn of the event loop around it. */
export function nsEachSync(count, work) {
  const began = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - began) / count;
}

/**
 * Measures contestants in turns.
 *
 * @param rounds how many rounds count; `warmUps` more come before them.
 * @param contestants name to a function that returns its ns (or other cost) for one round.
 * @returns the median cost of each, and `ratio(a, b)`: the median over the rounds of cost a / cost b.
 */
export async function inTurns(rounds, contestants, warmUps = 2) {
  const names = Object.keys(contestants);
  const costs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const name of names) {
      const cost = await contestants[name]();
      if (round >= 0) costs[name].push(cost);
    }
  }
  return {
    cost: Object.fromEntries(names.map((name) => [name, rounded(median(costs[name]))])),
    ratio: (a, b) => median(costs[a].map((cost, round) => cost / costs[b][round])),
  };
}

export function rounded(value) {
  return Number(value.toPrecision(4));
}

/** @throws Error naming the row's flaw: a benchmark that lost or made up messages measured nothing. */
export function checkTotal(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: ${found} where ${expected} was expected; nothing was measured`);
}

/** Every message that was accepted was handled, and no letter died. */
export function checkLedger(system) {
  const { accepted, handled, refused, deadLetters, lostWithPlace } = system.statistics();
  checkTotal('handled messages', handled, accepted);
  checkTotal('refused, dead and lost messages', refused + deadLetters + lostWithPlace, 0);
}
