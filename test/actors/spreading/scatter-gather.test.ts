/** One ask to several: the first reply counts, the others are cancelled, and all failing is one failure. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { router } from '../../../src/actors/spreading/router.ts';
import { scatterGatherFirst } from '../../../src/actors/spreading/strategy.ts';
import { kill } from '../../../src/actors/verbs.ts';
import { ended } from '../../support/deferred.ts';
import { type TestHost, testHost } from '../../support/test-host.ts';

const Mirror = protocol('mirror', {
  fetch: ask({ input: z.string(), output: z.string(), errors: { missing: z.string() } }),
  note: tell(),
});

interface Trace {
  readonly asked: string[];
  readonly aborted: string[];
  readonly noted: string[];
}

/** Answers after `delayMs`, or fails as `fails` says. */
async function mirrors(
  host: TestHost,
  all: readonly { name: string; delayMs: number; fails?: 'declared' | 'throws' }[],
): Promise<{ spread: Ref<typeof Mirror>; refs: Ref<typeof Mirror>[]; trace: Trace }> {
  const trace: Trace = { asked: [], aborted: [], noted: [] };
  const refs: Ref<typeof Mirror>[] = [];
  for (const { name, delayMs, fails } of all) {
    const definition = actor(
      Mirror,
      { args: z.object({}), state: () => ({}) },
      {
        fetch: async (_state, what, ctx) => {
          trace.asked.push(name);
          ctx.signal.addEventListener('abort', () => trace.aborted.push(name));
          await ctx.delay(delayMs);
          if (fails === 'declared') ctx.fail('missing', what);
          if (fails === 'throws') throw new Error(`${name} broke`);
          return `${what} from ${name}`;
        },
        note: () => {
          trace.noted.push(name);
        },
      },
    );
    refs.push(await host.spawn(definition));
  }
  const spread = await host.spawn(router(Mirror, { strategy: scatterGatherFirst() }), { args: { routees: refs } });
  return { spread, refs, trace };
}

describe('scatter-gather-first', () => {
  it('asks all 3, gives the first reply after 20 ms, and cancels the other two', async () => {
    const host = testHost();
    const { spread, trace } = await mirrors(host, [
      { name: 'slow', delayMs: 300 },
      { name: 'fast', delayMs: 20 },
      { name: 'later', delayMs: 100 },
    ]);
    const reply = spread.fetch('page');
    await host.advance(20);
    expect(await reply).toBe('page from fast');
    await host.settle();
    expect(trace.asked).toEqual(['slow', 'fast', 'later']);
    expect(trace.aborted.sort()).toEqual(['later', 'slow']);
  });

  it('takes a later success for a reply, where others failed before', async () => {
    const host = testHost();
    const { spread } = await mirrors(host, [
      { name: 'declared', delayMs: 1, fails: 'declared' },
      { name: 'broken', delayMs: 2, fails: 'throws' },
      { name: 'good', delayMs: 50 },
    ]);
    const reply = spread.fetch('page');
    await host.advance(60);
    expect(await reply).toBe('page from good');
  });

  it('fails once with all causes where all fail; as the one declared error where that is what all say', async () => {
    const host = testHost();
    const { spread } = await mirrors(host, [
      { name: 'declared', delayMs: 1, fails: 'declared' },
      { name: 'broken', delayMs: 2, fails: 'throws' },
    ]);
    const mixed = ended(spread.fetch('page'));
    await host.advance(10);
    const { error } = (await mixed) as { error: Error & { cause: AggregateError } };
    expect(error).toMatchObject({ code: 'ActorFailed' });
    expect(error.cause.errors.map((one: { code: string }) => one.code)).toEqual(['missing', 'ActorFailed']);
    expect(error.cause.message).toMatch(/2 routees failed: missing: .*; ActorFailed: .*broken broke/);
    const same = await mirrors(host, [
      { name: 'a', delayMs: 1, fails: 'declared' },
      { name: 'b', delayMs: 2, fails: 'declared' },
    ]);
    const declared = ended(same.spread.fetch('page'));
    await host.advance(10);
    expect(await declared).toMatchObject({ error: { code: 'missing', data: 'page' } });
  });

  it('says that nothing was delivered where no routee took it, and that the outcome is unknown where all are late', async () => {
    const host = testHost();
    const { spread } = await mirrors(host, [
      { name: 'a', delayMs: 500 },
      { name: 'b', delayMs: 500 },
    ]);
    const late = ended(spread.fetch('page', { timeoutMs: 50 }));
    await host.advance(80);
    expect(await late).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    const other = await mirrors(host, [
      { name: 'c', delayMs: 1 },
      { name: 'd', delayMs: 1 },
    ]);
    const asked = ended(other.spread.fetch('page'));
    await Promise.all(other.refs.map((ref) => kill(ref)));
    expect(await asked).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
  });

  it('is cancelled by its caller, everywhere', async () => {
    const host = testHost();
    const { spread, trace } = await mirrors(host, [
      { name: 'a', delayMs: 500 },
      { name: 'b', delayMs: 500 },
    ]);
    const controller = new AbortController();
    const asked = ended(spread.fetch('page', { signal: controller.signal }));
    await host.settle();
    controller.abort();
    expect(await asked).toMatchObject({ error: { code: 'Cancelled', delivered: true } });
    await host.settle();
    expect(trace.aborted.sort()).toEqual(['a', 'b']);
    await expect(spread.fetch('page', { signal: controller.signal })).rejects.toMatchObject({
      code: 'Cancelled',
      delivered: false,
    });
  });

  it('tells every routee what is told', async () => {
    const host = testHost();
    const { spread, trace } = await mirrors(host, [
      { name: 'a', delayMs: 1 },
      { name: 'b', delayMs: 1 },
    ]);
    spread.note();
    await host.settle();
    expect(trace.noted).toEqual(['a', 'b']);
  });
});
