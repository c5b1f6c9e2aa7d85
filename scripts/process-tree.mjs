// The processes that a process started, and their memory, from /proc.
import { readdirSync, readFileSync } from 'node:fs';

/** The id and those of all its living descendants. */
export function treeOf(processId) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const tree = new Set([processId]);
  let size = 0;
  while (size !== tree.size) {
    size = tree.size;
    for (const [id, parent] of parents) if (tree.has(parent)) tree.add(id);
  }
  return [...tree];
}

/** Bytes of the resident set; 0 when the process is gone. */
export function residentBytesOf(processId) {
  try {
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function parentOf(processId) {
  try {
    // The name in parentheses may hold anything, spaces and parentheses too.
    const fields = readFileSync(`/proc/${processId}/stat`, 'utf8');
    return Number(fields.slice(fields.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
