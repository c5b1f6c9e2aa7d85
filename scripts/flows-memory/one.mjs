// One kind of hop of flows-memory.mjs, in a process of its own: one.mjs <hop> <seconds> [kind]. Prints one JSON line.
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystem, node, secret, thread } from 'troupe';
import { kinds, stuckActor, stuckFlow, tapOf } from '../../test/system/fixtures/stuck.ts';
import { endNode, secretFolder, startNode } from '../../test/system/node-process.ts';
import { processTree } from '../process-tree.mjs';

const registry = new URL('../../test/system/fixtures/stuck.ts', import.meta.url);
const sampleMs = 500;
const samplesMin = 9;
/** Before the first sample nothing may have been read for so many looks, and this much by each flow before. */
const quietLooks = 15;
const lookMs = 200;
const readMin = 1_024;
const fillMsMax = 120_000;
const characters = 100;
const lossy = 'a lossy edge';
/** Between two batches of 1,000, so that it leaves the others some of the thread. */
const lossyPauseMs = 5;

const [on, secondsText, only] = process.argv.slice(2);
if (only !== undefined && kinds[only] === undefined) throw new Error(`there is no flow "${only}"`);

const folder = await secretFolder();
const other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', registry.pathname]);
const auth = secret({ file: folder.file });
const system = await createSystem({ registry, threads: 1, join: [other.address], auth, logLevel: 'error' });
while (system.nodes.length === 0) await sleep(50);

const places = { here: {}, thread: { on: thread() }, node: { on: node({ role: 'workers' }) } };
const everywhere = await Promise.all(Object.values(places).map((place) => system.spawn(stuckActor, place)));
const flows = await Promise.all((only === undefined ? Object.keys(kinds) : [only]).map(start));
const isHeldBack = flows.map(({ kind }) => kind !== lossy);

await filled();
const before = await readings();
const [live, resident] = [[], []];
const endMs = performance.now() + Number(secondsText) * 1_000;
for (; performance.now() < endMs || live.length < samplesMin; await sleep(sampleMs)) {
  const each = await Promise.all(everywhere.map((one) => one.live({ timeoutMs: 60_000 })));
  live.push(sum(each));
  resident.push(sum([...processTree(process.pid).values()]));
}
const after = await readings();

const named = (is) => flows.filter((_, index) => isHeldBack[index] && is(index)).map(({ kind }) => kind);
const figure = {
  hop: on,
  flows: flows.length,
  seconds: Number(secondsText),
  samples: live.length,
  read: sum(before.filter((_, index) => isHeldBack[index])),
  stated: sum(flows.filter((_, index) => isHeldBack[index]).map(({ stated }) => stated)),
  liveMiB: firstAndLast(live),
  residentMiB: firstAndLast(resident),
  grown: named((index) => after[index] !== before[index]),
  beyond: named((index) => after[index] > flows[index].stated),
};
process.stdout.write(`${JSON.stringify(figure)}\n`);
for (const { tap, run } of flows) {
  tap.release();
  run.done.catch(() => undefined);
}
await Promise.all(flows.map(({ run }) => run.cancel()));
await system.shutdown({ deadlineMs: 500 });
await endNode(other);
await folder.remove();

async function start(kind) {
  const ref = kind.includes('actor') ? { ref: await system.spawn(stuckActor, places[on]) } : {};
  const args = { kind, on, run: kind, characters, pauseMs: kind === lossy ? lossyPauseMs : 0, ...ref };
  const run = await system.run(stuckFlow, { args });
  return { kind, run, tap: tapOf(kind), stated: stuckFlow.bounds(args).elements, ...ref };
}

/** What each flow has read, less what went past what is stuck. */
function readings() {
  return Promise.all(
    flows.map(({ kind, tap, ref }) => {
      if (kind.endsWith('stream of an actor')) return ref.given();
      return kind === 'one branch of a partition' ? tap.read - tap.passed : tap.read;
    }),
  );
}

/** Waits until each has read a batch or more, and then none reads any more but the lossy one. */
async function filled() {
  const began = performance.now();
  for (let [last, looks] = ['', 0]; looks < quietLooks; await sleep(lookMs)) {
    const read = (await readings()).filter((_, index) => isHeldBack[index]);
    looks = String(read) === last && read.every((one) => one >= readMin) ? looks + 1 : 0;
    last = String(read);
    if (performance.now() - began > fillMsMax) throw new Error(`after ${fillMsMax} ms the flows still read: ${last}`);
  }
}

function firstAndLast(bytes) {
  const third = Math.floor(bytes.length / 3);
  return [bytes.slice(0, third), bytes.slice(-third)].map((some) => Math.round(sum(some) / some.length / 2 ** 20));
}

function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}
