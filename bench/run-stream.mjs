/** One program of one kind of streams, as its process. */
import { seen, sumOfWanted, useElements } from './flows.mjs';
import { checkTotal } from './measure.mjs';
import { answerRounds } from './rounds.mjs';
import { streamContestants } from './stream-contestants.mjs';
import { streamPrograms } from './stream-programs.mjs';

const [contestantName, programName, mode] = process.argv.slice(2);
const contestant = streamContestants.find(({ name }) => name === contestantName);
const program = streamPrograms.find(({ name }) => name === programName);
const quick = mode === 'quick';
const count = quick ? program.quick : program.count;

async function open() {
  const elements = useElements(count);
  const { through, close = () => undefined } = await contestant.load();
  return {
    async pass() {
      Object.assign(seen, { count: 0, last: 0, sum: 0 });
      await through(elements);
      checkTotal('elements', seen.count, (count / 3) * 2);
      checkTotal('last element', seen.last, 2 * (count - 1));
      checkTotal('sum', seen.sum, sumOfWanted(count));
    },
    close,
  };
}

await answerRounds(open, count, quick);
