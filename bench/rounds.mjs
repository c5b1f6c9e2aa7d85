/**
 * How a contestant's process answers: each line on standard input asks for a round; a JSON line `{ operations, ns, cpuNs }`
 * or `{ error }` answers it. The end of the input ends the process, after the totals were checked.
 */
import { createInterface } from 'node:readline';

/** A round repeats passes until their time, without what clears up behind them, is as long. */
const roundNs = 250_000_000;

/**
 * @param open resolves to `{ pass, close }`, or also `clear`, which is not timed, and `cpuNs`, where more processes than
 *   this one work.
 * @param count operations of one pass.
 * @param quick one pass in a round.
 */
export async function answerRounds(open, count, quick) {
  try {
    const running = await open();
    for await (const _line of createInterface({ input: process.stdin })) answer(await round(running, count, quick));
    await running.close();
    answer({ closed: true });
  } catch (error) {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  process.stdout.write('', () => process.exit(0));
}

async function round(running, count, quick) {
  const cpuOf = running.cpuNs ?? ownCpuNs;
  let operations = 0;
  let ns = 0;
  let cpuNs = 0;
  do {
    const [began, cpuBefore] = [process.hrtime.bigint(), cpuOf()];
    await running.pass(count);
    ns += Number(process.hrtime.bigint() - began);
    cpuNs += cpuOf() - cpuBefore;
    operations += count;
    await running.clear?.();
  } while (!quick && ns < roundNs);
  return { operations, ns, cpuNs };
}

function ownCpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

function answer(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
