// Builds the package into dist/ and the examples into dist-examples/. Says nothing and does nothing when both are new.
//
// The stamps and tsc's own build info lie in dist-examples/, which is neither packed nor committed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const keep = join(root, 'dist-examples', '.build');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

mkdirSync(keep, { recursive: true });
build({ name: 'package', from: 'src', to: 'dist', config: 'tsconfig.json', after: [] });
makeExecutable(join(root, 'dist', 'cli', 'main.js'));
build({
  name: 'examples',
  from: 'examples',
  to: 'dist-examples',
  config: 'tsconfig.examples.json',
  after: ['package'],
});

function build({ name, from, to, config, after }) {
  const stampFile = join(keep, `${name}.stamp`);
  const infoFile = join(keep, `${name}.tsbuildinfo`);
  const stamp = stampOf([from, config, 'tsconfig.json', 'tsconfig.user.json', 'package-lock.json'], after);
  const outputs = outputsOf(from, to);
  const complete = outputs.every((output) => existsSync(output));
  if (complete && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  // tsc writes only what its build info calls changed, so outputs that somebody removed need a fresh start.
  if (!complete) rmSync(infoFile, { force: true });
  rmSync(stampFile, { force: true });
  const options = ['-p', config, '--incremental', '--tsBuildInfoFile', infoFile];
  const { status } = spawnSync(process.execPath, [tsc, ...options], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  removeStale(join(root, to), new Set(outputs));
  writeFileSync(stampFile, stamp);
}

/** A digest of what the outputs depend on: names, sizes and times of the files, and the stamps of earlier parts. */
function stampOf(paths, after) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths.flatMap((path) => filesUnder(join(root, path)))) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
  }
  for (const name of after) hash.update(readFileSync(join(keep, `${name}.stamp`)));
  return hash.digest('hex');
}

function outputsOf(from, to) {
  return filesUnder(join(root, from))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => join(root, to, `${relative(join(root, from), path).slice(0, -3)}.js`));
}

/** A module whose source is gone would still be found, and packed. */
function removeStale(folder, outputs) {
  for (const path of filesUnder(folder)) {
    const output = path.replace(/(\.d\.ts|\.d\.ts\.map|\.js\.map)$/, '.js');
    if (output.endsWith('.js') && !outputs.has(output)) rmSync(path);
  }
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  return names.filter((name) => !name.startsWith('.')).flatMap((name) => filesUnder(join(path, name)));
}

function makeExecutable(path) {
  if (existsSync(path)) chmodSync(path, 0o755);
}
