/** One suite, three places. What it says of one place it says of all, in the same words. */
import { threadId } from 'node:worker_threads';
import { everywhere } from 'troupe/testing';
import { describe, expect, it } from 'vitest';
import { Counter, counter, Ear } from './fixtures/actors.ts';

const places = everywhere({ registry: new URL('./fixtures/actors.ts', import.meta.url) });

it('there are 3 places, each with a name for a test', () => {
  expect(places.map(({ kind, name }) => [kind, name])).toEqual([
    ['here', 'on this thread'],
    ['thread', 'on a worker thread'],
    ['node', 'on another node'],
  ]);
});

for (const place of places) {
  describe(`an actor ${place.name}`, () => {
    it('runs there, and says so', async () => {
      await using system = await place.open();
      const ref = await system.spawn(counter);
      const { id } = await ref.thread();
      expect(id === threadId).toBe(place.kind !== 'thread');
      const isOfThisNode = String(ref).startsWith(`troupe://${system.system.nodeId}/`);
      expect(isOfThisNode).toBe(place.kind !== 'node');
    });

    it('counts, refuses with its error, and starts with arguments', async () => {
      await using system = await place.open();
      const ref = await system.spawn(counter, { args: { start: 5 }, name: 'five' });
      ref.add({ by: 3 });
      expect(await ref.total()).toBe(8);
      expect(await ref.spend.outcome({ by: 10 })).toMatchObject({ error: { code: 'tooLittle', data: { missing: 2 } } });
    });

    it('tells a probe 3 things in order, and no fourth', async () => {
      await using system = await place.open();
      const ear = system.probe(Ear);
      const ref = await system.spawn(counter, { args: { start: 3 } });
      ref.report({ to: ear.ref });
      for (const n of [0, 1, 2]) expect(await ear.expect('hear')).toEqual({ n });
      await ear.expectNothing();
      await expect(ear.expect('hear', { withinMs: 20 })).rejects.toThrow(
        'expected ear.hear, but nothing came within 20 ms; the last that came before was ear.hear { n: 2 }',
      );
    });

    it('asks a probe, reads its stream, and is watched by it to its end', async () => {
      await using system = await place.open();
      const ear = system.probe(Ear);
      const ref = await system.spawn(counter, { args: { start: 6 } });
      const weighed = ref.weigh({ by: ear.ref });
      expect(await ear.expect('weigh')).toEqual({ n: 6 });
      ear.reply('weigh', 12);
      expect(await weighed).toBe(12);
      const sum = ref.sumTicks({ of: ear.ref });
      await ear.expect('ticks');
      ear.emit('ticks', 1, 2, 3);
      ear.complete('ticks');
      expect(await sum).toBe(6);
      ear.watch(ref);
      ref.stop();
      expect(await ear.expectTerminated(ref)).toMatchObject({ reason: 'stopped' });
      await system.shutdown();
      // What the probe took counts as handled, whenever it was answered.
      system.log.expectNone({ level: 'warn' });
    });

    it('logs its failure once, with its stack, into the log of the test', async () => {
      await using system = await place.open();
      const ear = system.probe(Ear);
      const ref = await system.spawn(counter);
      ear.watch(ref);
      ref.fail();
      await ear.expectTerminated(ref);
      // From a worker the line takes a way of its own.
      for (let left = 100; left > 0 && system.log.of('error').length === 0; left -= 1)
        await ear.expectNothing({ forMs: 10 });
      system.log.expectOne({ level: 'error', text: 'lost count', stack: 'actors.ts' });
    });
  });
}

it('a place that cannot load its registry rejects, and leaves nothing running', async () => {
  for (const place of everywhere({ registry: new URL('./fixtures/no-such.ts', import.meta.url) })) {
    await expect(place.open()).rejects.toMatchObject({ code: 'RegistryLoadFailed' });
  }
});

void Counter;
