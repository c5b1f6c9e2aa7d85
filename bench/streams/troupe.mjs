import { createSystem } from 'troupe';
import flows, { actors, stages } from '../flows.mjs';

export async function open({ flow }) {
  const system = await createSystem({ registry: flows });
  const chosen = { stages, actors }[flow];
  return {
    async through() {
      const run = await system.run(chosen, { args: {} });
      await run.done;
    },
    close: () => system.shutdown(),
  };
}
