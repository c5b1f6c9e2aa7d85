// npm run example:scrape
/** What is printed at the end, and whether it holds. */
import type { ForwardProxy } from './forward-proxy.ts';
import type { HostCounts } from './host-counts.ts';
import type { Options } from './options.ts';
import { checkPromises } from './promises.ts';
import type { Tally } from './tally.ts';
import type { Web } from './web.ts';

export interface Outcome {
  readonly options: Options;
  readonly web: Web;
  readonly proxies: readonly ForwardProxy[];
  readonly tally: Tally;
  readonly elapsedMs: number;
}

/** @throws TroupeError `PromiseBroken` where a URL is missing, or a host was asked for more than it allows. */
export async function report({ options, web, proxies, tally, elapsedMs }: Outcome): Promise<void> {
  await tally.readPages(options.out);
  const { user, system } = process.cpuUsage();
  const megabytes = process.resourceUsage().maxRSS / 1_024;
  const counts = [...web.counts.values()];
  const ledger = `${n(tally.pages)} pages + ${n(tally.dead)} dead letters + ${n(tally.disallowed)} disallowed`;
  const lines = [
    '',
    ...tableOf(counts, tally),
    '',
    ...proxies.map((proxy) => lineOf(proxy, tally)),
    `attempts that failed: ${n(tally.attemptsFailed.sum)} (${tally.attemptsFailed})`,
    `retries: ${n(tally.attemptsFailed.sum - tally.dead)}`,
    `dead letters: ${n(tally.dead)} (${tally.deadBy})`,
    `latency: ${tally.latencyMs(0.5)} ms for half of the pages, ${tally.latencyMs(0.95)} ms or less for 95 %`,
    `cpu ${((user + system) / 1e6).toFixed(1)} s, memory ${n(megabytes)} MB at most, for the web and its proxies too`,
    `${ledger} = ${n(options.pages)} URLs; ${options.out}; ${(elapsedMs / 1_000).toFixed(1)} s`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  checkPromises(options.pages, tally, counts);
  process.stdout.write(
    'no host was asked more than it takes in any second, for what it disallows, or too early again\n',
  );
}

function tableOf(counts: readonly HostCounts[], { pagesBy }: Tally): string[] {
  const columns = ['host', '200', '404', 'requests', 'robots.txt', 'in flight', 'per second', 'it takes'];
  const rows = counts.map(({ host, requests, robots, inFlightPeak, perSecondPeak }) => {
    const pages = [200, 404].map((status) => pagesBy.of(`${host.name} ${status}`));
    return [host.name, ...[...pages, requests, robots, inFlightPeak, perSecondPeak, host.perSecond].map(n)];
  });
  return [columns, ...rows].map(
    ([host, ...cells]) => host!.padEnd(14) + cells.map((cell) => cell.padStart(11)).join(''),
  );
}

function lineOf({ name, forwarded, failed }: ForwardProxy, { pagesByProxy, setAside }: Tally): string {
  const counts = [`${n(pagesByProxy.of(name))} pages`, `${n(forwarded)} forwarded`, `${n(failed)} refused`];
  return `${name}: ${counts.join(', ')}, set aside ${n(setAside.of(name))} times`;
}

/** The same in every locale. */
function n(value: number): string {
  return Math.round(value).toLocaleString('en');
}
