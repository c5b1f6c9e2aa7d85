// Shows that a slow sink costs no memory: node scripts/flights-memory.mjs
//
// Runs the main job in full, and 300,000 rows of it into a sink that takes 1 ms a line. Samples the resident sets of all
// its processes, summed, every 100 ms from the first row on. The slow run's peak may be 1.5 times the plain run's.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { processTree } from './process-tree.mjs';

const ratioMax = 1.5;
const sampleMs = 100;
const main = fileURLToPath(new URL('../dist-examples/flights/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-memory-'));

try {
  const plain = await peakOf('plain full run', []);
  const slow = await peakOf('--slow-sink 1 --rows 300000', ['--slow-sink', '1', '--rows', '300000']);
  const ratio = slow / plain;
  console.log(`ratio ${ratio.toFixed(2)}, at most ${ratioMax}`);
  if (!(ratio <= ratioMax)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function peakOf(name, options) {
  const startedMs = performance.now();
  const out = join(folder, 'out.jsonl');
  const child = spawn(process.execPath, [main, '--out', out, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let peak = 0;
  let samples = 0;
  let timer;
  const sample = () => {
    samples += 1;
    const residentBytes = [...processTree(child.pid).values()].reduce((sum, bytes) => sum + bytes, 0);
    peak = Math.max(peak, residentBytes);
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (timer === undefined && /: [1-9][\d,]* of [\d,]+ rows/.test(line)) timer = setInterval(sample, sampleMs);
  }
  clearInterval(timer);
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
  if (samples === 0) throw new Error(`${name} gave no sample`);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${name}: peak ${(peak / 2 ** 20).toFixed(0)} MiB resident, ${samples} samples, ${seconds} s`);
  return peak;
}
