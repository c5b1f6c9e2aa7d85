/** `npm run bench -- --install-peers`: what the benchmarks run beside us. None of it is a dependency of the product. */
import { spawnSync } from 'node:child_process';

const peers = new URL('../bench/peers/', import.meta.url).pathname;

/** Installs what this machine takes, and says what it does not: a benchmark runs without it too. */
export function installPeers() {
  run('npm', ['ci', '--no-audit', '--no-fund'], peers);
  if (spawnSync('erlc', ['-h'], { stdio: 'ignore' }).error === undefined) return;
  run('apt-get', ['update'], peers);
  run('apt-get', ['install', '--yes', '--no-install-recommends', 'erlang-base'], peers);
}

function run(command, args, cwd) {
  console.log(`${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) console.error(`bench: ${command} ${args[0]} failed (${error?.message ?? `status ${status}`})`);
}
