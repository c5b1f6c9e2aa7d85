/** Erlang/OTP as a contestant: `troupe_peer.erl`, compiled when it is first needed into a folder that goes at exit. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = new URL('troupe_peer.erl', import.meta.url).pathname;
let compiled;

/** @param flags those of the VM, such as its number of schedulers. */
export function erlang(name, flags) {
  return {
    name,
    ours: false,
    runtime: 'erlang',
    unavailable() {
      const found = spawnSync('erlc', ['-h'], { stdio: 'ignore' }).error === undefined;
      if (!found) return 'erl and erlc are not installed; on Debian, npm run bench -- --install-peers does so as root';
      compiled ??= compile();
      return compiled.error;
    },
    command: (program, mode, count) => [
      'erl',
      ...flags,
      '-noshell',
      '-pa',
      compiled.folder,
      '-eval',
      `troupe_peer:run('${program}', ${count}, ${mode}).`,
    ],
  };
}

function compile() {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-peer-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const { status, stdout, stderr } = spawnSync('erlc', ['-o', folder, source], { encoding: 'utf8' });
  return status === 0 ? { folder } : { folder, error: `${source} does not compile: ${stdout}${stderr}`.trim() };
}
