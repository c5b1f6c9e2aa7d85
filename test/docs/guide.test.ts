/** Every block of the guide is compiled strictly and run, outside of the repository, with the package as it is packed. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, freshProject, type Project } from '../package/project.ts';
import { type Command, fits, type Page, pageOf, strayFragments } from './pages.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'docs/guide');
const pages = await Promise.all(
  (await readdir(folder))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map(async (name) => pageOf(name.slice(0, -3), await readFile(join(folder, name), 'utf8'))),
);
/** Commands that stay until they are told to stop; they print a line when others can go on. */
const serves = /^npx troupe node /;
/** Programs at once: a machine with two cores has others to run. */
const atOnce = 2;

describe('the guide', () => {
  let project: Project;
  let compiled: Finished;
  const ran = new Map<string, readonly Printed[]>();

  beforeAll(async () => {
    const start = pages.find(({ name }) => name === 'start')!;
    project = await freshProject('zod@4', 'rxjs@7', 'typescript@6.0.3', '@types/node@20');
    await project.run('npm', 'pkg', 'set', 'type=module');
    await project.write({ 'tsconfig.json': start.files.get('tsconfig.json')! });
    for (const page of pages) await write(project, page);
    compiled = await project.run('npx', '--no-install', 'tsc');
    const waiting = pages.filter(({ commands }) => commands.length > 0);
    const lane = async (): Promise<void> => {
      for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
        ran.set(page.name, await commandsOf(page, join(project.folder, page.name)));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }, 180_000);
  afterAll(() => project?.[Symbol.asyncDispose]());

  it('has a block to run on at least 10 pages', () => {
    expect(pages.filter(({ commands }) => commands.length > 0).length).toBeGreaterThanOrEqual(10);
  });

  it('sets a project up with commands that do what this test does', () => {
    expect(pages.flatMap(({ shell }) => shell)).toEqual([
      'npm init -y',
      'npm pkg set type=module',
      'npm install ./troupe-0.1.0.tgz zod rxjs',
      'npm install --save-dev typescript@6 @types/node@20',
    ]);
  });

  it('compiles under the strict tsconfig.json that its first page shows', () => {
    expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  for (const page of pages) {
    if (page.commands.length > 0) {
      it(`prints what ${page.name}.md says`, () => {
        for (const { command, stdout, stderr } of ran.get(page.name) ?? []) {
          if (fits(stdout, command.prints)) continue;
          expect(`$ ${command.line}\n${stdout}${stderr}`).toBe(`$ ${command.line}\n${command.prints}`);
        }
      });
    }
  }

  it('shows no fragment that stands neither in a file of its page nor in an example', async () => {
    const examples = await examplesOf(join(root, 'examples'));
    for (const page of pages) expect(strayFragments(page, examples)).toEqual([]);
  });

  it('links its pages from its index, and to nothing that does not exist', async () => {
    const index = await readFile(join(folder, 'README.md'), 'utf8');
    for (const { name } of pages) if (name !== 'README') expect(index).toContain(`](${name}.md)`);
    for (const { name } of pages) {
      const text = await readFile(join(folder, `${name}.md`), 'utf8');
      for (const [, path] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) await readFile(join(folder, path!));
    }
  });
});

interface Printed {
  readonly command: Command;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs what a page says one after the other; what serves is stopped at the end. */
async function commandsOf(page: Page, cwd: string): Promise<readonly Printed[]> {
  const printed: Printed[] = [];
  const servers: (() => Promise<void>)[] = [];
  for (const command of page.commands) {
    // Ports are written out in the pages, and may be taken on the machine of the test.
    const { line, prints } = ports.size === 0 ? command : withPorts(command);
    const stays = serves.test(line);
    // In a group of its own: npx does not hand every signal on to what it runs.
    const child = spawn('sh', ['-c', line], { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const signal = (name: NodeJS.Signals): void => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, name);
    };
    let stdout = '';
    let stderr = '';
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const spoke = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const deadline = setTimeout(() => signal('SIGKILL'), 30_000);
    if (stays) {
      servers.push(async () => {
        signal('SIGTERM');
        await closed;
        clearTimeout(deadline);
        printed.push({ command: { line, prints }, stdout, stderr });
      });
      await Promise.race([spoke, closed]);
      continue;
    }
    await closed;
    clearTimeout(deadline);
    printed.push({ command: { line, prints }, stdout, stderr });
  }
  for (const stop of servers) await stop();
  return printed;
}

/** Ports that pages name, and the free ones in their place. */
const ports = new Map<string, string>();
const named = /(?<=127\.0\.0\.1:)7\d{3}\b/g;

async function write(project: Project, { name, files, commands }: Page): Promise<void> {
  const texts = [...files.values(), ...commands.map(({ line }) => line)];
  for (const [port] of texts.join('\n').matchAll(named)) if (!ports.has(port)) ports.set(port, await freePort());
  const into = join(project.folder, name);
  await mkdir(into);
  for (const [file, text] of files) {
    if (file !== 'tsconfig.json') await writeFile(join(into, file), replaced(text));
  }
}

function replaced(text: string): string {
  return text.replace(named, (port) => ports.get(port) ?? port);
}

function withPorts({ line, prints }: Command): Command {
  return { line: replaced(line), prints: replaced(prints) };
}

function freePort(): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? String(address.port) : '0'));
    });
  });
}

async function examplesOf(path: string): Promise<readonly string[]> {
  const names = await readdir(path, { recursive: true });
  return Promise.all(names.filter((name) => name.endsWith('.ts')).map((name) => readFile(join(path, name), 'utf8')));
}
