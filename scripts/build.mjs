// Builds the package into dist/, the examples into dist-examples/ and Nexmark into dist-bench/. Says nothing and does
// nothing when all are new.
//
// tsc checks the package and writes its types, a file for each module; esbuild writes its code, a file for each entry below
// and some for what they share. A worker loads the package for itself, and reading one file takes less than reading 300.
//
// The stamps and tsc's own build info lie in dist-examples/, which is neither packed nor committed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';

/** What people import, workers begin with, and the program loads by its URL: output to source. */
const entries = {
  index: 'index.ts',
  'streams/index': 'streams/index.ts',
  'streams/connect/csv': 'streams/connect/csv.ts',
  'streams/connect/http': 'streams/connect/http.ts',
  'streams/connect/parquet': 'streams/connect/parquet.ts',
  'streams/connect/websocket': 'streams/connect/websocket.ts',
  'streams/rx/index': 'streams/rx/index.ts',
  'streams/durable/index': 'streams/durable/index.ts',
  'eslint/index': 'eslint/index.ts',
  'testing/index': 'testing/index.ts',
  'client/node': 'client/node.ts',
  'worker-main': 'runtime/worker-main.ts',
  'cli/main': 'cli/main.ts',
  'cli/doctor-registry': 'cli/doctor-registry.ts',
};

/** The same for browsers, which get no actors and no systems: what protocols are declared with, and the client. */
const browserEntries = {
  'browser/index': 'browser.ts',
  'browser/client': 'client/index.ts',
};

/** Pages of examples: a module that a browser loads, with all that it needs. */
const pages = { 'ticker/page.bundle': 'ticker/page.ts' };

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const keep = join(root, 'dist-examples', '.build');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

mkdirSync(keep, { recursive: true });
await build({
  name: 'package',
  from: 'src',
  to: 'dist',
  config: 'tsconfig.json',
  after: [],
  emitsTypesOnly: true,
  bundles: [
    { entries, options: { splitting: true, packages: 'external', platform: 'node', target: 'node20.19' } },
    {
      entries: browserEntries,
      options: { splitting: true, packages: 'external', platform: 'browser', target: 'es2022' },
    },
  ],
});
chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755);
await build({
  name: 'examples',
  from: 'examples',
  to: 'dist-examples',
  config: 'tsconfig.examples.json',
  after: ['package'],
  emitsTypesOnly: false,
  bundles: [{ entries: pages, options: { minify: true, platform: 'browser', target: 'es2022' } }],
});

await build({
  name: 'nexmark',
  from: 'bench/nexmark',
  to: 'dist-bench',
  config: 'tsconfig.bench.json',
  after: ['package'],
  emitsTypesOnly: false,
  bundles: [],
});

/**
 * @param emitsTypesOnly Whether the code comes from the bundles, and tsc writes the types only.
 * @param bundles What esbuild writes: the entries of each, output to source, and how.
 */
async function build({ name, from, to, config, after, emitsTypesOnly, bundles }) {
  const stampFile = join(keep, `${name}.stamp`);
  const infoFile = join(keep, `${name}.tsbuildinfo`);
  const stamp = stampOf(
    [from, config, 'scripts/build.mjs', 'tsconfig.json', 'tsconfig.user.json', 'package-lock.json'],
    after,
  );
  const outputs = outputsOf(from, to, emitsTypesOnly ? '.d.ts' : '.js');
  const bundled = bundles.flatMap(({ entries }) => Object.keys(entries)).map((entry) => join(root, to, `${entry}.js`));
  const complete = [...outputs, ...bundled].every((output) => existsSync(output));
  if (complete && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  // tsc writes only what its build info calls changed, so outputs that somebody removed need a fresh start.
  if (!complete) rmSync(infoFile, { force: true });
  rmSync(stampFile, { force: true });
  const options = ['-p', config, '--incremental', '--tsBuildInfoFile', infoFile];
  if (emitsTypesOnly) options.push('--emitDeclarationOnly');
  const { status } = spawnSync(process.execPath, [tsc, ...options], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  // A module whose source is gone would still be found, and packed.
  const written = new Set(outputs);
  for (const one of bundles) for (const output of await bundleOf(from, to, one)) written.add(output);
  for (const path of filesUnder(join(root, to))) if (!written.has(path.replace(/\.map$/, ''))) rmSync(path);
  writeFileSync(stampFile, stamp);
}

/** @returns the files that it wrote, source maps left out. */
async function bundleOf(from, to, { entries, options }) {
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, source]) => ({ in: join(from, source), out })),
    outdir: to,
    chunkNames: `${options.platform === 'browser' ? 'browser/' : ''}shared/[name]-[hash]`,
    bundle: true,
    format: 'esm',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    ...options,
  });
  return Object.keys(metafile.outputs)
    .map((output) => join(root, output))
    .filter((output) => output.endsWith('.js'));
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

function outputsOf(from, to, ending) {
  return filesUnder(join(root, from))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => join(root, to, `${relative(join(root, from), path).slice(0, -3)}${ending}`));
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  return names.filter((name) => !name.startsWith('.')).flatMap((name) => filesUnder(join(path, name)));
}
