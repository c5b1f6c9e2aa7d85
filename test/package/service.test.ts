/** A small service as somebody outside would write it, from the packed package: counters on threads behind HTTP. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshProject, type Project } from './project.ts';

/** JavaScript that is TypeScript as it stands. */
const files = {
  actors: `
import { actor, ask, protocol, registry } from 'troupe';
import * as z from 'zod';

export const Counter = protocol('counter', { hit: ask({ output: z.int() }), hits: ask({ output: z.int() }) });
export const counter = actor(Counter, { args: z.object({}), state: () => ({ hits: 0 }) }, {
  hit: async (state, _message, ctx) => {
    await ctx.delay(2);
    state.hits += 1;
    return state.hits;
  },
  hits: (state) => state.hits,
});
export default registry(counter);
`,
  main: `
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createSystem, thread } from 'troupe';
import { counter } from './actors.mjs';

const threads = () => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0);
await readFile(new URL(import.meta.url)); // Node has all threads of its own from here on.
const threadsBefore = threads();

const system = await createSystem({
  registry: new URL('./actors.mjs', import.meta.url),
  threads: 2,
  shutdownOnSignals: { deadlineMs: 4_000 },
});
const [a, b] = await Promise.all([system.spawn(counter, { on: thread() }), system.spawn(counter, { on: thread() })]);

const server = createServer(async (request, response) => {
  const outcome = await (request.url === '/a' ? a : b).hit.outcome();
  if (!server.listening) response.setHeader('connection', 'close');
  response.writeHead(outcome.ok ? 200 : 503).end(outcome.ok ? String(outcome.value) : outcome.error.code);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())));

system.onShutdown('stop-accepting', () => new Promise((resolve) => server.close(() => resolve())));
system.onShutdown('drain', async () => console.log(JSON.stringify({ a: await a.hits(), b: await b.hits() })));
process.once('SIGTERM', async () => {
  const { clean, reason, threads: forced } = await system.shutdown();
  console.log(JSON.stringify({ clean, reason, forced, threadsLeft: threads() - threadsBefore }));
});
`,
};

const tsconfig = {
  compilerOptions: { target: 'es2023', module: 'nodenext', strict: true, types: ['node'] },
  files: ['main.mts'],
};

/** Asks for '/a' and '/b' by turns, 32 at a time, until nobody listens any more. */
class Load {
  readonly answered: { a: number; b: number } = { a: 0, b: 0 };
  readonly others: string[] = [];
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #lanes: Promise<unknown>;

  constructor(port: number) {
    this.#port = port;
    this.#lanes = Promise.all(Array.from({ length: 32 }, (_, n) => this.#lane(n)));
  }

  async ended(): Promise<void> {
    await this.#lanes;
    this.#agent.destroy();
  }

  async #lane(n: number): Promise<void> {
    for (let at = n; ; at += 1) {
      const counter = at % 2 === 0 ? 'a' : 'b';
      const ended = await this.#get(`/${counter}`);
      if (ended === 200) this.answered[counter] += 1;
      else this.others.push(String(ended));
      if (typeof ended === 'string') return;
    }
  }

  /** The status, or the code of the error. */
  #get(path: string): Promise<number | string> {
    return new Promise((resolve) => {
      const sent = request({ port: this.#port, host: '127.0.0.1', path, agent: this.#agent }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode!));
      });
      sent.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      sent.end();
    });
  }
}

describe('a service with counters on 2 threads, from the packed package', () => {
  let project: Project;
  beforeAll(async () => {
    project = await freshProject('typescript@6.0.3', '@types/node@20');
  }, 120_000);
  afterAll(() => project?.[Symbol.asyncDispose]());

  async function serveUnderLoad(): Promise<void> {
    const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, ['main.mjs'], {
      cwd: project.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = { text: '', errors: '' };
    child.stderr.on('data', (text) => {
      out.errors += text;
    });
    const exited = once(child, 'close');
    try {
      const [first] = await Promise.race([once(child.stdout, 'data'), exited.then(() => [out.errors])]);
      child.stdout.on('data', (text) => {
        out.text += text;
      });
      const load = new Load((JSON.parse(String(first)) as { port: number }).port);
      for (let tries = 0; load.answered.a + load.answered.b < 300 && tries < 1_000; tries += 1) await sleep(10);
      const toldMs = performance.now();
      child.kill('SIGTERM');
      const [code] = await exited;
      await load.ended();

      expect({ code, stderr: out.errors }).toEqual({ code: 0, stderr: '' });
      expect(performance.now() - toldMs).toBeLessThan(4_500);
      const [hits, report] = out.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      expect(report).toEqual({ clean: true, reason: 'SIGTERM', forced: [], threadsLeft: 0 });
      // Each lane ended because nobody listened, or its idle connection was closed; nothing was refused by an actor.
      expect(load.others).toHaveLength(32);
      expect(load.others.filter((ended) => !/^(ECONNREFUSED|ECONNRESET|EPIPE)$/.test(ended))).toEqual([]);
      expect(hits).toEqual(load.answered);
      expect(load.answered.a + load.answered.b).toBeGreaterThanOrEqual(300);
    } finally {
      child.kill('SIGKILL');
    }
  }

  it('in JavaScript ends by SIGTERM under load with exit code 0 and no thread, all answers counted', async () => {
    await project.write({ 'actors.mjs': files.actors, 'main.mjs': files.main });
    await serveUnderLoad();
  });

  it('does so in TypeScript too, compiled strictly', async () => {
    await project.write({
      'actors.mts': files.actors,
      'main.mts': files.main,
      'tsconfig.json': JSON.stringify(tsconfig),
    });
    expect(await project.run('npx', '--no-install', 'tsc')).toMatchObject({ code: 0, stdout: '' });
    await serveUnderLoad();
  }, 60_000);
});
