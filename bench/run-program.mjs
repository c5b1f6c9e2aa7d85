/**
 * One program of one contestant in a process of its own, so that what the compiler learnt in one does not bend another.
 *
 * Each line on standard input asks for a round; a JSON line `{ operations, ns, cpuNs }` or `{ error }` answers it. The end of
 * the input ends the process, after the totals were checked.
 */
import { createInterface } from 'node:readline';
import { contestants } from './contestants.mjs';
import { programs } from './programs.mjs';

/** A round repeats passes until their time, without what clears up behind them, is as long. */
const roundNs = 250_000_000;

const [contestantName, programName, mode] = process.argv.slice(2);
const contestant = contestants.find(({ name }) => name === contestantName);
const program = programs.find(({ name }) => name === programName);
const count = mode === 'quick' ? program.quick : program.count;

try {
  const running = await contestant.load(programName);
  if (running === undefined) throw new Error(`${contestantName} has no program ${programName}`);
  for await (const _line of createInterface({ input: process.stdin })) answer(await round(running));
  await running.close();
  answer({ closed: true });
} catch (error) {
  answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.stdout.write('', () => process.exit(0));

async function round(running) {
  let operations = 0;
  let ns = 0;
  let cpuNs = 0;
  do {
    const [began, cpuBefore] = [process.hrtime.bigint(), process.cpuUsage()];
    await running.pass(count);
    ns += Number(process.hrtime.bigint() - began);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpuNs += (user + system) * 1_000;
    operations += count;
    await running.clear?.();
  } while (mode !== 'quick' && ns < roundNs);
  return { operations, ns, cpuNs };
}

function answer(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
