/** An empty project as a newcomer makes one, with the packed package installed. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Project implements AsyncDisposable {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.folder, name), text);
  }

  /** Runs a command in the project; never rejects. */
  run(command: string, ...args: readonly string[]): Promise<Finished> {
    return finished(this.folder, command, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(join(this.folder, '..'), { recursive: true, force: true });
  }
}

/** `npm init -y`, and `npm install` of what `npm pack` makes. */
export async function freshProject(...packages: readonly string[]): Promise<Project> {
  const outer = await realpath(await mkdtemp(join(tmpdir(), 'troupe-package-')));
  const project = new Project(join(outer, 'my-app'));
  await mkdir(project.folder);
  await mustRun(root, 'npm', ['pack', '--silent', '--pack-destination', outer]);
  const tarball = (await readdir(outer)).find((name) => name.endsWith('.tgz'))!;
  await mustRun(project.folder, 'npm', ['init', '-y']);
  await mustRun(project.folder, 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    `../${tarball}`,
    ...packages,
  ]);
  return project;
}

async function mustRun(cwd: string, command: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await finished(cwd, command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
}

async function finished(cwd: string, command: string, args: readonly string[]): Promise<Finished> {
  // npm and vitest speak to their children through these; a newcomer's shell has none of them.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|VITEST|NODE_ENV|INIT_CWD)/i.test(name) || /^npm_config_/i.test(name),
    ),
  );
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env, timeout: 120_000 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    return {
      code: typeof code === 'number' ? code : -1,
      stdout,
      stderr: `${stderr}${typeof code === 'number' ? '' : String(error)}`,
    };
  }
}
