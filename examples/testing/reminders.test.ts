// npm run build && node --test dist-examples/testing/reminders.test.js
/** The test kit at work: virtual time, a fake, a probe, seeds, and what is logged. The same under vitest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everywhere, type TestSystem, testSystem } from 'troupe/testing';
import everything, { Desk, reminders } from './reminders.ts';

async function start(sent: string[], options: { seed?: number } = {}) {
  const fake = { send: async (to: string): Promise<void> => void sent.push(to) };
  const system: TestSystem = await testSystem({ registry: everything, resources: { mailer: fake }, ...options });
  const desk = system.probe(Desk);
  const ref = await system.spawn(reminders, { args: { desk: desk.ref } });
  return { system, desk, ref };
}

test('a reminder for tomorrow is sent tomorrow, in no time', async () => {
  const sent: string[] = [];
  const { system, desk, ref } = await start(sent);
  ref.remind({ whom: 'ada@example.org', afterMs: 86_400_000 });
  await system.time.advance(86_399_999);
  await desk.expectNothing();
  assert.deepEqual(await desk.expect('mayWrite', { withinMs: 1 }), { to: 'ada@example.org' });
  desk.reply('mayWrite', true);
  await desk.expect('reminded');
  assert.deepEqual(sent, ['ada@example.org']);
  await system.shutdown();
});

test('no mail is sent to whom the desk forbids, whatever the order of turns', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const sent: string[] = [];
    const { system, desk, ref } = await start(sent, { seed });
    for (const whom of ['ada', 'bob']) ref.remind({ whom, afterMs: 10 });
    await desk.expect('mayWrite', { withinMs: 10 });
    desk.reply('mayWrite', false);
    await desk.expect('reminded');
    assert.deepEqual(sent, []);
    await system.shutdown();
  }
});

test('a desk that does not answer fails the reminder after 5 s, and one line says so', async () => {
  const { system, ref } = await start([]);
  ref.remind({ whom: 'ada', afterMs: 0 });
  await system.time.advance(5_100);
  system.log.expectOne({ level: 'error', text: 'desk.mayWrite: no reply within the time limit', stack: /reminders/ });
  await system.shutdown();
});

for (const place of everywhere({ registry: new URL('./reminders.ts', import.meta.url) })) {
  test(`counts what is open ${place.name}`, async (context) => {
    const system = await place.open();
    context.after(() => system.shutdown());
    const ref = await system.spawn(reminders, { args: { desk: system.probe(Desk).ref } });
    ref.remind({ whom: 'ada', afterMs: 3_600_000 });
    assert.equal(await ref.open(), 1);
  });
}
