/** Servers that peers need: started on a loopback port, ended by their process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Starts `command`, and waits for the line that says that it is ready. @returns its id, that line's match, its end. */
export async function startServer(command, args, ready) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  const said = [];
  const match = await new Promise((resolve, reject) => {
    const look = (line) => {
      said.push(line);
      const found = ready.exec(line);
      if (found !== null) resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', look);
    exited.then(() => reject(new Error(`${command} ended: ${said.join('\n').slice(0, 2_000)}`)), reject);
  });
  return {
    pid: child.pid,
    match,
    async end() {
      child.kill();
      await exited;
    },
  };
}

/** A port of loopback that was free a moment ago, for those that cannot choose one themselves. */
export async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
