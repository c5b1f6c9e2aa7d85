// Shows that a consumer on another thread that takes nothing costs no memory, however it is sent to:
//   node scripts/threads-memory.mjs [--seconds 60] [--seed 1] [--way tells]
//
// The main thread and a second worker go on sending: by tells whatever these answer, by offers, by tells to a thread that
// is blocked, by a stream, by a flow. The resident set of the process is sampled once everything has filled up: its mean over
// the last third of the samples may be 1.1 times that of the first third, or 1.2 times in less than 30 s. Then the consumer
// goes on, and everything that was accepted must have been taken, or be counted as refused. Prints one JSON line each, and
// exits with 1 where one fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ways = ['tells', 'offers', 'blocked', 'stream', 'flow'];
/** With less time than this, garbage is collected before each sample: else it comes and goes within some seconds. */
const secondsUncollected = 30;
const samplesMin = 6;

const text = { type: 'string' };
const options = { seconds: { ...text, default: '60' }, seed: { ...text, default: '1' }, way: text };
const { seconds, seed, way } = parseArgs({ options }).values;
if (!(Number(seconds) >= 4) || !(Number(seed) >= 0) || (way !== undefined && !ways.includes(way))) {
  console.error(`--seconds takes 4 or more, --seed a number from 0 up, --way one of ${ways.join(', ')}`);
  process.exit(2);
}

const isShort = Number(seconds) < secondsUncollected;
const ratioMax = isShort ? 1.2 : 1.1;
const one = fileURLToPath(new URL('./threads-memory/one.mjs', import.meta.url));
const failures = (way === undefined ? ways : [way]).map(failureOf).filter((why) => why !== undefined);
for (const why of failures) console.error(why);
if (failures.length > 0) process.exitCode = 1;

/** Runs one way, and says what is wrong with it. */
function failureOf(name) {
  // Refused offers are so few that their garbage is not collected within minutes by itself.
  const nodeOptions = isShort || name === 'offers' ? ['--expose-gc'] : [];
  const { stdout, status, signal } = spawnSync(process.execPath, [...nodeOptions, one, name, seconds, seed], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: Number(seconds) * 1_000 + 120_000,
  });
  process.stdout.write(stdout);
  if (status !== 0) return `${name}: ended with ${status ?? signal}`;
  const { ratio, conserved, samples, deadLetters } = JSON.parse(stdout);
  if (!conserved) return `${name}: the sums do not agree`;
  // Tells go on whatever they answer, so they must have come to the end of the bounds.
  if (deadLetters === 0 && name !== 'offers') return `${name}: nothing was refused, so no bound was reached`;
  if (samples < samplesMin) return `${name}: ${samples} samples are too few, the machine is too busy`;
  return ratio <= ratioMax ? undefined : `${name}: the ratio is ${ratio}, and may be ${ratioMax}`;
}
