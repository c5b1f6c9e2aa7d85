// Shows that flows whose sinks take nothing cost no memory, with every kind of edge, over threads and over another node:
//   node scripts/flows-memory.mjs [--seconds 60] [--hop node] [--kind 'a merge']
//
// Runs all flows of test/system/fixtures/stuck.ts at once, each element with 100 characters, until none reads any more but
// the one with the lossy edge, which goes on losing elements. Then samples twice a second, all garbage collected before, what
// all threads of all processes hold live, and the resident sets of the processes, summed. The mean over the last third of the
// samples may be 8 MiB above that of the first third in what is live, and 1.1 times it in what is resident (1.2 times in
// less than 30 s). No flow may have read more than before, or more than its `flow.bounds` say. Prints one JSON line for each
// hop, and exits with 1 where one fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const hops = ['here', 'thread', 'node'];
const secondsShort = 30;
const liveGrowthMiBMax = 8;

const text = { type: 'string' };
const options = { seconds: { ...text, default: '60' }, hop: text, kind: text };
const { seconds, hop, kind } = parseArgs({ options }).values;
if (!(Number(seconds) >= 4) || (hop !== undefined && !hops.includes(hop))) {
  console.error(`--seconds takes 4 or more, --hop one of ${hops.join(', ')}`);
  process.exit(2);
}

const ratioMax = Number(seconds) < secondsShort ? 1.2 : 1.1;
const one = fileURLToPath(new URL('./flows-memory/one.mjs', import.meta.url));
const failures = (hop === undefined ? hops : [hop]).flatMap(failuresOf);
for (const why of failures) console.error(why);
if (failures.length > 0) process.exitCode = 1;

/** Runs the flows over one kind of hop, and says what is wrong. */
function failuresOf(name) {
  const args = ['--import', 'tsx', one, name, seconds, ...(kind === undefined ? [] : [kind])];
  const { stdout, status, signal } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: Number(seconds) * 1_000 + 180_000,
  });
  process.stdout.write(stdout);
  if (status !== 0) return [`${name}: ended with ${status ?? signal}`];
  const { liveMiB, residentMiB, grown, beyond } = JSON.parse(stdout);
  const wrong = [];
  if (grown.length > 0) wrong.push(`${name}: flows went on reading: ${grown.join(', ')}`);
  if (beyond.length > 0) wrong.push(`${name}: flows hold more than their bounds: ${beyond.join(', ')}`);
  if (liveMiB[1] - liveMiB[0] > liveGrowthMiBMax)
    wrong.push(`${name}: ${liveMiB.join(' MiB became ')} MiB, and may grow by ${liveGrowthMiBMax}`);
  if (residentMiB[1] / residentMiB[0] > ratioMax)
    wrong.push(`${name}: ${residentMiB.join(' MiB became ')} MiB resident, and may become ${ratioMax} times as much`);
  return wrong;
}
