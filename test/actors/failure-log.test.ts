/** What the log says of failures: the first with its stack, then one in 10 s for each actor, with how many were left out. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Faulty = protocol('faulty', {
  handler: tell(),
  later: tell(),
  timer: tell(),
  run: tell(),
  start: tell(),
  streams: stream({ output: z.int() }),
});

const faulty = actor(
  Faulty,
  {
    args: z.object({ broken: z.boolean().default(false) }),
    state: ({ broken }) => {
      if (broken) throw new Error('the start');
      return {};
    },
    internal: { tick: tell(), loaded: tell() },
    supervise: { directive: () => 'resume' },
  },
  {
    handler: () => {
      throw new Error('the handler');
    },
    later: async () => {
      throw new Error('the promise');
    },
    timer: (_state, _message, context) => void context.after(0, context.self.tick),
    run: (_state, _message, context) => context.run(Promise.reject(new Error('the work')), context.self.loaded),
    start: (_state, _message, context) => void context.spawn(faulty as never, { args: { broken: true } }),
    streams: async function* () {
      yield 1;
      throw new Error('the stream');
    },
    tick: () => {
      throw new Error('the timer');
    },
    loaded: () => undefined,
  },
);

type FaultyRef = Ref<typeof Faulty>;
const readAll = async (ref: FaultyRef): Promise<void> => {
  const reader = ref.streams()[Symbol.asyncIterator]();
  await reader.next();
  await reader.next();
};

describe('100 failures of one actor in a second', () => {
  test.each([
    ['of a handler', 'the handler', (ref: FaultyRef) => void ref.handler()],
    ['of the promise of a handler', 'the promise', (ref: FaultyRef) => void ref.later()],
    ['of what a timer tells', 'the timer', (ref: FaultyRef) => void ref.timer()],
    ['of work that was piped to it', 'the work', (ref: FaultyRef) => void ref.run()],
    ['of its streams', 'the stream', (ref: FaultyRef) => ended(readAll(ref))],
    ['of children that do not start', 'the start', (ref: FaultyRef) => void ref.start()],
  ])('%s are one line with a stack, and one more line 10 s later that counts 99', async (_what, text, fail) => {
    const { spawn, settle, advance, log } = testHost();
    const ref = await spawn(faulty);
    for (let n = 0; n < 100; n += 1) {
      void fail(ref);
      await settle();
      await advance(10);
    }
    expect(log.of('error')).toMatchObject([
      { text: expect.stringContaining(text), fields: { stack: expect.stringContaining('failure-log.test.ts') } },
    ]);
    await advance(10_000);
    void fail(ref);
    await settle();
    await advance(10);
    expect(log.of('error')).toHaveLength(2);
    expect(log.of('error')[1]?.text).toContain('; 99 failures before it were not logged');
  });

  test('say nothing of those of another actor', async () => {
    const { spawn, settle, log } = testHost();
    for (const ref of [await spawn(faulty), await spawn(faulty)]) {
      ref.handler();
      ref.handler();
    }
    await settle();
    expect(log.of('error')).toHaveLength(2);
  });
});
