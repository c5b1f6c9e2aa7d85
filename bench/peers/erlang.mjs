/** Erlang/OTP as a contestant: the modules beside this one, compiled when first needed into a folder that goes at exit. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../links/server.mjs';

const sources = ['troupe_rounds', 'troupe_peer', 'troupe_link'].map(
  (module) => new URL(`${module}.erl`, import.meta.url).pathname,
);
let compiled;

/** @param flags those of the VM, such as its number of schedulers. */
export function erlang(name, flags) {
  return {
    name,
    ours: false,
    runtime: 'erlang',
    unavailable,
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

/** Its distribution, between two nodes that nobody else can join: they listen on loopback, and have a cookie of their own. */
export function erlangLink(name, { oneWayGoal, note }) {
  return {
    name,
    ours: false,
    note,
    oneWayGoal,
    unavailable,
    // Of both nodes, since the second is a child of the first.
    env: { ERL_AFLAGS: `-setcookie ${randomBytes(16).toString('hex')}` },
    async command(program, mode, count) {
      const port = await freePort();
      const withoutEpmd = ['-start_epmd', 'false', '-erl_epmd_port', String(port), '-dist_listen', 'false'];
      const call = `troupe_link:run('${program}', ${count}, ${mode}, ${port}, "${compiled.folder}").`;
      const where = ['-noshell', '-name', 'troupe_sender@127.0.0.1', '-pa', compiled.folder];
      return ['erl', ...where, ...withoutEpmd, '-eval', call];
    },
  };
}

function unavailable() {
  const found = spawnSync('erlc', ['-h'], { stdio: 'ignore' }).error === undefined;
  if (!found) return 'erl and erlc are not installed; on Debian, npm run bench -- --install-peers does so as root';
  compiled ??= compile();
  return compiled.error;
}

function compile() {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-peer-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const { status, stdout, stderr } = spawnSync('erlc', ['-o', folder, ...sources], { encoding: 'utf8' });
  return status === 0
    ? { folder }
    : { folder, error: `the modules in bench/peers do not compile: ${stdout}${stderr}`.trim() };
}
