/**
 * The same queries in Apache Flink on this machine, over the same events: its SQL, in one process with state on the heap.
 *
 * It needs a JDK of 17 or later and Maven, which fetches Flink. What it is given is said in `bench/peers/nexmark/flink`.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UsageError } from 'troupe';
import type { Arguments } from './arguments.ts';

/** What a run of Flink took. */
export interface FlinkRun {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakBytes: number;
}

const folder = fileURLToPath(new URL('../bench/peers/nexmark/flink/', import.meta.url));
const longestMs = 1_800_000;
/** Flink looks into these, and Java keeps them closed. */
const opened = ['java.base/java.util=ALL-UNNAMED', 'java.base/java.lang=ALL-UNNAMED'];

/** Fetches and compiles it. @throws UsageError where that cannot be done, or where Flink is not given such events */
export function installFlink({ group, sources, bidderIdTwice }: Arguments): void {
  if (group !== 1 || sources !== 1 || bidderIdTwice) {
    throw new UsageError('--flink runs over events in order, of one source, with plain ids of bidders');
  }
  const args = ['-q', '-B', '-Dstyle.color=never', 'package', 'dependency:copy-dependencies'];
  const { status, error } = spawnSync('mvn', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0)
    throw new UsageError(`--flink needs a JDK and Maven: ${error?.message ?? `mvn ended with ${status}`}`);
}

/** Undefined where the query is not among those that Flink runs here. */
export async function runFlink(query: string, args: Arguments): Promise<FlinkRun | undefined> {
  const sql = `${folder}queries/${query}.sql`;
  if (!existsSync(sql)) return undefined;
  const { events, ratePerSecond, seed, parallelism } = args;
  const given = [`${folder}tables.sql`, sql, events, ratePerSecond, seed, parallelism].map(String);
  const classes = `${folder}target/nexmark-flink-1.jar:${folder}target/dependency/*`;
  const java = [...opened.flatMap((one) => ['--add-opens', one]), '-cp', classes, 'nexmark.RunQuery', ...given];
  const { stdout } = await promisify(execFile)('java', java, { timeout: longestMs, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as FlinkRun;
}
