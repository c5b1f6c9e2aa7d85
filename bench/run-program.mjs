/** One program of one contestant in a process of its own, so that what the compiler learnt in one does not bend another. */
import { contestants } from './contestants.mjs';
import { programs } from './programs.mjs';
import { answerRounds } from './rounds.mjs';

const [contestantName, programName, mode] = process.argv.slice(2);
const contestant = contestants.find(({ name }) => name === contestantName);
const program = programs.find(({ name }) => name === programName);
const quick = mode === 'quick';

async function open() {
  const running = await contestant.load(programName);
  if (running === undefined) throw new Error(`${contestantName} has no program ${programName}`);
  return running;
}

await answerRounds(open, quick ? program.quick : program.count, quick);
