// The processes that a process started, and their memory: from /proc, or from ps where there is none, as on macOS.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/status');

/**
 * The process and all its living descendants, with the bytes of their resident sets.
 * @returns {Map<number, number>}
 */
export function processTree(processId) {
  const all = hasProc ? fromProc() : fromPs();
  const tree = new Map();
  let size = -1;
  while (size !== tree.size) {
    size = tree.size;
    for (const { id, parent, residentBytes } of all) {
      if (id === processId || tree.has(parent)) tree.set(id, residentBytes);
    }
  }
  return tree;
}

/** False for one that has ended and that nobody has asked for its exit code yet. */
export function isAlive(processId) {
  return (processTree(processId).get(processId) ?? 0) > 0;
}

function fromProc() {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    let status;
    try {
      status = readFileSync(`/proc/${name}/status`, 'utf8');
    } catch {
      return []; // It has ended since.
    }
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
    return [{ id: Number(name), parent, residentBytes: 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) }];
  });
}

function fromPs() {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => {
    const [id, parent, kibibytes] = line.trim().split(/\s+/).map(Number);
    return { id, parent, residentBytes: 1_024 * kibibytes };
  });
}
