/** The part of `npm run bench` that lets us and the peers run the same programs in turns. */
import { contest } from '../bench/contest.mjs';
import { goalsOf, linkGoalsOf } from '../bench/contest-goals.mjs';
import { report } from '../bench/contest-report.mjs';
import { contestants } from '../bench/contestants.mjs';
import { linkContestants } from '../bench/link-contestants.mjs';
import { linkPrograms } from '../bench/link-programs.mjs';
import { programs } from '../bench/programs.mjs';
import { streamContestants } from '../bench/stream-contestants.mjs';
import { streamPrograms } from '../bench/stream-programs.mjs';

const six = programs.filter((program) => program.six).map(({ name }) => name);
const inProcess = { programs, contestants, six, goalsOf: (results, able) => goalsOf(results, able, six) };
// On a busy machine two processes of Node have compiled all that they run after about a million messages.
const overLinks = { programs: linkPrograms, contestants: linkContestants, six: [], goalsOf: linkGoalsOf, warmUps: 8 };

const ofStreams = { programs: streamPrograms, contestants: streamContestants, six: [], goalsOf: () => [] };

/**
 * @param options those of the command, `build` and `fail` from there.
 * @returns whether a contestant of ours failed, or with `check` missed a goal. A peer that fails or cannot run is named,
 *   and harms nothing.
 */
export async function runContests({ only, against, quick, peers, links, streams, check, rounds, build, fail }) {
  const { programs, contestants, six, goalsOf, warmUps } = links ? overLinks : streams ? ofStreams : inProcess;
  const chosen = programs.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) fail(`no program's name contains "${only}"`);
  const wanted = contestants.filter(
    ({ ours, name }) => ours || ((peers || links || streams) && name.includes(against)),
  );
  build();
  const able = [];
  for (const contestant of wanted) {
    const reason = contestant.unavailable();
    if (reason === undefined) able.push(contestant);
    else console.log(JSON.stringify({ contestant: contestant.name, notRun: reason }));
  }
  const results = [];
  for (const program of chosen) {
    for (const result of await contest(program, able, { rounds, warmUps, quick })) {
      const { note } = able.find(({ name }) => name === result.contestant);
      const line = { program: program.name, ...result, operation: program.operation, ...(note && { note }) };
      results.push(line);
      console.log(JSON.stringify(line));
    }
  }
  const ours = contestants.filter((contestant) => contestant.ours).map(({ name }) => name);
  const failed = results.some(({ contestant, error }) => error !== undefined && ours.includes(contestant));
  if (quick) return failed;
  const goals = goalsOf(results, able);
  for (const goal of goals) console.log(JSON.stringify(goal));
  console.log(`\n${report(results, ours, six)}`);
  const missed = goals.filter(({ ok }) => !ok);
  for (const { goal, ratio, atLeast } of missed) console.log(`missed: ${goal} is ${ratio}, wanted at least ${atLeast}`);
  return failed || (check && missed.length > 0);
}
