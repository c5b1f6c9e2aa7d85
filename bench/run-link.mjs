/** One program of one link, as its sending process. */
import { askAtDepth } from './ask-at-depth.mjs';
import { linkContestants } from './link-contestants.mjs';
import { linkPrograms } from './link-programs.mjs';
import { cpuNsOf } from './links/cpu-of.mjs';
import { checkTotal } from './measure.mjs';
import { answerRounds } from './rounds.mjs';

const depth = 64;

const [contestantName, programName, mode] = process.argv.slice(2);
const contestant = linkContestants.find(({ name }) => name === contestantName);
const program = linkPrograms.find(({ name }) => name === programName);
const quick = mode === 'quick';

/** Messages are numbered from 1 in each pass, so that the receiver sees what is missing and what came out of order. */
function oneWay(link) {
  return async (count) => {
    await link.tellAll(count);
    const found = await link.tally(count);
    checkTotal('messages', found.count, count);
    checkTotal('their numbers, added up', found.sum, (count * (count + 1)) / 2);
    if (link.ordered) checkTotal('messages out of order', found.outOfOrder, 0);
  };
}

function requests(link) {
  let expected = 0;
  return async (count) => {
    expected += count;
    checkTotal('the highest total', await askAtDepth(depth, count, link.add), expected);
  };
}

async function open() {
  const link = await contestant.load();
  const pids = [process.pid, ...link.pids];
  const pass = programName === 'one-way' ? oneWay(link) : requests(link);
  return { pass, close: link.close, cpuNs: () => cpuNsOf(pids) };
}

await answerRounds(open, quick ? program.quick : program.count, quick);
