/**
 * Fairness: how late a 5 ms timer fires while actors are kept busy without end, by telling themselves or by being asked
 * again as soon as they have answered. The figure is the 99th percentile of the lag in ms, not a ratio.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, ask, createSystem, protocol, tell } from 'troupe';
import * as z from 'zod';
import { checkLedger, checkTotal, percentile } from '../measure.mjs';

const message = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });
const Busy = protocol('bench-busy', { work: tell(message), reply: ask({ input: message, output: z.number() }) });
const timerMs = 5;

const load = { running: true, handlerMs: 0, handled: 0, sent: 0 };

function spin() {
  load.handled += 1;
  if (load.handlerMs === 0 || !load.running) return;
  const until = performance.now() + load.handlerMs;
  while (performance.now() < until);
}

const busy = actor(
  Busy,
  { args: z.object({}), state: (_args) => ({}) },
  {
    work: (_state, { n, type, id }, context) => {
      spin();
      if (!load.running) return;
      load.sent += 1;
      context.self.work({ type, n, id });
    },
    reply: (_state, { n }) => {
      spin();
      return n;
    },
  },
);

async function askOn(ref) {
  while (load.running) {
    load.sent += 1;
    checkTotal('reply', await ref.reply({ type: 'inc', n: 1, id: 'abc' }), 1);
  }
}

export async function run({ quick, isolation, kind, actors, handlerUs }) {
  const system = await createSystem({ isolation });
  const refs = [];
  for (let index = 0; index < (quick ? Math.min(actors, 100) : actors); index += 1) refs.push(await system.spawn(busy));
  load.handlerMs = handlerUs / 1_000;
  const asking = [];
  for (const ref of refs) {
    if (kind === 'ask') asking.push(askOn(ref));
    else {
      load.sent += 1;
      ref.work({ type: 'inc', n: 1, id: 'abc' });
    }
  }
  const lags = [];
  await sleep(quick ? 0 : 300);
  const endMs = performance.now() + (quick ? 30 : 2_500);
  while (performance.now() < endMs) {
    const dueMs = performance.now() + timerMs;
    await new Promise((resolve) => setTimeout(resolve, timerMs));
    lags.push(Math.max(0, performance.now() - dueMs));
  }
  load.running = false;
  const handledInLoad = load.handled;
  await Promise.all(asking);
  while (load.handled < load.sent) await new Promise(setImmediate);
  checkTotal('handled', load.handled, load.sent);
  checkLedger(system);
  await system.shutdown();
  const lagMs = { p50: percentile(lags, 0.5), p99: percentile(lags, 0.99), max: Math.max(...lags) };
  return { ratio: lagMs.p99, isolation, lagMs, timers: lags.length, handledInLoad };
}
