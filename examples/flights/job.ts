/** The main job from start to end: node, system, flow, and what is told about it. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActorSystem, createSystem, secret, TroupeError } from 'troupe';
import { count, Display, type Progress } from './display.ts';
import { flightDelays } from './flow.ts';
import { type NodeProcess, startNode } from './node-process.ts';
import type { Options } from './options.ts';
import { progressOf } from './progress.ts';
import { residentBytesOf } from './resident-memory.ts';
import { rowsIn } from './row-count.ts';
import { type Summary, summaryOf, tableOf } from './worst.ts';

const registry = new URL('./actors.ts', import.meta.url);
const sampleMs = 100;
/** What the flow and the threads get to stop in when interrupted. */
const stopWithinMs = 1_000;

/** Runs the job and prints what it came to. When `signal` aborts it stops everything, and throws. */
export async function runJob(
  options: Options,
  signal: AbortSignal,
  onNode: (node: NodeProcess) => void,
): Promise<void> {
  await makeFolderOf(options.out);
  await using second = options.withNode ? await startNode({ registry, role: 'workers', signal }) : undefined;
  if (second !== undefined) onNode(second);
  await using system = await createSystem({
    registry,
    threads: options.threads,
    name: 'first',
    ...(second !== undefined && { join: [second.address], auth: secret({ file: second.secretFile }) }),
  });
  signal.throwIfAborted();
  const processIds = second === undefined ? [process.pid] : [process.pid, second.processId];
  const last = await stream(options, system, processIds, signal);
  conclude(options, last, await summaryOf(options.out, 10));
}

/** Runs the flow to its end, showing how far it is. */
async function stream(
  options: Options,
  system: ActorSystem,
  processIds: readonly number[],
  signal: AbortSignal,
): Promise<Progress> {
  const { help: _, ...args } = options;
  const rowsExpected = Math.min(options.rows, await rowsIn(options.file));
  const startedMs = performance.now();
  const run = await system.run(flightDelays, { args });
  const stop = (): void => {
    // Both failures are those of a run that is stopped half-way, and are told by `run.done`.
    run.cancel().catch(() => undefined);
    system.shutdown({ deadlineMs: stopWithinMs }).catch(() => undefined);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const display = new Display(process.stdout);
  const look = async (): Promise<Progress> => ({
    ...progressOf(run.statistics()),
    rowsExpected,
    elapsedMs: performance.now() - startedMs,
    residentBytes: await residentBytesOf(processIds),
    processes: processIds.length,
  });
  let running = true;
  const done = run.done.finally(() => {
    running = false;
  });
  done.catch(() => undefined);
  while (running) {
    const progress = await look();
    if (progress.rows > 0) display.update(progress);
    await Promise.race([sleep(sampleMs), done]);
  }
  await done;
  const last = await look();
  display.finish(last);
  return last;
}

/** Prints the worst airports, and the ledger: every row that was read is in a window of the output, or was late. */
function conclude(options: Options, last: Progress, summary: Summary): void {
  const { rows, windowed, late, lines, elapsedMs } = last;
  const worst = ['', `the ${summary.worst.length} airports with the highest mean delay`, ...tableOf(summary.worst), ''];
  const ledger = `${count(rows)} rows read = ${count(windowed)} windowed + ${count(late)} late`;
  const output = `${count(summary.windows)} windows in ${options.out}`;
  const time = `${(elapsedMs / 1_000).toFixed(1)} s, ${count((1_000 * rows) / elapsedMs)} rows/s`;
  process.stdout.write(`${worst.join('\n')}\n${ledger}; ${output}; ${time}\n`);
  if (rows === windowed + late && windowed === summary.flights && lines === summary.windows) return;
  const written = `the output has ${count(summary.flights)} flights in ${count(summary.windows)} lines`;
  throw new TroupeError('LedgerBroken', `${ledger}, ${count(lines)} lines written; ${written}: please report this`);
}

async function makeFolderOf(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (cause) {
    const what = `the folder of ${file} cannot be made: ${(cause as Error).message}`;
    throw new TroupeError('OutputFailed', `${what}; name another file with --out`, { cause });
  }
}
