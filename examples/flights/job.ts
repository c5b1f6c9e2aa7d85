/** The main job from start to end: node, system, flow, and what is told about it. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActorSystem, createSystem, secret } from 'troupe';
import type { Run } from 'troupe/streams';
import { makeFolderOf } from '../program/folders.ts';
import { Cable } from './cable.ts';
import { Display, type Progress } from './display.ts';
import { airportsJob, type Job, routesJob } from './jobs.ts';
import { type NodeProcess, startNode } from './node-process.ts';
import type { Options } from './options.ts';
import { progressOf } from './progress.ts';
import { residentBytesOf } from './resident-memory.ts';
import { rowsIn } from './row-count.ts';

const registry = new URL('./actors.ts', import.meta.url);
const sampleMs = 100;
/** What an interrupted flow, and then the threads, get to stop in: half of the 2 s, since the node must stop too. */
const cancelWithinMs = 600;
const shutdownWithinMs = 400;

/** Runs the job and prints what it came to. When `signal` aborts it stops everything, and throws. */
export async function runJob(
  options: Options,
  signal: AbortSignal,
  onNode: (node: NodeProcess) => void,
): Promise<void> {
  const job = options.byRoute ? routesJob : airportsJob;
  await makeFolderOf(options.out);
  await using second = options.withNode ? await startNode({ registry, role: 'workers', signal }) : undefined;
  if (second !== undefined) onNode(second);
  await using cable =
    second !== undefined && options.cutMs > 0 ? await Cable.to(second.address, options.cutMs) : undefined;
  const system = await createSystem({
    registry,
    threads: options.threads,
    name: 'first',
    ...(second !== undefined && {
      join: [cable?.address ?? second.address],
      auth: secret({ read: () => ({ current: second.secret }) }),
    }),
  });
  let last: Progress;
  try {
    // The second node has read it by now.
    await second?.discardSecret();
    const processIds = second === undefined ? [process.pid] : [process.pid, second.processId];
    const stops = second === undefined ? signal : AbortSignal.any([signal, second.ended]);
    last = await stream(job, options, system, processIds, stops, cable);
  } finally {
    await system.shutdown({ deadlineMs: shutdownWithinMs });
  }
  if (cable !== undefined) process.stdout.write(`${cable.story}\n`);
  process.stdout.write(await job.conclude(options, last));
}

/** Runs the flow to its end, showing how far it is. */
async function stream(
  job: Job,
  options: Options,
  system: ActorSystem,
  processIds: readonly number[],
  signal: AbortSignal,
  cable: Cable | undefined,
): Promise<Progress> {
  const { help: _, byRoute: __, cutMs: ___, ...args } = options;
  const rowsExpected = Math.min(options.rows, await rowsIn(options.file));
  signal.throwIfAborted();
  const startedMs = performance.now();
  const run = await system.run(job.flow, { args });
  const display = new Display(process.stdout);
  const look = async (): Promise<Progress> => ({
    ...progressOf(run.statistics()),
    rowsExpected,
    elapsedMs: performance.now() - startedMs,
    residentBytes: await residentBytesOf(processIds),
    processes: processIds.length,
  });
  let running = true;
  const done = Promise.race([run.done, cancelledBy(signal, run)]).finally(() => {
    running = false;
  });
  // It may fail while nobody looks; it is awaited below.
  done.catch(() => undefined);
  while (running) {
    const progress = await look();
    cable?.look(progress);
    if (progress.rows > 0) display.update(progress);
    await Promise.race([sleep(sampleMs), done]);
  }
  await done;
  const last = await look();
  display.finish(last);
  return last;
}

/** Waits until `signal` aborts, cancels the run then, and rejects: also when the run is slow to stop. */
async function cancelledBy(signal: AbortSignal, run: Run): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  await Promise.race([run.cancel(), sleep(cancelWithinMs)]);
  throw signal.reason;
}
