/**
 * A project with the packed package in it, and links to the packages that this repository has installed: made in a second,
 * without a registry. `test/package` installs it as people do.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Project } from '../package/project.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** @param packages what is linked; the build must be there (npm run build) */
export async function linkedProject(packages: readonly string[]): Promise<Project> {
  const outer = await realpath(await mkdtemp(join(tmpdir(), 'troupe-linked-')));
  const project = new Project(join(outer, 'my-app'));
  const modules = join(project.folder, 'node_modules');
  await mkdir(join(modules, 'troupe'), { recursive: true });
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', outer], { cwd: root });
  const tarball = (await readdir(outer)).find((name) => name.endsWith('.tgz'))!;
  await run('tar', ['xzf', join(outer, tarball), '-C', join(modules, 'troupe'), '--strip-components=1']);
  for (const name of packages) {
    if (name.startsWith('@')) await mkdir(join(modules, name.split('/')[0]!), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  return project;
}

/** What the package needs to run. */
export const needed: readonly string[] = ['msgpackr', 'nanoid', 'pino', 'rxjs', 'ws', 'zod'];
