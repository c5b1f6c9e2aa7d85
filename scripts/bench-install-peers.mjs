/** `npm run bench -- --install-peers`: what the benchmarks run beside us. None of it is a dependency of the product. */
import { spawnSync } from 'node:child_process';

const peers = new URL('../bench/peers/', import.meta.url).pathname;

/** Debian's packages, each with a command by which one sees that it is here. */
const packages = {
  'erlang-base': ['erlc', '-h'],
  'nats-server': ['nats-server', '-v'],
  'redis-server': ['redis-server', '-v'],
};

/** Installs what this machine takes, and says what it does not: a benchmark runs without it too. */
export function installPeers() {
  run('npm', ['ci', '--no-audit', '--no-fund'], peers);
  const missing = Object.keys(packages).filter((name) => {
    const [command, ...args] = packages[name];
    return spawnSync(command, args, { stdio: 'ignore' }).error !== undefined;
  });
  if (missing.length === 0) return;
  run('apt-get', ['update'], peers);
  // One by one: what is not to be had keeps none of the others away.
  for (const name of missing) run('apt-get', ['install', '--yes', '--no-install-recommends', name], peers);
}

function run(command, args, cwd) {
  console.log(`${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) console.error(`bench: ${command} ${args[0]} failed (${error?.message ?? `status ${status}`})`);
}
