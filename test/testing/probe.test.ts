/** Probes: what they see, how they answer, and what a failed expectation says. */
import { AssertionError } from 'node:assert';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ask, closureActor, kill, protocol, type Ref, refOf, refTo, stop, stream, tell } from '../../src/index.ts';
import { type TestSystem, type TestSystemOptions, testSystem } from '../../src/testing/index.ts';
import { ended } from '../support/deferred.ts';
import { Clerk, everything, till } from './till.ts';

let t: TestSystem;
afterEach(() => t.shutdown());

async function start(options: Omit<TestSystemOptions, 'resources'> = {}) {
  t = await testSystem({ registry: everything, resources: { store: { save: async () => 0 } }, ...options });
  const clerk = t.probe(Clerk);
  const ref = await t.spawn(till, { args: { clerk: clerk.ref } });
  return { clerk, ref };
}

async function failure(promise: Promise<unknown>): Promise<AssertionError> {
  const result = await ended(promise);
  if (!('error' in result)) throw new Error('it did not fail');
  expect(result.error).toBeInstanceOf(AssertionError);
  return result.error as unknown as AssertionError;
}

describe('a probe', () => {
  it('gets messages in the order they were sent, one by one', async () => {
    const { clerk } = await start();
    clerk.ref.paid({ cents: 1 });
    clerk.ref.closing();
    clerk.ref.paid({ cents: 2 });
    expect(await clerk.expect('paid')).toEqual({ cents: 1 });
    expect(await clerk.expect('closing')).toBeUndefined();
    expect(await clerk.expect('paid')).toEqual({ cents: 2 });
    await clerk.expectNothing();
    expect(clerk.received.map(({ operation }) => operation)).toEqual(['paid', 'closing', 'paid']);
  });

  it('moves time only as far as a message within 100 ms takes: 30 ms', async () => {
    const { clerk, ref } = await start();
    for (const afterMs of [60, 30]) ref.payLater({ cents: afterMs, afterMs });
    expect(await clerk.expect('paid', { withinMs: 100 })).toEqual({ cents: 30 });
    expect(t.time.elapsedMs).toBe(30);
  });

  it('moves no time at all unless told so', async () => {
    const { clerk, ref } = await start();
    ref.payLater({ cents: 4, afterMs: 30 });
    const error = await failure(clerk.expect('paid'));
    expect(error.message).toBe(
      `${clerk.ref} expected clerk.paid, but nothing came; nothing ever came. ` +
        'Virtual time stands at 0 ms; the next timer fires in 30 ms; turns are first come, first served.',
    );
    expect(t.time.elapsedMs).toBe(0);
  });

  it('names what came instead, with actual and expected for a diff, and the seed', async () => {
    const { clerk } = await start({ seed: 77 });
    clerk.ref.paid({ cents: 3 });
    const error = await failure(clerk.expect('closing'));
    expect(error.message).toContain('expected clerk.closing, but clerk.paid { cents: 3 } came instead');
    expect(error.message).toContain('turns are in the order of seed 77');
    expect(error.actual).toEqual({ operation: 'clerk.paid', message: { cents: 3 } });
    expect(error.expected).toBe('clerk.closing');
    expect(error.stack).toContain('probe.test.ts');
  });

  it('names the last message before, where none came within 10 ms', async () => {
    const { clerk } = await start();
    clerk.ref.paid({ cents: 3 });
    await clerk.expect('paid');
    const error = await failure(clerk.expect('paid', { withinMs: 10 }));
    expect(error.message).toContain(
      'nothing came within 10 ms; the last that came before was clerk.paid { cents: 3 }. Virtual time stands at 10 ms',
    );
  });

  it('names what waits for the outside, and does not wait for it again and again', async () => {
    t = await testSystem({
      registry: everything,
      resources: { store: { save: () => new Promise<number>(() => undefined) } },
      outsideMs: 50,
    });
    const clerk = t.probe(Clerk);
    const ref = await t.spawn(till, { args: { clerk: clerk.ref } });
    void ended(ref.save());
    const startMs = performance.now();
    const error = await failure(clerk.expect('paid', { withinMs: 1_000 }));
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(error.message).toContain(`These wait for the outside:\n  ${ref} in till.save`);
  });

  it('takes a message that is there at once, though another handler waits for the outside', async () => {
    t = await testSystem({
      registry: everything,
      resources: { store: { save: () => new Promise<number>(() => undefined) } },
      outsideMs: 10_000,
    });
    const clerk = t.probe(Clerk);
    const ref = await t.spawn(till, { args: { clerk: clerk.ref } });
    void ended(ref.save());
    clerk.ref.closing();
    const startMs = performance.now();
    await clerk.expect('closing');
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await t.time.until(Promise.resolve());
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await kill(ref);
  });

  it('hears a message 1 ms after the silence of 99 ms that it listened for, and not within 100', async () => {
    const { clerk, ref } = await start();
    ref.payLater({ cents: 4, afterMs: 100 });
    await clerk.expectNothing({ forMs: 99 });
    const error = await failure(clerk.expectNothing({ forMs: 1 }));
    expect(error.message).toContain('expected nothing for 1 ms, but clerk.paid { cents: 4 } came');
  });

  it('is refused an operation that its protocol has not', async () => {
    const { clerk } = await start();
    expect(await ended(clerk.expect('nope' as 'paid'))).toMatchObject({ error: { code: 'UsageError' } });
  });

  it('can be sent, and gets what is sent to the ref', async () => {
    const { clerk } = await start();
    const Post = protocol('post', { forward: tell(z.object({ to: refOf(Clerk) })) });
    const post = closureActor(Post, z.object({}), () => ({ forward: ({ to }) => void to.paid({ cents: 8 }) }));
    (await t.spawn(post)).forward({ to: clerk.ref });
    expect(await clerk.expect('paid')).toEqual({ cents: 8 });
  });
});

describe('a probe that is asked', () => {
  it('replies, and sees what comes behind an ask before it has replied', async () => {
    const { clerk, ref } = await start();
    ref.ask({ cents: 5 });
    await t.settle();
    clerk.ref.closing();
    expect(await clerk.expect('approve')).toEqual({ cents: 5 });
    await clerk.expect('closing');
    clerk.reply('approve', true);
    expect(await clerk.expect('paid')).toEqual({ cents: 5 });
  });

  it('answers 3 asks oldest first', async () => {
    const { clerk } = await start();
    const replies = [1, 2, 3].map((cents) => clerk.ref.approve({ cents }));
    for (let n = 0; n < 3; n += 1) await clerk.expect('approve');
    for (const answer of [true, false, true]) clerk.reply('approve', answer);
    expect(await Promise.all(replies)).toEqual([true, false, true]);
  });

  it('refuses with a declared error, with data and without', async () => {
    const { clerk, ref } = await start();
    ref.ask({ cents: 5 });
    await clerk.expect('approve');
    clerk.refuse('approve', 'tooMuch', { limit: 3 });
    expect(await clerk.expect('paid')).toEqual({ cents: 3 });
    const outcome = clerk.ref.approve.outcome({ cents: 1 });
    await clerk.expect('approve');
    clerk.refuse('approve', 'absent');
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'absent' } });
  });

  it('fails an ask as a handler that threw, and runs on', async () => {
    const { clerk, ref } = await start();
    ref.ask({ cents: 5 });
    await clerk.expect('approve');
    clerk.fail('approve', new Error('out of ink'));
    expect(await clerk.expect('paid')).toEqual({ cents: -2 });
    const asked = ended(clerk.ref.approve({ cents: 1 }));
    await clerk.expect('approve');
    clerk.fail('approve');
    expect(await asked).toMatchObject({ error: { code: 'ActorFailed' } });
    t.log.expectNone();
  });

  it('lets an ask run into its deadline when it says nothing, and says so to a late reply', async () => {
    const { clerk } = await start();
    const asked = ended(clerk.ref.approve({ cents: 1 }, { timeoutMs: 100 }));
    await clerk.expect('approve');
    await t.time.advance(120);
    expect(await asked).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    expect(() => clerk.reply('approve', true)).toThrow(
      /no open ask of clerk.approve to answer; whoever asked has given up/,
    );
  });

  it('throws for a reply that does not fit, for an undeclared error, and where nobody asked', async () => {
    const { clerk } = await start();
    expect(() => clerk.reply('approve', true)).toThrow(/no open ask of clerk.approve to answer; expect it first/);
    const asked = ended(clerk.ref.approve({ cents: 1 }));
    await clerk.expect('approve');
    expect(() => clerk.refuse('approve', 'nope' as 'absent')).toThrow(/declares no error "nope"/);
    expect(() => clerk.reply('approve', 'yes' as never)).toThrow(/the reply of clerk.approve/);
    await clerk.stop();
    expect(await asked).toMatchObject({ error: { code: 'ActorFailed' } });
  });

  it('answers by itself what it was given handlers for, and still records it', async () => {
    await start();
    const clerk = t.probe(Clerk, {
      approve: ({ cents }, context) => (cents > 10 ? context.fail('tooMuch', { limit: 10 }) : cents > 5),
      async *rates() {
        yield* [1, 2];
      },
    });
    expect(await clerk.ref.approve({ cents: 7 })).toBe(true);
    expect(await ended(clerk.ref.approve({ cents: 11 }))).toMatchObject({ error: { code: 'tooMuch' } });
    const rates: number[] = [];
    for await (const rate of clerk.ref.rates()) rates.push(rate);
    expect(rates).toEqual([1, 2]);
    expect(clerk.received.map(({ operation }) => operation)).toEqual(['approve', 'approve', 'rates']);
  });

  it('asks back on its own account: an ask that it has not answered is no part of the chain', async () => {
    t = await testSystem();
    const Asker = protocol('asker', {
      go: tell(z.object({ peer: refTo<PeerRef>('peer') })),
      name: ask({ output: z.string() }),
    });
    const Peer = protocol('peer', {
      question: ask({ output: z.int() }),
      meet: tell(z.object({ other: refOf(Asker) })),
    });
    interface PeerRef extends Ref<typeof Peer> {}
    const asker = closureActor(Asker, z.object({}), () => {
      let answer = 0;
      return {
        go: async ({ peer }) => {
          answer = await peer.question();
        },
        name: () => `asker ${answer}`,
      };
    });
    let outcome: unknown;
    const peer = t.probe(Peer, {
      meet: async ({ other }) => {
        outcome = await other.name.outcome();
      },
    });
    const ref = await t.spawn(asker);
    ref.go({ peer: peer.ref });
    await peer.expect('question');
    peer.ref.meet({ other: ref });
    await peer.expect('meet');
    peer.reply('question', 3);
    await t.settle();
    expect(outcome).toEqual({ ok: true, value: 'asker 3' });
  });

  it('ends its open asks when it is stopped or killed', async () => {
    const { clerk } = await start();
    const other = t.probe(Clerk);
    const asks = [clerk, other].map((probe) => ended(probe.ref.approve({ cents: 1 })));
    await t.settle();
    await stop(clerk.ref);
    await kill(other.ref);
    for (const asked of asks) expect(await asked).toMatchObject({ error: { code: 'ActorFailed' } });
  });
});

describe('a probe that is read as a stream', () => {
  it('feeds every reader, and ends them', async () => {
    const { clerk } = await start();
    const read = async (): Promise<number[]> => {
      const seen: number[] = [];
      for await (const rate of clerk.ref.rates()) seen.push(rate);
      return seen;
    };
    const readers = [read(), read()];
    await clerk.expect('rates');
    await clerk.expect('rates');
    expect(clerk.readers('rates')).toBe(2);
    clerk.emit('rates', 1, 2);
    clerk.emit('rates', 3);
    clerk.complete('rates');
    expect(await Promise.all(readers)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(clerk.readers('rates')).toBe(0);
    expect(() => clerk.emit('rates', 4)).toThrow(/no open stream of clerk.rates/);
  });

  it('feeds an actor that reads 3 elements and leaves, and sees it leave', async () => {
    const { clerk, ref } = await start();
    ref.follow({ rates: 3 });
    await clerk.expect('rates');
    clerk.emit('rates', 10, 20, 30, 40);
    expect(await clerk.expect('paid')).toEqual({ cents: 60 });
    expect(clerk.readers('rates')).toBe(0);
  });

  it('fails its reader, and itself, for an element that does not fit', async () => {
    const { clerk } = await start();
    const seen = ended(
      (async () => {
        for await (const _ of clerk.ref.rates());
      })(),
    );
    await clerk.expect('rates');
    clerk.emit('rates', 'x' as never);
    expect(await seen).toMatchObject({ error: { code: 'ActorFailed' } });
  });
});

describe('a probe that watches', () => {
  it('is told of an end after the last message of the actor that ended', async () => {
    const { clerk, ref } = await start();
    clerk.watch(ref);
    ref.stop();
    await clerk.expect('closing');
    expect(await clerk.expectTerminated(ref)).toMatchObject({ reason: 'stopped' });
    await clerk.expectNothing();
    expect((await failure(clerk.expectTerminated(ref))).message).toContain('but nothing came');
  });

  it('tells the end of one from the end of another', async () => {
    const { clerk, ref } = await start();
    const other = await t.spawn(till, { args: { clerk: clerk.ref } });
    clerk.watch(other);
    await stop(ref);
    await stop(other);
    const error = await failure(clerk.expectTerminated(ref));
    expect(error.message).toContain(`expected the end of ${ref}, but the end of ${other} (stopped) came instead`);
  });

  it.each([
    ['killed', 'killed'],
    ['fails', 'failed'],
  ] as const)('learns that it was %s', async (how, reason) => {
    const { clerk, ref } = await start();
    clerk.watch(ref);
    if (how === 'killed') await kill(ref);
    else ref.fail();
    expect(await clerk.expectTerminated(ref, { withinMs: 10 })).toMatchObject({ reason });
  });

  it('learns at once of an end before the watch', async () => {
    const { clerk, ref } = await start();
    await stop(ref);
    expect(await clerk.expectTerminated(ref)).toMatchObject({ reason: 'unknown' });
  });

  it('says that no end came, or what came instead', async () => {
    const { clerk, ref } = await start();
    expect((await failure(clerk.expectTerminated(ref))).message).toContain(
      `expected the end of ${ref}, but nothing came`,
    );
    clerk.ref.closing();
    expect((await failure(clerk.expectTerminated(ref))).message).toContain('but clerk.closing undefined came instead');
    await clerk.expect('closing');
    await stop(ref);
    const error = await failure(clerk.expect('paid'));
    expect(error.message).toContain(`but the end of ${ref} (stopped) came instead`);
    expect(error.actual).toEqual({ terminated: String(ref), reason: 'stopped' });
  });
});

it('a probe of a protocol with all kinds of operations speaks all of them', async () => {
  await start();
  const All = protocol('all', { one: tell(z.string()), many: stream({ input: z.int(), output: z.string() }) });
  const probe = t.probe(All);
  probe.ref.one('x');
  const reading = (async () => {
    for await (const text of probe.ref.many(3)) return text;
    return undefined;
  })();
  expect(await probe.expect('one')).toBe('x');
  expect(await probe.expect('many')).toBe(3);
  probe.emit('many', 'a');
  expect(await reading).toBe('a');
});
