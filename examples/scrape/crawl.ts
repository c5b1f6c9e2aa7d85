// npm run example:scrape
/** The crawl from start to end: the web, its proxies, the system, the flow, and what is told about it. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActorSystem, createSystem } from 'troupe';
import type { Run } from 'troupe/streams';
import { makeFolderOf } from '../program/folders.ts';
import { scrape } from './flow.ts';
import { ForwardProxy } from './forward-proxy.ts';
import type { Options } from './options.ts';
import { type Outcome, report } from './report.ts';
import { Tally } from './tally.ts';
import { Web } from './web.ts';

const registry = new URL('./actors.ts', import.meta.url);
const lookMs = 100;
const lineMs = 1_000;
/** What an interrupted flow, and then its threads, get to stop in: together less than 2 s. */
const cancelWithinMs = 800;
const shutdownWithinMs = 600;

/** @throws TroupeError where something failed, or the report's sums do not hold. */
export async function crawl(options: Options, signal: AbortSignal): Promise<void> {
  await makeFolderOf(options.out);
  await using web = await Web.start(options.seed);
  await using first = await ForwardProxy.start('proxy-1', web.portOf);
  await using second = await ForwardProxy.start('proxy-2', web.portOf);
  await using flaky = await ForwardProxy.start('flaky', web.portOf, { every: 150, length: 5 });
  const proxies = [first, second, flaky];
  const system = await createSystem({ registry, threads: 2, name: 'scrape' });
  let outcome: Outcome;
  try {
    outcome = await stream(options, { system, web, proxies, signal });
  } finally {
    await system.shutdown({ deadlineMs: shutdownWithinMs });
  }
  await report(outcome);
}

interface World {
  readonly system: ActorSystem;
  readonly web: Web;
  readonly proxies: readonly ForwardProxy[];
  readonly signal: AbortSignal;
}

async function stream(options: Options, { system, web, proxies, signal }: World): Promise<Outcome> {
  const { pages, out } = options;
  const startedMs = performance.now();
  using tally = new Tally();
  const args = { pages, out, proxies: proxies.map(({ name, port }) => ({ name, port })) };
  const run = await system.run(scrape, { args });
  let running = true;
  const reading = Promise.all([tally.readDisallowed(run.output('disallowed')), tally.readDead(run.deadLetters())]);
  const done = Promise.race([Promise.all([run.done, reading]), cancelledBy(signal, run)]).finally(() => {
    running = false;
  });
  // It may fail while nobody looks; it is awaited below.
  done.catch(() => undefined);
  for (let lineAtMs = lineMs; running; ) {
    await Promise.race([sleep(lookMs), done]);
    if (options.killProxy && web.requests > pages / 3) await proxies[0]![Symbol.asyncDispose]();
    if (performance.now() - startedMs < lineAtMs) continue;
    lineAtMs += lineMs;
    process.stdout.write(`${progressOf(run, pages)}\n`);
  }
  await done;
  return { options, web, proxies, tally, elapsedMs: performance.now() - startedMs };
}

function progressOf(run: Run, pages: number): string {
  const { fetch, parse } = run.statistics().stages;
  return `${parse?.out ?? 0} of ${pages} URLs are pages, ${(fetch?.in ?? 0) - (fetch?.out ?? 0)} under way`;
}

/** Waits until `signal` aborts, cancels the run then, and rejects: also when the run is slow to stop. */
async function cancelledBy(signal: AbortSignal, run: { cancel(): Promise<void> }): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  await Promise.race([run.cancel(), sleep(cancelWithinMs)]);
  throw signal.reason;
}
