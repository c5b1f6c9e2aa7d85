/** The receiving process of a peer, as seen by the sender. It ends with the sender, and so does a server that it started. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `receive(settings)` of `module` in a process of its own.
 *
 * @returns what it said of its address, the ids of its process and its server, and what ends them.
 */
export async function startReceiver(module, settings = {}) {
  const main = new URL('./run-receiver.mjs', import.meta.url);
  // Standard output is where this process answers, so nobody else writes there.
  const child = fork(main, [module, JSON.stringify(settings)], { stdio: ['ignore', 2, 2, 'ipc'] });
  const exited = once(child, 'exit');
  const [said] = await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => [{ error: `it ended with ${code}` }]),
  ]);
  if (said.error !== undefined) throw new Error(`the receiving process: ${said.error}`);
  child.once('exit', (code) => {
    if (code !== 0) for (const pid of said.serverPids) endedAnyway(pid);
  });
  return {
    address: said.address,
    pids: [child.pid, ...said.serverPids],
    async end() {
      child.disconnect();
      await exited;
    },
  };
}

/** Of a server whose keeper was killed. */
function endedAnyway(pid) {
  try {
    process.kill(pid);
  } catch {
    // It had ended.
  }
}
