/** Asks: each settles once, by its deadline, with a value, a declared error or one of a closed union. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { closureActor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Vault = protocol('vault', {
  open: ask({
    input: z.string(),
    output: z.string(),
    errors: { locked: z.object({ since: z.date() }), lost: z.void() },
  }),
  wait: ask({ output: z.string() }),
  note: tell(z.string()),
});

/** A vault whose `wait` lasts until the test says so, and that remembers what it handled. */
function vault(gate: Deferred<string> = deferred(), seen: string[] = [], signals: AbortSignal[] = []) {
  return closureActor(
    Vault,
    z.object({}),
    () => ({
      open: (key, context) => {
        seen.push(key);
        if (key === 'locked') return context.fail('locked', { since: new Date(5) });
        if (key === 'lost') return context.fail('lost');
        if (key === 'undeclared') return (context.fail as (code: string) => never)('nonsense');
        if (key === 'misfit')
          return (context.fail as (code: string, data: unknown) => never)('locked', { since: 'yesterday' });
        if (key === 'wrong reply') return 42 as never;
        return key;
      },
      wait: (_message, context) => {
        signals.push(context.signal);
        return gate.promise;
      },
      note: (text) => {
        seen.push(text);
      },
    }),
    { supervise: { directive: () => 'stop' } },
  );
}

describe('deadline', () => {
  test('settles an ask after 5,000 ms unless it says otherwise, at most 20 ms late', async () => {
    const host = testHost();
    const ref = await host.spawn(vault());
    await host.advance(7);
    let settledAt = 0;
    const reply = ended(ref.wait()).then((end) => {
      settledAt = host.clock.monotonicMs();
      return end;
    });
    await host.advance(6_000);
    expect(await reply).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    expect(settledAt).toBeGreaterThanOrEqual(5_007);
    expect(settledAt).toBeLessThanOrEqual(5_027);
  });

  test('settles 200 asks of differing limits each within 20 ms after its own', async () => {
    const host = testHost();
    const ref = await host.spawn(vault());
    const late: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      const timeoutMs = (index * 37) % 400;
      const dueMs = host.clock.monotonicMs() + timeoutMs;
      void ended(ref.wait({ timeoutMs })).then(() => late.push(host.clock.monotonicMs() - dueMs));
      await host.advance(index % 3);
    }
    await host.advance(500);
    expect(late).toHaveLength(200);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(20);
  });

  test('does not run an ask that expired in the queue, and dead-letters it as expired', async () => {
    const { spawn, advance, settle, deadLetters } = testHost();
    const gate = deferred<string>();
    const seen: string[] = [];
    const ref = await spawn(vault(gate, seen));
    const first = ref.wait();
    const queued = ended(ref.open('too late', { timeoutMs: 100 }));
    await advance(200);
    expect(await queued).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    gate.resolve('done');
    expect(await first).toBe('done');
    await settle();
    expect(seen).toEqual([]);
    expect(deadLetters).toMatchObject([{ operation: 'vault.open', message: 'too late', reason: 'expired' }]);
  });

  test('aborts the signal of the handler that runs, and counts its late reply', async () => {
    const { spawn, advance, settle, host } = testHost();
    const gate = deferred<string>();
    const signals: AbortSignal[] = [];
    const ref = await spawn(vault(gate, [], signals));
    const reply = ended(ref.wait({ timeoutMs: 50 }));
    await advance(100);
    await reply;
    expect(signals[0]?.aborted).toBe(true);
    expect(host.counters.late).toBe(0);
    gate.resolve('too late');
    await settle();
    expect(host.counters.late).toBe(1);
    expect(await ref.open('alive')).toBe('alive');
  });

  test.each([-1, Number.NaN, 2 ** 31])('refuses a timeoutMs of %d as a mistake', async (timeoutMs) => {
    const { spawn } = testHost();
    const ref = await spawn(vault());
    expect(await ended(ref.wait({ timeoutMs }))).toMatchObject({ error: { code: 'UsageError' } });
  });

  test('leaves no timer behind once every ask has settled', async () => {
    const host = testHost();
    const ref = await host.spawn(vault());
    await ref.open('a');
    await host.advance(20);
    expect(host.host.deadlines.open).toBe(0);
    expect(host.clock.pending).toBe(0);
  });
});

describe('cancelling', () => {
  test('before the call sends nothing: Cancelled with delivered false', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(vault());
    const reply = await ended(ref.open('a', { signal: AbortSignal.abort('why') }));
    expect(reply).toMatchObject({ error: { code: 'Cancelled', delivered: false, cause: 'why' } });
    expect(host.counters.accepted).toBe(0);
  });

  test('during the call settles at once with delivered true and aborts the signal of the handler', async () => {
    const { spawn, settle } = testHost();
    const signals: AbortSignal[] = [];
    const ref = await spawn(vault(deferred(), [], signals));
    const controller = new AbortController();
    const reply = ended(ref.wait({ signal: controller.signal }));
    await settle();
    expect(signals[0]?.aborted).toBe(false);
    controller.abort('why');
    expect(await reply).toMatchObject({ error: { code: 'Cancelled', delivered: true, cause: 'why' } });
    expect(signals[0]?.aborted).toBe(true);
  });

  test('in the queue keeps the handler from running', async () => {
    const { spawn, settle, deadLetterCounts } = testHost();
    const gate = deferred<string>();
    const seen: string[] = [];
    const ref = await spawn(vault(gate, seen));
    const first = ref.wait();
    const controller = new AbortController();
    const queued = ended(ref.open('never', { signal: controller.signal }));
    controller.abort();
    expect(await queued).toMatchObject({ error: { code: 'Cancelled', delivered: false, retryable: true } });
    gate.resolve('done');
    await first;
    await settle();
    expect(seen).toEqual([]);
    expect(deadLetterCounts()).toEqual({ expired: 1 });
  });

  test('takes its listener off the signal once the call has settled', async () => {
    const { spawn } = testHost();
    const ref = await spawn(vault());
    const { signal, listeners } = countingSignal();
    await ref.open('a', { signal });
    await ref.open.outcome('locked', { signal });
    expect(listeners()).toBe(0);
  });
});

describe('outcome', () => {
  test('never rejects: a value, a declared error with its data, a runtime failure', async () => {
    const { spawn } = testHost();
    const ref = await spawn(vault());
    expect(await ref.open.outcome('a')).toEqual({ ok: true, value: 'a' });
    expect(await ref.open.outcome('locked')).toMatchObject({
      ok: false,
      error: { code: 'locked', data: { since: new Date(5) } },
    });
    expect(await ref.open.outcome('lost')).toMatchObject({ ok: false, error: { code: 'lost', data: undefined } });
    expect(await ref.open.outcome(7 as never)).toMatchObject({
      ok: false,
      error: { code: 'InvalidMessage', path: [] },
    });
    await stop(ref);
    expect(await ref.open.outcome('a')).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
  });

  test('a declared error rejects the plain call, and the actor lives on', async () => {
    const { spawn, log } = testHost();
    const ref = await spawn(vault());
    expect(await ended(ref.open('locked'))).toMatchObject({ error: { code: 'locked', data: { since: new Date(5) } } });
    expect(await ref.open('next')).toBe('next');
    expect(log.of('error')).toEqual([]);
  });

  test('the data of a declared error is a copy', async () => {
    const { spawn } = testHost();
    const since = new Date(5);
    const ref = await spawn(
      closureActor(Vault, z.object({}), () => ({
        open: (_key, context) => context.fail('locked', { since }),
        wait: () => '',
        note: () => undefined,
      })),
    );
    const outcome = await ref.open.outcome('a');
    since.setTime(99);
    expect(outcome).toMatchObject({ error: { data: { since: new Date(5) } } });
  });

  test.each([
    ['a code that it does not declare', 'undeclared', /nonsense/],
    ['data that do not fit', 'misfit', /since/],
  ])('failing with %s is a failure of the actor that says so', async (_what, key, text) => {
    const { spawn, log } = testHost();
    const ref = await spawn(vault());
    const outcome = await ref.open.outcome(key);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'ActorFailed' } });
    expect(log.of('error')).toHaveLength(1);
    expect(log.of('error')[0]?.text).toMatch(text);
    expect(await ref.open.outcome('a')).toMatchObject({ error: { code: 'NotDelivered' } });
  });

  test('a reply that does not fit its output schema is ActorFailed and ends the actor', async () => {
    const { spawn, log } = testHost();
    const ref = await spawn(vault());
    expect(await ref.open.outcome('wrong reply')).toMatchObject({ ok: false, error: { code: 'ActorFailed' } });
    expect(log.of('error')).toHaveLength(1);
    expect(await ref.open.outcome('a')).toMatchObject({ error: { code: 'NotDelivered' } });
  });
});

describe('the end of the actor', () => {
  test('by kill settles the ask that it was answering as ActorFailed, in no time', async () => {
    const { spawn, settle } = testHost();
    const ref = await spawn(vault());
    const reply = ended(ref.wait());
    await settle();
    await kill(ref);
    expect(await reply).toMatchObject({ error: { code: 'ActorFailed' } });
  });

  test('by kill leaves 1 ask in the queue NotDelivered', async () => {
    const { spawn, settle } = testHost();
    const ref = await spawn(vault());
    const first = ended(ref.wait());
    const second = ended(ref.open('a'));
    await settle();
    await kill(ref);
    await first;
    expect(await second).toMatchObject({ error: { code: 'NotDelivered', retryable: true } });
  });
});

/** A signal that tells how many listeners it has. */
function countingSignal(): { readonly signal: AbortSignal; readonly listeners: () => number } {
  const { signal } = new AbortController();
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...listener: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, listener);
  };
  signal.removeEventListener = (...listener: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, listener);
  };
  return { signal, listeners: () => count };
}
