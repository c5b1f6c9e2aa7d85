// One way of sending of threads-memory.mjs, in a process of its own: one.mjs <way> <seconds> <seed>. Prints one JSON line.
//
// Under `node --expose-gc` all threads collect their garbage before a sample, so that a few seconds say something: else
// memory is a saw whose teeth are some seconds long.
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystem, pathOf, stop, thread } from 'troupe';
import { consumer, producer, sender, sendOffers, sendTells } from './actors.mjs';
import { intoConsumer, source } from './flow.mjs';

const collects = typeof globalThis.gc === 'function';
const sampleMs = collects ? 250 : 50;
/** Before the first sample: mailboxes, outboxes and heaps are to have filled up by then. */
const fillPart = 0.25;
const fillMsMax = 10_000;
const settleMs = 60_000;
/** So long a thread is held at a time. */
const sliceMs = 250;

const [way, secondsText, seedText] = process.argv.slice(2);
const heldMs = Number(secondsText) * 1_000;
const seed = Number(seedText);

const system = await createSystem({
  registry: new URL('./actors.mjs', import.meta.url),
  threads: 2,
  logLevel: 'error',
});
let letters = 0;
let lost = 0;
let questionsRefused = 0;
system.deadLetters.subscribe({
  // What collects garbage may find no room either, and is not counted.
  next: ({ operation }) => {
    if (operation.startsWith('consumer.')) letters += 1;
  },
});
system.losses.subscribe({
  next: ({ count }) => {
    lost += count;
  },
});
const placeOf = (ref) => pathOf(ref).split('/')[3];
const stuck = await system.spawn(consumer, { on: thread() });
const isBeside = (place) => place === placeOf(stuck);
const isElsewhere = (place) => place !== placeOf(stuck);
const other = await spawnOn(sender, isElsewhere);
const [alsoStuck, besideStuck] = [await spawnOn(consumer, isBeside), await spawnOn(sender, isBeside)];

const ways = {
  tells: () => sending('tells', () => stuck.hold({ ms: heldMs })),
  offers: () => sending('offers', () => stuck.hold({ ms: heldMs })),
  blocked: () => sending('tells', () => blocks(stuck)),
  stream,
  flow,
};
const samples = [];
const startedMs = performance.now();
const fillMs = Math.min(fillMsMax, fillPart * heldMs);
const timer = setInterval(() => {
  const atMs = performance.now() - startedMs;
  if (atMs < fillMs || atMs > heldMs - sampleMs) return;
  if (collects) collect();
  samples.push(process.memoryUsage.rss());
}, sampleMs);
const { given, taken, figures } = await ways[way]();
clearInterval(timer);

const third = Math.floor(samples.length / 3);
const first = mean(samples.slice(0, third));
const last = mean(samples.slice(-third));
const conserved = given.atLeast <= taken && taken <= given.atMost;
const figure = {
  way,
  heldS: heldMs / 1_000,
  seed,
  ...figures,
  taken,
  conserved,
  samples: samples.length,
  firstThirdMiB: mebibytes(first),
  lastThirdMiB: mebibytes(last),
  peakMiB: mebibytes(Math.max(...samples)),
  ratio: Number((last / first).toFixed(3)),
};
process.stdout.write(`${JSON.stringify(figure)}\n`);
await system.shutdown();

/** From the main thread and from another worker at once. */
async function sending(how, hold) {
  hold();
  const call = how === 'tells' ? sendTells : sendOffers;
  const both = await Promise.all([
    call(stuck, heldMs, seed),
    other[how]({ to: stuck, ms: heldMs, seed: seed + 1 }, { timeoutMs: heldMs + settleMs }),
  ]);
  const sum = (key) => both.reduce((all, one) => all + one[key], 0);
  const [sent, unknown] = [sum('sent'), sum('unknown')];
  // What was accepted is taken, or is a dead letter, or went with its place.
  let taken = 0;
  await until(async () => {
    taken = await countOf(stuck);
    return taken + accounted() >= sent;
  });
  const given = { atLeast: sent - accounted(), atMost: sent - accounted() + unknown };
  const { slowDowns, refused } = { slowDowns: sum('slowDowns'), refused: sum('refused') };
  return { given, taken, figures: { sent, slowDowns, refused, unknown, deadLetters: lettersSoFar(), lost } };
  // An offer that was given up is a dead letter of its own, beside what was sent.
  function accounted() {
    return how === 'offers' ? lost : lettersSoFar() + lost;
  }
}

/** Holds the thread of the consumer, in slices between which its loop turns once. */
function blocks(ref) {
  const until = Date.now() + heldMs;
  for (let left = heldMs; left > 0; left -= sliceMs) ref.block({ ms: sliceMs, until });
}

/** A stream of this thread and one of the other worker, each read by a consumer that waits after the first value. */
async function stream() {
  const producers = [await system.spawn(producer), await spawnOn(producer, isElsewhere)];
  stuck.read({ from: producers[0], ms: heldMs });
  alsoStuck.read({ from: producers[1], ms: heldMs });
  await sleep(heldMs - 200);
  const ahead = await Promise.all(producers.map((one) => one.produced()));
  for (const one of producers) one.end();
  const [made, taken] = await Promise.all([
    Promise.all(producers.map((one) => one.produced())),
    Promise.all([stuck, alsoStuck].map((one) => one.taken({ timeoutMs: settleMs }))),
  ]);
  const count = total(made, 'count');
  const figures = { ahead: total(ahead, 'count'), sums: total(made, 'sum') === total(taken, 'sum') };
  return { given: exactly(figures.sums ? count : Number.NaN), taken: total(taken, 'count'), figures };
}

async function flow() {
  stuck.hold({ ms: heldMs });
  const run = await system.run(intoConsumer, { args: { to: stuck } });
  await sleep(heldMs - 200);
  const ahead = source.given;
  source.ended = true;
  await run.done;
  const { ledger } = run.statistics();
  const taken = await stuck.taken({ timeoutMs: settleMs });
  const sums = source.sum === taken.sum && ledger.read === ledger.windowed;
  return { given: exactly(sums ? source.given : Number.NaN), taken: taken.count, figures: { ahead, sums } };
}

/** On all threads, on one that is blocked when it is not. */
function collect() {
  globalThis.gc();
  for (const one of [other, besideStuck]) one.collect();
}

/** `thread()` chooses by load: where it chose another thread, it is asked again. */
async function spawnOn(definition, fits) {
  for (let tries = 0; tries < 100; tries += 1) {
    const one = await system.spawn(definition, { on: thread() });
    if (fits(placeOf(one))) return one;
    await stop(one);
  }
  throw new Error(`${definition.name} was never placed where it was wanted`);
}

/** What it has taken; 0 where its mailbox has no room for the question. */
async function countOf(ref) {
  const outcome = await ref.taken.outcome({ timeoutMs: settleMs });
  if (outcome.ok) return outcome.value.count;
  if (outcome.error.code !== 'Rejected') throw outcome.error;
  questionsRefused += 1;
  return 0;
}

/** Of the messages that were sent; a question that found no room is a dead letter too. */
function lettersSoFar() {
  return letters + system.statistics().deadLettersMissed - questionsRefused;
}

async function until(holds) {
  const end = performance.now() + settleMs;
  while (!(await holds()) && performance.now() < end) await sleep(50);
}

function total(all, key) {
  return all.reduce((sum, one) => sum + one[key], 0);
}

function exactly(count) {
  return { atLeast: count, atMost: count };
}

function mean(numbers) {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function mebibytes(bytes) {
  return Math.round(bytes / 2 ** 20);
}
