/**
 * What we want of a contest: over the six programs a geometric mean that is a multiple of Erlang's, and on none of them
 * a rate below that of a peer on Node. Only what was measured in this run is judged.
 */
import { geometricMean, ratioOf } from './contest-report.mjs';
import { rounded } from './measure.mjs';

/**
 * @param results one of `{ program, contestant, rates }` for each program and contestant that ran.
 * @param contestants who took part.
 * @param six names of the programs of the mean.
 * @returns one of `{ goal, ratio, atLeast, ok }` for each goal that could be judged.
 */
export function goalsOf(results, contestants, six) {
  const ratios = (own, peer) =>
    six
      .map((program) => ({ program, ratio: ratioOf(results, program, own.name, peer.name) }))
      .filter(({ ratio }) => ratio !== undefined);
  return contestants
    .filter(({ ours }) => ours)
    .flatMap((own) =>
      contestants.flatMap((peer) => {
        const found = peer.ours ? [] : ratios(own, peer);
        if (peer.runtime === 'node')
          return found.map(({ program, ratio }) => judged(`${program}: ${own.name} / ${peer.name}`, ratio, 1));
        if (peer.ours || found.length < six.length) return [];
        const mean = geometricMean(found.map(({ ratio }) => ratio));
        return [judged(`mean of the six: ${own.name} / ${peer.name}`, mean, own.meanGoal)];
      }),
    );
}

/** What we want of the contest of links: one-way rates that are multiples of those of the peers that have a goal. */
export function linkGoalsOf(results, contestants) {
  const own = contestants.find(({ ours }) => ours);
  return contestants.flatMap(({ name, oneWayGoal }) => {
    const ratio = oneWayGoal === undefined ? undefined : ratioOf(results, 'one-way', own.name, name);
    return ratio === undefined ? [] : [judged(`one-way: ${own.name} / ${name}`, ratio, oneWayGoal)];
  });
}

function judged(goal, ratio, atLeast) {
  return { goal, ratio: rounded(ratio), atLeast, ok: ratio >= atLeast };
}
