// npm run nexmark
/**
 * Nexmark: runs each query in a process of its own, compares what it comes to with SQL, and prints what it took.
 *
 * Exits with 1 where a query failed, differs from SQL, or with --check is below its floor, with 2 for options that make no sense.
 */
import { writeFile } from 'node:fs/promises';
import { UsageError } from 'troupe';
import type { Execution } from './execute.ts';
import { type FlinkRun, installFlink, runFlink } from './flink.ts';
import { help, type Options, readOptions } from './options.ts';
import type { Verdict } from './oracle.ts';
import { inProcess } from './process.ts';
import { belowFloor, type Measured, measuredOf, printTable, textOf } from './report.ts';

/** Queries that look at each event for itself, and so need more of them to take a while. */
const stateless = ['q0', 'q1', 'q2'];

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(help);
  else await measureAll(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function measureAll(options: Options): Promise<void> {
  if (options.flink) installFlink(options.args);
  const all: Measured[] = [];
  for (const query of options.queries) {
    const measured = await measure(query, options);
    all.push(measured);
    console.log(textOf(measured));
  }
  console.log();
  printTable(all, options.args);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ args: options.args, all }, null, 2)}\n`);
  const below = options.check ? belowFloor(all) : [];
  if (below.length > 0) console.error(`below the floor: ${below.join(', ')}`);
  if (below.length > 0 || all.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
}

async function measure(query: string, options: Options): Promise<Measured> {
  const { repeat, oracle, flink } = options;
  const args = options.full
    ? { ...options.args, events: stateless.includes(query) ? 20_000_000 : 5_000_000 }
    : options.args;
  const runs: Execution[] = [];
  const problems: string[] = [];
  const flinkRuns: FlinkRun[] = [];
  try {
    for (let count = 0; count < repeat; count += 1) runs.push(await inProcess<Execution>('run-query', { query, args }));
    for (const ran of oracle ? runs : []) {
      const { differences } = await inProcess<Verdict>('check-query', { query, args, ran });
      problems.push(...differences);
    }
    for (let count = 0; flink && count < repeat; count += 1) {
      const ran = await runFlink(query, args);
      if (ran !== undefined) flinkRuns.push(ran);
    }
  } catch (error) {
    problems.push((error as Error).message);
  }
  return measuredOf(query, args, { runs, flinkRuns }, { problems, compared: oracle });
}
