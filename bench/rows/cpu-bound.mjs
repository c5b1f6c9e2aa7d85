/**
 * 200 times the 27th Fibonacci number over 2 workers, one actor on each. Ratio: our time over that of two bare workers
 * that are posted the same, as many at a time. piscina runs beside it where it is installed.
 *
 * V8 compiles what runs often on threads of its own, which take the cores that the workers compute on, for as long as the
 * first 6,000 calls take: `first` is the ratio of the first 200, `ratio` that of what comes after.
 */
import { createSystem, thread } from 'troupe';
import { BareThreads } from '../bare/threads.mjs';
import { computer } from '../computer.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, rounded } from '../measure.mjs';
import { piscinaPool } from '../peers/threads.mjs';

const workers = 2;
const tasks = 200;
const warmUps = 30;

export async function run({ rounds, quick, isolation }) {
  const n = quick ? 10 : 27;
  const bare = new BareThreads(workers);
  const pool = await piscinaPool(workers, new URL('../fib.mjs', import.meta.url));
  const system = await createSystem({
    registry: new URL('../computer.mjs', import.meta.url),
    threads: workers,
    isolation,
  });
  const refs = [];
  for (let index = 0; index < workers; index += 1) refs.push(await system.spawn(computer, { on: thread() }));
  const expected = tasks * fibOf(n);
  const computing = (name, compute) => () =>
    nsEach(tasks, async () => checkTotal(`${name}: sum`, await sumOf(compute), expected));
  const contestants = {
    bare: computing('bare', (worker) => bare.fib(worker, n)),
    ours: computing('ours', (worker) => refs[worker].fib({ n }, { timeoutMs: 60_000 })),
    ...(pool === undefined ? {} : { piscina: computing('piscina', () => pool.run(n)) }),
  };
  const first = await inTurns(1, contestants, 0);
  const { cost, ratio } = await inTurns(rounds, contestants, quick ? 0 : warmUps);
  checkLedger(system);
  await system.shutdown();
  await bare.end();
  await pool?.destroy();
  const overPiscina = pool === undefined ? {} : { overPiscina: rounded(ratio('ours', 'piscina')) };
  return {
    ratio: ratio('ours', 'bare'),
    first: rounded(first.ratio('ours', 'bare')),
    isolation,
    workers,
    ...overPiscina,
    ns: cost,
  };
}

/** Each worker has a task and the next one, and gets another as soon as it has answered: none waits for the other. */
async function sumOf(compute) {
  let left = tasks;
  let sum = 0;
  const lane = async (worker) => {
    while (left > 0) {
      left -= 1;
      const result = await compute(worker);
      sum += result;
    }
  };
  await Promise.all(Array.from({ length: workers * 2 }, (_, index) => lane(index % workers)));
  return sum;
}

function fibOf(n) {
  let [a, b] = [0, 1];
  for (let step = 0; step < n; step += 1) [a, b] = [b, a + b];
  return a;
}
