/**
 * node scripts/on-each-node.mjs [--only 22,24] -- <command> [arguments]
 *
 * Runs the command once with each version of Node that Troupe supports beyond the one at hand, first in PATH, so that
 * npm and npx run under it too. Prints a line for each version, and exits 1 when the command failed with one of them.
 *
 * The binaries come from the packages node-<platform>-<arch> of npm, which need no install script. They are kept in
 * the folder that TROUPE_NODES names, or in node_modules/.cache/nodes, and fetched again only where they are missing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const versions = ['22', '24', '26'];

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const [command, ...args] = positionals;
const chosen = values.only === undefined ? versions : values.only.split(',');
const unknown = chosen.filter((version) => !versions.includes(version));
if (command === undefined || unknown.length > 0) {
  if (unknown.length > 0)
    console.error(`No such version here: ${unknown.join(', ')}; there are ${versions.join(', ')}.`);
  console.error('usage: node scripts/on-each-node.mjs [--only 22,24] -- <command> [arguments]');
  process.exit(2);
}

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = process.env.TROUPE_NODES ?? join(repository, 'node_modules', '.cache', 'nodes');
const isWindows = process.platform === 'win32';
const packageName = `node-${isWindows ? 'win' : process.platform}-${process.arch}`;

let failures = 0;
for (const version of chosen) {
  const startedMs = performance.now();
  const result = await runWith(version);
  if (result !== 'passed') failures++;
  console.log(`node ${version}: ${command} ${args.join(' ')}: ${result} after ${seconds(startedMs)} s`);
}
process.exit(failures === 0 ? 0 : 1);

async function runWith(version) {
  let folder;
  try {
    folder = binFolderOf(version);
  } catch (error) {
    return `not run (${error.message})`;
  }
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  return await new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', env, shell: isWindows });
    child.on('error', (error) => resolve(`failed (${error.message})`));
    child.on('exit', (code, signal) => resolve(code === 0 ? 'passed' : `failed (${signal ?? `exit code ${code}`})`));
  });
}

/** The folder with the binary of a version, fetched where it is missing or does not run. */
function binFolderOf(version) {
  const prefix = join(cache, version);
  const folder = join(prefix, 'node_modules', packageName, 'bin');
  if (runs(folder, version)) return folder;
  mkdirSync(prefix, { recursive: true });
  const npmArgs = ['install', '--prefix', prefix, `${packageName}@${version}`];
  const { status, error, stderr } = spawnSync('npm', [...npmArgs, '--ignore-scripts', '--no-audit', '--no-fund'], {
    encoding: 'utf8',
    shell: isWindows,
  });
  if (status !== 0)
    throw new Error(`npm could not install ${packageName}@${version}: ${error?.message ?? stderr.trim()}`);
  if (!runs(folder, version)) throw new Error(`${folder} holds no Node ${version} that runs on this machine`);
  return folder;
}

function runs(folder, version) {
  const { stdout } = spawnSync(join(folder, isWindows ? 'node.exe' : 'node'), ['--version'], { encoding: 'utf8' });
  return stdout?.startsWith(`v${version}.`) ?? false;
}

function seconds(sinceMs) {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1);
}
