/** Draining: what was queued is handled, what comes meanwhile is refused, and nothing in between. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Desk = protocol('desk', {
  file: tell(z.int()),
  hold: ask({ output: z.string() }),
  count: ask({ output: z.int() }),
  again: tell(z.int()),
  hire: tell(z.string()),
  fails: tell(z.int()),
  numbers: stream({ output: z.int() }),
});

function desk(events: string[], gate: Deferred<string> = deferred<string>(), highWater = 4) {
  const definition = actor(
    Desk,
    {
      args: z.object({ label: z.string().default('') }),
      state: ({ label }) => ({ label, filed: 0 }),
      mailbox: { highWater, capacity: Math.max(highWater, 8) },
      supervise: { poison: { retry: 1 } },
      signals: {
        stopping: ({ label }, { reason }) => {
          events.push(`${label}stopping ${reason}`);
        },
      },
    },
    {
      file: (state, n) => {
        state.filed += 1;
        events.push(`${state.label}file ${n}`);
      },
      hold: () => gate.promise,
      count: ({ filed }) => filed,
      again: (_state, n, context) => {
        events.push(`again ${n}: ${context.self.file(n)}`);
      },
      hire: ({ label }, name, context) => {
        const child: Ref<typeof Desk> = context.spawn(definition, { args: { label: `${label}${name} ` } });
        child.file(1);
        child.file(2);
      },
      fails: (_state, n) => {
        events.push(`fails ${n}`);
        throw new Error('broken');
      },
      numbers: async function* (_state, _message, context) {
        yield 1;
        yield* context.observe(({ filed }) => filed);
      },
    },
  );
  return definition;
}

describe('stop with drain', () => {
  test('handles the 3 that are queued, then stops; an idle actor stops at once', async () => {
    const { spawn, host, deadLetters } = testHost();
    const events: string[] = [];
    const ref = await spawn(desk(events));
    for (const n of [1, 2, 3]) ref.file(n);
    await stop(ref, { drain: true });
    expect(events).toEqual(['file 1', 'file 2', 'file 3', 'stopping stopped']);
    expect(deadLetters).toEqual([]);
    await stop(await spawn(desk(events)), { drain: true });
    expect(host.rootCount).toBe(0);
  });

  test('without drain the 3 become dead letters', async () => {
    const { spawn, deadLetterCounts } = testHost();
    const ref = await spawn(desk([]));
    for (const n of [1, 2, 3]) ref.file(n);
    await stop(ref);
    expect(deadLetterCounts()).toEqual({ stopped: 3 });
  });

  test('never acknowledges and then drops: what comes meanwhile is refused at once, each kind with the reason', async () => {
    const { spawn, settle, deadLetters, host } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const ref = await spawn(desk(events, gate));
    const held = ref.hold();
    await settle();
    ref.file(1);
    const stopped = stop(ref, { drain: true });
    expect(ref.file(2)).toBe(false);
    const asked = ended(ref.count());
    const offered = ended(ref.file.offer(3));
    const read = ended(ref.numbers()[Symbol.asyncIterator]().next());
    const why = { code: 'NotDelivered', reason: 'stopped', message: expect.stringContaining('is being stopped') };
    // Before the handler that holds it up has ended.
    expect(await asked).toMatchObject({ error: why });
    expect(await offered).toMatchObject({ error: why });
    expect(await read).toMatchObject({ error: why });
    expect(host.counters.refused).toBe(3);
    gate.resolve('done');
    expect(await held).toBe('done');
    await stopped;
    expect(events).toEqual(['file 1', 'stopping stopped']);
    expect(deadLetters.map(({ operation, reason }) => `${operation} ${reason}`)).toEqual([
      'desk.file draining',
      'desk.count draining',
      'desk.numbers draining',
    ]);
  });

  test('turns away the 2 offers that wait for room: they are not in its mailbox', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const ref = await spawn(desk(events, gate, 1));
    void ref.hold();
    await settle();
    ref.file(1);
    const offers = [ended(ref.file.offer(2)), ended(ref.file.offer(3))];
    const stopped = stop(ref, { drain: true });
    for (const offer of offers) expect(await offer).toMatchObject({ error: { code: 'NotDelivered' } });
    gate.resolve('done');
    await stopped;
    expect(events).toEqual(['file 1', 'stopping stopped']);
  });

  test('handles what waits for a restart, and hands out again what failed, once', async () => {
    const { spawn } = testHost();
    const events: string[] = [];
    const ref = await spawn(desk(events));
    ref.fails(1);
    ref.file(2);
    await stop(ref, { drain: true });
    expect(events).toEqual(['fails 1', 'fails 1', 'file 2', 'stopping stopped']);
  });

  test('refuses what the actor tells itself, and fails a stream that is open', async () => {
    const { spawn, settle, deadLetterCounts } = testHost();
    const events: string[] = [];
    const ref = await spawn(desk(events));
    const reader = ref.numbers()[Symbol.asyncIterator]();
    expect(await reader.next()).toMatchObject({ value: 1 });
    expect(await reader.next()).toMatchObject({ value: 0 });
    const next = ended(reader.next());
    await settle();
    ref.again(7);
    await stop(ref, { drain: true });
    expect(events).toEqual(['again 7: false', 'stopping stopped']);
    expect(await next).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(deadLetterCounts()).toEqual({ draining: 1 });
  });

  test('drains its children after itself, the last started first', async () => {
    const { spawn } = testHost();
    const events: string[] = [];
    const ref = await spawn(desk(events));
    ref.hire('a');
    ref.hire('b');
    await stop(ref, { drain: true });
    expect(events.filter((event) => event.includes('stopping'))).toEqual([
      'b stopping stopped',
      'a stopping stopped',
      'stopping stopped',
    ]);
    expect(events.filter((event) => event.includes('file'))).toHaveLength(4);
  });

  test('is killed at its deadline of 50 ms, and a plain stop or a kill cuts it short', async () => {
    const { spawn, settle, advance } = testHost();
    const stuck = await spawn(desk([]));
    void ended(stuck.hold());
    await settle();
    const late = ended(stop(stuck, { drain: true, deadlineMs: 50 }));
    await advance(50);
    expect(await late).toMatchObject({ error: { code: 'ActorFailed', message: expect.stringContaining('50 ms') } });
    for (const cut of [stop, kill]) {
      const events: string[] = [];
      const gate = deferred<string>();
      const ref = await spawn(desk(events, gate));
      void ended(ref.hold());
      await settle();
      ref.file(1);
      const drained = stop(ref, { drain: true });
      const over = cut(ref);
      gate.resolve('done');
      await Promise.all([drained, over]);
      expect(events).not.toContain('file 1');
    }
  });

  test('whatever comes in whatever order, a tell that was taken is handled and one that was refused is not, in 200 programs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('tell', 'offer', 'ask', 'drain', 'settle'), { maxLength: 30 }),
        async (program) => {
          const { spawn, settle, deadLetterCounts } = testHost({ scheduler: { messagesPerSlice: 2 } });
          const events: string[] = [];
          const ref = await spawn(desk(events));
          const taken: number[] = [];
          const offers: Promise<unknown>[] = [];
          let draining = false;
          let told = 0;
          for (const [n, step] of program.entries()) {
            if (step === 'settle') await settle();
            if (step === 'ask') offers.push(ended(ref.count()));
            if (step === 'offer') {
              const offered = ref.file.offer(n).then(() => taken.push(n));
              offers.push(ended(offered));
            }
            if (step === 'tell') {
              const before = Object.values(deadLetterCounts()).reduce((sum, count) => sum + count, 0);
              ref.file(n);
              const after = Object.values(deadLetterCounts()).reduce((sum, count) => sum + count, 0);
              if (before === after) taken.push(n);
              told += 1;
            }
            if (step === 'drain') {
              draining = true;
              void stop(ref, { drain: true });
            }
          }
          if (!draining) await stop(ref, { drain: true });
          await Promise.all(offers);
          await settle();
          const handled = events.filter((event) => event.startsWith('file')).map((event) => Number(event.slice(5)));
          expect([...handled].sort((a, b) => a - b)).toEqual([...taken].sort((a, b) => a - b));
          expect(told + offers.length).toBeGreaterThanOrEqual(handled.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('a place that drains waits for the open run of a readonly operation, whose caller gets its reply', async () => {
  const host = testHost();
  const gate = deferred<number>();
  const Shelf = protocol('shelf', { look: ask({ output: z.int(), readonly: true }) });
  const ref = await host.spawn(actor(Shelf, { args: z.object({}), state: () => ({}) }, { look: () => gate.promise }));
  const looking = ended(ref.look());
  await host.settle();
  const drained = host.host.drain(1_000);
  await host.settle();
  gate.resolve(3);
  await drained;
  expect(await looking).toEqual({ value: 3 });
});
