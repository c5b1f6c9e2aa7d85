/** Whether somebody may be looking at this process with a debugger: its threads may then stand still for as long as they like. */
import type * as Inspector from 'node:inspector';

/** True while the inspector listens, as with `--inspect`. Some builds of Node have none, so it is not imported. */
export function isInspected(): boolean {
  if (!process.features.inspector) return false;
  const inspector = process.getBuiltinModule('node:inspector') as typeof Inspector | undefined;
  return inspector?.url() !== undefined;
}
