/** Nexmark's queries beside DuckDB, row by row: on one thread and on several, in order, out of order, and late. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActorSystem } from 'troupe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Arguments, defaults, lateGroup } from '../../bench/nexmark/arguments.ts';
import { queries } from '../../bench/nexmark/queries.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';

// As it is built: worker threads load the same modules.
const built = new URL('../../dist-bench/', import.meta.url).href;
const { execute, openSystem } = (await import(`${built}execute.js`)) as typeof import('../../bench/nexmark/execute.ts');
const { verdictOn } = (await import(`${built}oracle.js`)) as typeof import('../../bench/nexmark/oracle.ts');

/** 40 s of event time, in 200 batches: windows of 10 s close, and time goes on between the events of one. */
const sized = { ...defaults, events: 10_000, ratePerSecond: 250, batch: 50 };
const orders = { 'in order': 1, 'out of order by up to 4 s': 1_000, late: lateGroup(sized.ratePerSecond) };
const seeds = Array.from({ length: proofRuns(1) }, (_, index) => index + 1);
const names = Object.keys(queries);
/** They have no keys, so several instances make no difference. */
const keyless = ['q0', 'q1', 'q2'];

const instances = [1, 2, 4];
/** Each number of instances with each order; in the sample each of both once. */
const isSampled = (parallelism: number, order: number): boolean =>
  proofRuns(10) > 10 || (instances.indexOf(parallelism) + order) % 3 === 0;

describe.each(instances)('with %i instances behind each key', (parallelism) => {
  let folder: string;
  let system: ActorSystem;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-nexmark-test-'));
    system = await openSystem(parallelism === 1 ? 0 : parallelism);
  });
  afterAll(async () => {
    await system?.shutdown();
    await rm(folder, { recursive: true });
  });

  const sampled = Object.entries(orders).filter((_, order) => isSampled(parallelism, order));
  describe.each(sampled)('%s', (_, group) => {
    it.each(parallelism === 1 ? names : names.filter((name) => !keyless.includes(name)))(
      '%s gives the rows that its SQL gives',
      async (name) => {
        for (const seed of seeds) {
          const args: Arguments = { ...sized, seed, group, parallelism, rows: join(folder, `${name}.jsonl`) };
          const ran = await execute(system, name, args);
          const { rows, differences } = await verdictOn(queries[name]!, args, ran);
          expect({ seed, differences }).toEqual({ seed, differences: [] });
          expect(rows).toBeGreaterThan(0);
        }
      },
      proofTimeoutMs(1_000),
    );
  });
});
