/**
 * `npm run bench`: runs the rows of `bench/rows.mjs`, each in a process of its own, against the built package.
 *
 * Prints one JSON line a row as it is measured, then a table. Options:
 *   --check          exit with 1 where a floor (or, of a contest, a goal) is missed
 *   --only <part>    the rows whose name contains it
 *   --rounds <n>     rounds that count, 7 unless given
 *   --quick          tiny counts: shows that every row runs, measures nothing
 *   --no-build       takes `dist/` as it is
 *
 * Or runs the programs of `bench/programs.mjs` instead, in turns, and prints one JSON line a program and contestant,
 * then a table with ratios:
 *   --local          ours alone, in both isolations
 *   --peers          ours and the peers; what is not installed is named as not run
 *   --links          the links of ours and the peers instead, between two processes: one way, and requests 64 at a time
 *   --streams        streams of ours and the peers instead, on one thread, with the same operators; then the rows of flows,
 *                    over threads and nodes too
 *   --against <part> with --peers, --links or --streams: only the peers whose name contains it
 *   --install-peers  installs the peers first: npm's into bench/peers, Erlang and the servers by apt where that is the machine's way
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { rows } from '../bench/rows.mjs';
import { runContests } from './bench-contests.mjs';
import { installPeers } from './bench-install-peers.mjs';

const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    links: { type: 'boolean', default: false },
    streams: { type: 'boolean', default: false },
    against: { type: 'string', default: '' },
    'install-peers': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds takes a whole number of at least 1, not ${options.rounds}`);
if (options['install-peers']) {
  installPeers();
  if (!options.peers && !options.links && !options.streams) process.exit(0);
}
if (options.local || options.peers || options.links || options.streams) {
  const { only, against, quick, peers, links, streams, check } = options;
  const failed = await runContests({ only, against, quick, peers, links, streams, check, rounds, build, fail });
  if (failed || !streams) process.exit(failed ? 1 : 0);
}
const candidates = options.streams ? rows.filter(({ row }) => row.startsWith('flow ')) : rows;
const chosen = candidates.filter((row) => row.row.includes(options.only));
if (chosen.length === 0 && options.streams) process.exit(0);
if (chosen.length === 0) fail(`no row's name contains "${options.only}"`);
if (!options.streams) build();

const budgets = JSON.parse(readFileSync(path('bench/budgets.json'), 'utf8'));
const results = [];
for (const row of chosen) {
  const result = judged(await measured(row), budgets[row.row]);
  results.push(result);
  console.log(JSON.stringify(result));
}
printTable(results);
const missed = results.filter((result) => !result.ok);
if (options.check && missed.length > 0 && !options.quick)
  fail(`${missed.length} of ${results.length} rows miss their floor`);
process.exit(results.some((result) => result.error !== undefined) ? 1 : 0);

/** Runs one row's process. A row that fails is a result too: the others still run. */
function measured(row) {
  const args = [
    ...(row.flags ?? []),
    path('bench/run-row.mjs'),
    row.row,
    String(rounds),
    options.quick ? 'quick' : 'full',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const line = output.trimEnd().split('\n').at(-1) ?? '';
      if (code === 0 && line.startsWith('{')) resolve(JSON.parse(line));
      else
        resolve({ row: row.row, ratio: null, error: errors.trim().slice(0, 2_000) || `ended with ${signal ?? code}` });
    });
  });
}

/** A result with its floor and goal, and whether it holds the floor. */
function judged({ row, ratio, ...details }, { better, floor, goal, unit }) {
  const ok = ratio !== null && (better === 'higher' ? ratio >= floor : ratio <= floor);
  return { row, ratio, floor, goal, ok, unit, better, ...details };
}

function printTable(all) {
  const width = Math.max(...all.map(({ row }) => row.length));
  console.log(`\n${'row'.padEnd(width)}  ${'measured'.padStart(9)} ${'floor'.padStart(8)} ${'goal'.padStart(8)}`);
  for (const { row, ratio, floor, goal, ok, better, unit, error } of all) {
    const sign = better === 'higher' ? '≥' : '≤';
    const figures = `${String(ratio ?? '–').padStart(9)} ${(sign + floor).padStart(8)} ${(sign + goal).padStart(8)}`;
    console.log(
      `${row.padEnd(width)}  ${figures}  ${ok ? 'ok    ' : 'MISSED'} ${error === undefined ? unit : 'failed, see above'}`,
    );
  }
}

function build() {
  if (options['no-build']) return;
  const { status } = spawnSync(process.execPath, [path('scripts/build.mjs')], { stdio: 'inherit' });
  if (status !== 0) fail('the package does not build');
}

function path(relative) {
  return new URL(`../${relative}`, import.meta.url).pathname;
}

function fail(why) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
