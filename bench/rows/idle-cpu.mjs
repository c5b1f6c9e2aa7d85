/** Idle: processor time of the whole process over wall time, in %, with two workers whose actors have been at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystem, thread } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, median } from '../measure.mjs';
import { registry } from '../second-node.mjs';
import { tellMany } from '../telling.mjs';

const threads = 2;
const actors = 100;
const messages = 1_000;

export async function run({ rounds, quick, isolation }) {
  const system = await createSystem({ registry, threads, isolation });
  const refs = await Promise.all(Array.from({ length: actors }, () => system.spawn(counter, { on: thread() })));
  for (const ref of refs) checkTotal('total', await tellMany([ref], messages), messages);
  // The last counts of the sessions are exchanged, and the garbage is gone.
  await sleep(quick ? 0 : 1_000);
  const shares = [];
  for (let round = 0; round < (quick ? 1 : rounds); round += 1) shares.push(await busyPercent(quick ? 20 : 3_000));
  for (const ref of refs) checkTotal('total after the rest', await ref.total(), messages);
  checkLedger(system);
  await system.shutdown();
  return { ratio: median(shares), isolation, threads, actors };
}

async function busyPercent(forMs) {
  const began = performance.now();
  const before = process.cpuUsage();
  await sleep(forMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (performance.now() - began);
}
