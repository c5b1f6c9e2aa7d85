// Runs test/system/namespaces.test.ts, two nodes in two network namespaces, where this machine lets it:
//   node scripts/network-namespaces.mjs [options of vitest]
//
// Needs root and `ip`. Elsewhere it says why it is not run, and exits with 77, which is no success and no failure.
import { spawnSync } from 'node:child_process';

const notRun = 77;
const probe = `troupe-${process.pid}-probe`;

const why = reason();
if (why !== undefined) {
  console.log(`not run here, because ${why}`);
  process.exit(notRun);
}
const { status } = spawnSync('npx', ['vitest', 'run', 'test/system/namespaces.test.ts', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, TROUPE_NAMESPACES: '1' },
});
process.exit(status ?? 1);

/** Why no namespaces with a cable between them can be made here, by trying. */
function reason() {
  if (process.platform !== 'linux') return `network namespaces are of Linux, and this is ${process.platform}`;
  const made = ip('netns', 'add', probe);
  if (made !== undefined) return made;
  const cable = ip('-n', probe, 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1');
  return ip('netns', 'del', probe) ?? cable;
}

function ip(...args) {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error !== undefined) return `\`ip\` cannot be run (${error.code})`;
  return status === 0 ? undefined : `\`ip ${args.join(' ')}\` failed: ${stderr.trim()}`;
}
