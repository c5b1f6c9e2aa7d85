/** The program from start to end: logs, flow, and what is told about it. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystem, TroupeError } from 'troupe';
import type { Run, RunStatistics, TableOf } from 'troupe/streams';
import { Display } from '../program/display.ts';
import { type Entries, type EntryPage, linesOf, topOf } from './entry-pages.ts';
import { clickSessions } from './flow.ts';
import type { Options } from './options.ts';
import { type Written, writeLogs } from './write-logs.ts';

const servers = ['web-1', 'web-2', 'web-3'];
const sampleMs = 100;
/** More than the site has. */
const pagesMax = 10_000;
/** What an interrupted flow, and then its threads, get to stop in. */
const cancelWithinMs = 800;
const shutdownWithinMs = 600;

/** What became of the lines. */
interface Ledger {
  readonly lines: number;
  readonly windowed: number;
  readonly late: number;
  readonly bots: number;
  readonly broken: number;
  readonly sessions: number;
}

/** Runs it and prints what it came to. When `signal` aborts it stops everything, and throws. */
export async function sessionize(options: Options, signal: AbortSignal): Promise<void> {
  const { lines, seed, threads } = options;
  const logs = servers.map((server) => join(options.out, server));
  const out = join(options.out, 'sessions.jsonl');
  process.stdout.write(`writing about ${count(lines)} lines of logs\n`);
  const written = await writeLogsOf({ folders: logs, lines, seed }, signal);
  process.stdout.write(`${count(written.lines)} lines in ${count(written.bytes)} bytes of logs in ${options.out}\n`);
  const system = await createSystem({ registry: new URL('./actors.ts', import.meta.url), threads });
  const startedMs = performance.now();
  try {
    const run = await system.run(clickSessions, { args: { logs, out, threads } });
    const ledger = await follow(run, signal);
    conclude(written, ledger, { out, elapsedMs: performance.now() - startedMs });
  } finally {
    await system.shutdown({ deadlineMs: shutdownWithinMs });
  }
}

type Outputs = { readonly broken: { readonly line: string }; readonly entryPages: TableOf<string, Entries> };

/** Shows the run while it goes, to its end. */
async function follow(run: Run<Outputs>, signal: AbortSignal): Promise<Ledger> {
  const display = new Display(process.stdout);
  let broken = 0;
  const entryPages = run.table('entryPages');
  let top: readonly EntryPage[] = [];
  const look = async (): Promise<void> => {
    const { entries } = await entryPages.range({ limit: pagesMax });
    top = topOf(entries, 10);
  };
  let running = true;
  const reading = Promise.all([
    each(run.output('broken'), () => {
      broken += 1;
    }),
  ]);
  const done = Promise.race([Promise.all([run.done, reading]), cancelledBy(signal, run)]).finally(() => {
    running = false;
  });
  // It may fail while nobody looks; it is awaited below.
  done.catch(() => undefined);
  while (running) {
    // Where it cannot be asked the run has failed, or ends: `done` says so.
    await Promise.race([look().catch(() => undefined), done]);
    display.update([progressOf(run.statistics()), ...linesOf(top)]);
    await Promise.race([sleep(sampleMs), done]);
  }
  await done;
  await look();
  const statistics = run.statistics();
  display.finish([progressOf(statistics), ...linesOf(top)]);
  const { ledger, stages } = statistics;
  return {
    lines: ledger.read,
    windowed: ledger.windowed,
    late: ledger.late,
    bots: stages.people!.in - stages.people!.out,
    broken,
    sessions: ledger.windows,
  };
}

async function each<T>(stream: AsyncIterable<T>, take: (item: T) => void): Promise<void> {
  for await (const item of stream) take(item);
}

/** Waits until `signal` aborts, cancels the run then, and rejects: also when the run is slow to stop. */
async function cancelledBy(signal: AbortSignal, run: Run<Outputs>): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  await Promise.race([run.cancel(), sleep(cancelWithinMs)]);
  throw signal.reason;
}

function progressOf({ ledger }: RunStatistics): string {
  return `${count(ledger.read)} lines read, ${count(ledger.windows)} sessions`;
}

/** Prints the ledger: every line that was written is in a session, or it is said what became of it. */
function conclude(written: Written, ledger: Ledger, { out, elapsedMs }: { out: string; elapsedMs: number }): void {
  const { lines, windowed, late, bots, broken, sessions } = ledger;
  const parts = `${count(windowed)} in sessions + ${count(late)} late + ${count(bots)} of bots + ${count(broken)} broken`;
  const text = `${count(lines)} lines read = ${parts}; ${count(sessions)} sessions in ${out}`;
  process.stdout.write(`${text}; ${(elapsedMs / 1_000).toFixed(1)} s, ${count((1_000 * lines) / elapsedMs)} lines/s\n`);
  if (lines === written.lines && lines === windowed + late + bots + broken) return;
  throw new TroupeError('LedgerBroken', `${text}, of ${count(written.lines)} lines written: please report this`);
}

async function writeLogsOf(options: Parameters<typeof writeLogs>[0], signal: AbortSignal): Promise<Written> {
  try {
    return await writeLogs(options, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const what = `the logs cannot be written: ${(cause as Error).message}`;
    throw new TroupeError('OutputFailed', `${what}; name another folder with --out`, { cause });
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
