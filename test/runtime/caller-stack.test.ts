/** What the stack of a failed call shows: the line that awaited it, and below it, as its cause, the handler's own. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const Echo = protocol('echo', {
  back: ask({ input: z.int(), output: z.int(), errors: { odd: z.void() } }),
  breaks: ask({ output: z.void() }),
  never: ask({ output: z.void() }),
  counts: stream({ output: z.int() }),
});
const echo = actor(
  Echo,
  { args: z.object({}), state: () => ({}), supervise: { restartsMax: 1_000 } },
  {
    back: (_state, n, context) => (n % 2 === 1 ? context.fail('odd') : n),
    breaks: function breaksOnPurpose() {
      throw new RangeError('on purpose');
    },
    never: (_state, _message, context) => context.delay(200),
    counts: async function* countsThenBreaks() {
      yield 1;
      throw new RangeError('after one');
    },
  },
);

let open: TwoPlaces;
afterEach(() => open.close());

async function echoAt(where: string): Promise<Ref<typeof Echo>> {
  open = twoPlaces([echo], true);
  const { host, router } = open.here;
  if (where === 'this thread') {
    const cell = host.spawn(echo, { args: {}, name: undefined, parent: undefined });
    await cell.started;
    return new cell.behavior.refClass(cell, host.outside) as unknown as Ref<typeof Echo>;
  }
  const place = router.place(thereId(open))!;
  const { cell, branch } = await place.spawn('echo', {}, undefined);
  return new (refClassOf(Echo))(place.target(cell, branch, 'echo'), host.outside) as unknown as Ref<typeof Echo>;
}

const stackOf = (work: Promise<unknown>): Promise<{ stack: string; cause: { stack: string } }> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  );

/** The named functions of a stack that are not Node's; a loader that maps lines leaves out the word async. */
const callersIn = (stack: string): readonly string[] =>
  [...stack.matchAll(/^\s+at (?:async )?(\w+) \((?!node:)/gm)].map(([, name]) => name!);

describe.each(['this thread', 'another thread'])('a call to an actor of %s', (where) => {
  it('that fails shows the function and the line that awaited it, and the handler in its cause', async () => {
    const ref = await echoAt(where);
    async function asksForTrouble(): Promise<void> {
      await ref.breaks();
    }
    async function startsIt(): Promise<void> {
      await asksForTrouble();
    }
    const { stack, cause } = await stackOf(startsIt());
    expect(stack).toMatch(/^ActorFailed: echo\.breaks: /);
    expect(callersIn(stack)).toEqual(['asksForTrouble', 'startsIt']);
    expect(stack).toMatch(/asksForTrouble \(.*caller-stack\.test\.ts:\d+:\d+\)/);
    expect(cause.stack).toMatch(
      /^RangeError: on purpose\n\s+at (Array\.|Object\.)?breaksOnPurpose \(.*caller-stack\.test\.ts:\d+/,
    );
  });

  it('that runs out of time, or fails as declared, shows the line that awaited it', async () => {
    const ref = await echoAt(where);
    async function waitsInVain(): Promise<void> {
      await ref.never({ timeoutMs: 20 });
    }
    async function asksOdd(): Promise<void> {
      await ref.back(1);
    }
    const declared = await stackOf(asksOdd());
    expect(callersIn(declared.stack)).toEqual(['asksOdd']);
    const outcome = await (async function looksAtIt() {
      return await ref.back.outcome(1);
    })();
    expect(callersIn(outcome.ok ? '' : ((outcome.error as unknown as Error).stack ?? ''))).toEqual(['looksAtIt']);
    const late = await stackOf(waitsInVain());
    expect(callersIn(late.stack)).toEqual(['waitsInVain']);
  });

  it('that is a stream shows the loop that read it', async () => {
    const ref = await echoAt(where);
    async function readsOn(): Promise<void> {
      for await (const one of ref.counts()) expect(one).toBe(1);
    }
    const { stack } = await stackOf(readsOn());
    expect(callersIn(stack)).toEqual(['readsOn']);
  });

  it('takes no stack while 1,000 of 1,000 succeed, and one for each that fails', async () => {
    const ref = await echoAt(where);
    const taken = vi.spyOn(Error, 'captureStackTrace');
    try {
      for (let n = 0; n < 1_000; n += 1) await ref.back(2 * n);
      expect(taken).not.toHaveBeenCalled();
      await ref.back(1).catch(() => undefined);
      expect(taken).toHaveBeenCalledTimes(1);
    } finally {
      taken.mockRestore();
    }
  });
});
