/**
 * What rows run beside us on worker threads, where it is installed: comedy's threaded mode, and piscina.
 *
 * Their packages are in this folder, so they are loaded from here.
 */
import { existsSync } from 'node:fs';
import { sizes } from '../sizes.mjs';

const installed = (name) => existsSync(new URL(`node_modules/${name}/package.json`, import.meta.url));

/** An actor on each of `workers` threads. @returns undefined where comedy is not installed. */
export async function comedyCounters(workers) {
  if (!installed('comedy')) return undefined;
  const { default: comedy } = await import('comedy');
  const system = comedy({ test: true, config: {} });
  const root = await system.rootActor();
  class Counter {
    constructor() {
      this.total = 0;
    }
    inc({ n }) {
      this.total += n;
    }
    get() {
      return this.total;
    }
  }
  const actors = [];
  for (let index = 0; index < workers; index += 1) actors.push(await root.createChild(Counter, { mode: 'threaded' }));
  let told = 0;
  const total = async () => {
    const totals = await Promise.all(actors.map((actor) => actor.sendAndReceive('get')));
    return totals.reduce((sum, one) => sum + one, 0);
  };
  return {
    /** Its sends are promises that nobody needs. Its questions overtake them, so each is repeated until all is found. */
    async tell(count) {
      for (let sent = 1; sent <= count; sent += 1) {
        actors[sent % workers].send('inc', { type: 'inc', n: 1, id: 'abc' });
        told += 1;
        if (sent % sizes.countingBurst === 0 || sent === count) while ((await total()) < told) await undefined;
      }
      return total();
    },
    end: () => system.destroy(),
  };
}

/** A pool of `workers` threads for one function. @returns undefined where piscina is not installed. */
export async function piscinaPool(workers, url) {
  if (!installed('piscina')) return undefined;
  const { Piscina } = await import('piscina');
  return new Piscina({ filename: url.href, minThreads: workers, maxThreads: workers });
}
