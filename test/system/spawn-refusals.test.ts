import { type ActorSystem, createSystem, here, node, thread } from 'troupe';
import { afterEach, expect, it } from 'vitest';

let system: ActorSystem | undefined;
afterEach(() => system?.shutdown({ deadlineMs: 500 }));

it.each([
  ['here', here()],
  ['on a thread', thread()],
  ['on a node', node({ role: 'any' })],
])('refuses to spawn undefined %s', async (_where, on) => {
  system = await createSystem({
    registry: new URL('./fixtures/actors.ts', import.meta.url),
    threads: 1,
    logLevel: 'silent',
  });
  await expect(system.spawn(undefined as never, { on } as never)).rejects.toMatchObject({
    code: 'SpawnFailed',
    reason: 'unregistered',
  });
});
