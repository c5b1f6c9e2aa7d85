/** One program of one link, as its sending process. */
import { linkContestants } from './link-contestants.mjs';
import { linkPrograms } from './link-programs.mjs';
import { cpuNsOf } from './links/cpu-of.mjs';
import { passes } from './links/passes.mjs';
import { answerRounds } from './rounds.mjs';

const [contestantName, programName, mode] = process.argv.slice(2);
const contestant = linkContestants.find(({ name }) => name === contestantName);
const program = linkPrograms.find(({ name }) => name === programName);
const quick = mode === 'quick';

async function open() {
  const link = await contestant.load();
  const pids = [process.pid, ...link.pids];
  return { pass: passes[programName](link), close: () => link.close(), cpuNs: () => cpuNsOf(pids) };
}

await answerRounds(open, quick ? program.quick : program.count, quick);
