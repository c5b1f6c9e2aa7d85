/** A system under virtual time: what passes, what settles, what repeats, and what is said where it does not. */
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  actor,
  closureActor,
  kill,
  protocol,
  type Ref,
  type Registry,
  refOf,
  refTo,
  registry,
  resource,
  tell,
} from '../../src/index.ts';
import { realMs } from '../../src/testing/event-loop.ts';
import { type NotSettled, type TestSystem, type TestSystemOptions, testSystem } from '../../src/testing/index.ts';
import { deferred, ended } from '../support/deferred.ts';
import { Clerk, everything, type Store, Till, till } from './till.ts';

const fake: Store = { save: async (cents) => cents };
const open: TestSystem[] = [];

afterEach(async () => {
  for (const system of open.splice(0)) await system.shutdown();
});

async function start(store: Store = fake, options: Omit<TestSystemOptions, 'resources'> = {}) {
  const t = await testSystem({ registry: everything, resources: { store }, ...options });
  open.push(t);
  const clerk = t.probe(Clerk);
  const ref = await t.spawn(till, { args: { clerk: clerk.ref } });
  return { t, clerk, ref };
}

describe('virtual time', () => {
  it('stands still until it is told to go on, whatever the real clock does', async () => {
    const { t, clerk, ref } = await start();
    ref.payLater({ cents: 5, afterMs: 20 });
    await new Promise((resolve) => setTimeout(resolve, 40));
    await t.settle();
    expect(t.time.elapsedMs).toBe(0);
    await clerk.expectNothing();
  });

  it('fires a timer of 100 ms at 100 and not at 99', async () => {
    const { t, clerk, ref } = await start();
    ref.payLater({ cents: 5, afterMs: 100 });
    await t.time.advance(99);
    await clerk.expectNothing();
    await t.time.advance(1);
    expect(await clerk.expect('paid')).toEqual({ cents: 5 });
  });

  it('settles all that a timer causes before the next fires, each at its own time', async () => {
    const { t, clerk, ref } = await start();
    const times: number[] = [];
    const Echo = protocol('echo', { at: tell(z.object({ hops: z.int() })) });
    const echo = closureActor(Echo, z.object({}), (_args, context) => ({
      at: ({ hops }, run) => {
        times.push(run.now() - startMs);
        if (hops > 0) context.self.at({ hops: hops - 1 });
      },
    }));
    const other = await t.spawn(echo);
    const startMs = t.time.now();
    for (const afterMs of [30, 10, 20]) t.system.clock.wake(afterMs, () => other.at({ hops: 2 }));
    ref.payLater({ cents: 1, afterMs: 15 });
    await t.time.advance(1_000);
    expect(times).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30]);
    expect(t.time.elapsedMs).toBe(1_000);
    expect(await clerk.expect('paid')).toEqual({ cents: 1 });
  });

  it('lets an hour of an interval of 1 s pass: 3,600 ticks in order', async () => {
    const Ticker = protocol('ticker', { start: tell(), tick: tell() });
    const ticks: number[] = [];
    const ticker = actor(
      Ticker,
      { args: z.object({}), state: () => ({}) },
      {
        start: (_state, _message, context) => void context.every(1_000, context.self.tick),
        tick: (_state, _message, context) => void ticks.push(context.now()),
      },
    );
    const t = await testSystem({ registry: registry(ticker) });
    open.push(t);
    const startMs = t.time.now();
    (await t.spawn(ticker)).start();
    await t.time.advance(3_600_000);
    expect(ticks).toEqual(Array.from({ length: 3_600 }, (_, n) => startMs + (n + 1) * 1_000));
  });

  it('gives the actors its own clock: 2001 and what has passed since', async () => {
    const { t, ref } = await start();
    await t.time.advance(250);
    expect(await ref.now()).toBe(Date.UTC(2001, 0, 1) + 250);
    expect(t.time.now()).toBe(Date.UTC(2001, 0, 1) + 250);
  });

  it('passes for a promise until it has settled, and no further', async () => {
    const { t, ref } = await start();
    ref.pay({ cents: 7 });
    expect(await t.time.until(ref.slowTotal({ ms: 300 }))).toBe(7);
    expect(t.time.elapsedMs).toBe(300);
  });

  it('says after 5,000 ms that a promise has not settled, and rejects as it rejects', async () => {
    const { t, ref } = await start();
    const never = await ended(t.time.until(new Promise(() => undefined)));
    expect(never).toMatchObject({ error: { code: 'ERR_ASSERTION', actual: 'pending', expected: 'settled' } });
    expect(t.time.elapsedMs).toBe(5_000);
    const late = await ended(t.time.until(ref.slowTotal({ ms: 9_000 }, { timeoutMs: 100 })));
    expect(late).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
  });

  it('lets the deadline of an ask pass, at most 20 ms late', async () => {
    const { t, ref } = await start();
    const slow = ended(ref.slowTotal({ ms: 60_000 }, { timeoutMs: 1_000 }));
    await t.time.advance(1_020);
    expect(await slow).toMatchObject({ error: { code: 'OutcomeUnknown' } });
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to advance by %s ms', async (ms) => {
    const { t } = await start();
    expect(() => t.time.advance(ms)).toThrow(/at least 0/);
  });
});

describe('settling', () => {
  it('waits for a handler that reads a file, though no virtual time passes', async () => {
    const store: Store = { save: async () => (await readFile(new URL(import.meta.url))).byteLength };
    const { t, ref, clerk } = await start(store);
    let size = 0;
    ref.save().then((bytes) => {
      size = bytes;
    });
    await t.settle();
    expect(size).toBeGreaterThan(1_000);
    ref.saveLater();
    await t.settle();
    expect(clerk.received).toEqual([{ operation: 'paid', message: { cents: size } }]);
    expect(t.time.elapsedMs).toBe(0);
  });

  it('lets a timer wait for the file that the timer before it began to read', async () => {
    const order: string[] = [];
    const store: Store = {
      save: async () => {
        await readFile(new URL(import.meta.url));
        order.push('read');
        return 1;
      },
    };
    const { t, ref } = await start(store);
    t.system.clock.wake(10, () => void ref.save());
    t.system.clock.wake(11, () => order.push('next timer'));
    await t.time.advance(20);
    expect(order).toEqual(['read', 'next timer']);
  });

  it.each(['save', 'saveLater'] as const)(
    'does not hang on %s for what never comes: names it after 50 ms',
    async (operation) => {
      const gate = deferred<number>();
      const { t, ref } = await start({ save: () => gate.promise }, { outsideMs: 50 });
      if (operation === 'save') void ended(ref.save());
      else ref.saveLater();
      const startMs = realMs();
      const result = await ended(t.settle());
      expect(realMs() - startMs).toBeLessThan(5_000);
      const what = operation === 'save' ? 'till.save' : 'ctx.run for till.saved';
      expect(result).toMatchObject({
        error: { code: 'NotSettled', reason: 'open', open: [{ path: String(ref), operation: what }] },
      });
      expect((result as { error: Error }).error.message).toContain(`${ref} in ${what}`);
      gate.resolve(1);
      await t.settle();
    },
  );

  it('leaves it open where that is said, at once and with time passing', async () => {
    const gate = deferred<number>();
    const { t, ref } = await start({ save: () => gate.promise }, { outsideMs: 20_000 });
    const asked = ended(ref.save({ timeoutMs: 100 }));
    const startMs = realMs();
    await t.settle({ leaveOpen: true });
    await t.time.advance(120, { leaveOpen: true });
    expect(realMs() - startMs).toBeLessThan(10_000);
    expect(await asked).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    gate.resolve(1);
  });

  it('takes a wait for time, for another actor or for its room as settled', async () => {
    const { t, ref, clerk } = await start(fake, { outsideMs: 10_000 });
    const startMs = realMs();
    const slow = ref.slowTotal({ ms: 50 });
    await t.settle();
    await t.time.until(slow);
    ref.ask({ cents: 3 });
    await t.settle();
    await clerk.expect('approve');
    clerk.reply('approve', true);
    await clerk.expect('paid');
    ref.follow({ rates: 1 });
    await t.settle();
    await clerk.expect('rates');
    clerk.emit('rates', 4);
    await clerk.expect('paid');

    const Narrow = protocol('narrow', { put: tell() });
    const narrow = actor(
      Narrow,
      { args: z.object({}), state: () => ({}), mailbox: { highWater: 1 } },
      {
        put: async (_state, _message, context) => context.delay(100),
      },
    );
    const Pusher = protocol('pusher', { push: tell(z.object({ to: refOf(Narrow) })) });
    const pusher = actor(
      Pusher,
      { args: z.object({}), state: () => ({}) },
      {
        push: async (_state, { to }) => {
          for (let n = 0; n < 3; n += 1) await to.put.offer();
        },
      },
    );
    const to = await t.spawn(narrow);
    (await t.spawn(pusher)).push({ to });
    await t.settle();
    expect(realMs() - startMs).toBeLessThan(5_000);
  });

  /** A parent whose child may wait for the gate at one point of its life. */
  function family(gate: () => Promise<unknown>, at: 'start' | 'handler' | 'restart' | 'stop') {
    const Child = protocol('child', { work: tell(), fail: tell() });
    let starts = 0;
    const child = actor(
      Child,
      {
        args: z.object({}),
        state: async () => {
          starts += 1;
          if (at === 'start' || (at === 'restart' && starts > 1)) await gate();
          return {};
        },
        signals: { stopping: async () => void (at === 'stop' && (await gate())) },
      },
      {
        work: async () => void (await gate()),
        fail: () => {
          throw new Error('failed');
        },
      },
    );
    const Parent = protocol('parent', { start: tell(), end: tell() });
    return actor(
      Parent,
      { args: z.object({}), state: () => ({}) },
      {
        start: (_state, _message, context) => {
          const one = context.spawn(child, { name: 'one' });
          if (at === 'handler') one.work();
          if (at === 'restart') one.fail();
        },
        end: (_state, _message, context) => context.stop(),
      },
    );
  }

  it.each([
    ['start', 'its start'],
    ['handler', 'child.work'],
    ['restart', 'its restart'],
    ['stop', 'its stop'],
  ] as const)(
    'waits for a child in the middle of its %s, and names it alone where that does not end',
    async (at, what) => {
      const gate = deferred<void>();
      for (const ends of [true, false]) {
        let waited = false;
        const wait = async (): Promise<void> => {
          if (ends) await new Promise((resolve) => setTimeout(resolve, 15));
          else await gate.promise;
          waited = true;
        };
        const t = await testSystem({ outsideMs: ends ? 5_000 : 40 });
        open.push(t);
        const parent = await t.spawn(family(wait, at));
        parent.start();
        if (at === 'stop') {
          await t.settle();
          parent.end();
        }
        if (ends) {
          await t.settle();
          expect(waited).toBe(true);
          continue;
        }
        const child = `troupe://${t.system.nodeId}/main/parent/one#2`;
        const error = ((await ended(t.settle())) as { error: NotSettled }).error;
        expect(error.open).toEqual([{ path: child, operation: what }]);
        gate.resolve();
        await t.settle();
      }
    },
  );

  it('takes the backoff of 60 s before a restart for time, and what a killed actor began for nobody’s', async () => {
    const Brittle = protocol('brittle', { fail: tell() });
    const brittle = actor(
      Brittle,
      { args: z.object({}), state: () => ({}), supervise: { backoff: { minMs: 60_000, maxMs: 60_000 } } },
      {
        fail: () => {
          throw new Error('failed');
        },
      },
    );
    const { t, ref } = await start({ save: () => new Promise(() => undefined) }, { outsideMs: 10_000 });
    const startMs = realMs();
    (await t.spawn(brittle)).fail();
    ref.saveLater();
    await t.settle({ leaveOpen: true });
    await kill(ref);
    await t.settle();
    expect(realMs() - startMs).toBeLessThan(5_000);
  });

  it('names who keeps itself busy for ever, and lets timers of the machine fire meanwhile', async () => {
    const { t, ref } = await start();
    ref.chatter();
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 1);
    const result = await ended(t.settle());
    expect(result).toMatchObject({ error: { code: 'NotSettled', reason: 'endless', open: [{ path: String(ref) }] } });
    expect(fired).toBe(true);
    ref.stop();
  });
});

it('goes on under the fake timers of a runner', async () => {
  const { t, clerk, ref } = await start({ save: () => new Promise(() => undefined) }, { outsideMs: 30 });
  vi.useFakeTimers();
  try {
    ref.payLater({ cents: 5, afterMs: 100 });
    await t.time.advance(100);
    expect(await clerk.expect('paid')).toEqual({ cents: 5 });
    void ended(ref.save());
    expect(await ended(t.settle())).toMatchObject({ error: { code: 'NotSettled' } });
  } finally {
    vi.useRealTimers();
  }
});

describe('the order of turns', () => {
  const Race = protocol('race', { go: tell(z.object({ round: z.int() })) });

  /** Ten racers of three rounds each, half of them waiting once; returns who started in which order. */
  async function race(options: TestSystemOptions): Promise<string[]> {
    const starts: string[] = [];
    const racer = closureActor(Race, z.object({ number: z.int() }), ({ number }, context) => ({
      go: async ({ round }) => {
        starts.push(`${number}.${round}`);
        if (number % 2 === 0) await Promise.resolve();
        if (round < 2) context.self.go({ round: round + 1 });
      },
    }));
    const t = await testSystem(options);
    open.push(t);
    const racers: Ref<typeof Race>[] = [];
    for (let number = 0; number < 10; number += 1) racers.push(await t.spawn(racer, { args: { number } }));
    for (const one of racers) one.go({ round: 0 });
    await t.settle();
    return starts;
  }

  it('is first come, first served without a seed, every time', async () => {
    const order = await race({});
    expect(order.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}.0`));
    expect(order).toHaveLength(30);
    expect(await race({})).toEqual(order);
  });

  it('is the same for the same seed, and another for most others', async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const order = await race({ seed });
      expect(await race({ seed })).toEqual(order);
      expect([...order].sort()).toEqual([...(await race({}))].sort());
      orders.add(order.join());
    }
    expect(orders.size).toBeGreaterThan(18);
  });

  it('keeps what one sender sends in order, with any of 50 seeds', async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { t, ref, clerk } = await start(fake, { seed });
      for (let cents = 0; cents < 20; cents += 1) ref.pay({ cents });
      await t.settle();
      expect(clerk.received.map(({ message }) => (message as { cents: number }).cents)).toEqual(
        Array.from({ length: 20 }, (_, cents) => cents),
      );
    }
  });

  it('seeds ctx.random() too, and the names of places', async () => {
    const [a, b, c] = await Promise.all([11, 11, 12].map((seed) => start(fake, { seed })));
    const first = await a!.ref.chance();
    expect(await b!.ref.chance()).toBe(first);
    expect(await c!.ref.chance()).not.toBe(first);
    expect(String(a!.ref)).toBe(String(b!.ref));
  });

  it('refuses a seed that is no whole number', async () => {
    await expect(testSystem({ seed: 1.5 })).rejects.toThrow(/expected int[\s\S]*at seed/);
  });
});

describe('manual stepping', () => {
  it('handles one message of one actor a step, and says when none is ready', async () => {
    const { t, ref, clerk } = await start(fake, { stepping: 'manual' });
    ref.pay({ cents: 1 });
    ref.pay({ cents: 2 });
    expect(clerk.received).toHaveLength(0);
    expect(await t.step()).toBe(true); // the till handles the first
    expect(t.statistics().handled).toBe(1);
    await clerk.expectNothing();
    expect(await t.step()).toBe(true); // the clerk is told of it, or the till handles the second
    expect(t.statistics().handled).toBe(2);
    await t.settle();
    expect(clerk.received).toHaveLength(2);
    expect(await t.step()).toBe(false);
  });

  it('leaves the message of a timer to the next step', async () => {
    const { t, ref, clerk } = await start(fake, { stepping: 'manual' });
    ref.payLater({ cents: 9, afterMs: 10 });
    await t.step();
    await t.time.advance(10);
    expect(t.statistics().handled).toBe(1);
    await t.settle();
    expect(await clerk.expect('paid')).toEqual({ cents: 9 });
  });

  it('says in a failed expectation how many turns wait', async () => {
    const { ref, clerk } = await start(fake, { stepping: 'manual' });
    ref.pay({ cents: 1 });
    await expect(clerk.expect('paid')).rejects.toThrow(/1 turns wait for step\(\)/);
  });

  it('refuses another word for it', async () => {
    await expect(testSystem({ stepping: 'by hand' as 'manual' })).rejects.toThrow(
      /"automatic"\|"manual"[\s\S]*at stepping/,
    );
  });
});

describe('fakes', () => {
  it('stand in place of a resource, which is not opened', async () => {
    const { ref } = await start({ save: async () => 42 });
    expect(await ref.save()).toBe(42);
  });

  it('leave a resource alone that has none: its real one is opened', async () => {
    const t = await testSystem({ registry: everything });
    open.push(t);
    const result = await ended(t.spawn(till, { args: { clerk: t.probe(Clerk).ref } }));
    expect(result).toMatchObject({ error: { code: 'SpawnFailed', reason: 'resource' } });
  });

  it('may be undefined or another falsy value', async () => {
    const nothing = resource('nothing', { open: () => undefined as undefined | number });
    const Asker = protocol('asker', { look: tell() });
    let seen: unknown = 'not asked';
    const asker = actor(
      Asker,
      { args: z.object({}), state: () => ({}), uses: [nothing] },
      {
        look: (_state, _message, context) => {
          seen = context.use(nothing);
        },
      },
    );
    const t = await testSystem({ registry: registry(asker, nothing), resources: { nothing: 0 } });
    open.push(t);
    (await t.spawn(asker)).look();
    await t.settle();
    expect(seen).toBe(0);
  });

  it('are refused under a name that the registry has not, and it says which it has', async () => {
    const registryOfUnknown: Registry = everything;
    await expect(testSystem({ registry: registryOfUnknown, resources: { stroe: fake } })).rejects.toThrow(
      'no resource "stroe" for a fake to stand for; it has store',
    );
  });
});

describe('what is captured', () => {
  it('is one log line with the stack of a failure, and nothing is printed', async () => {
    const { t, ref } = await start();
    ref.fail();
    await t.settle();
    const line = t.log.expectOne({ level: 'error', text: /the drawer is stuck/, stack: 'till.ts' });
    expect(() => t.log.expectOne({ level: 'error', stack: 'another.ts' })).toThrow(/there were 0/);
    expect(() => t.log.expectOne({ level: 'warn', stack: '' })).toThrow(/there were 0/);
    expect(line.fields.path).toBe(String(ref));
    t.log.expectNone({ level: 'info' });
    expect(() => t.log.expectNone({ level: 'error' })).toThrow(
      /expected no log line with level error, but there were 1/,
    );
  });

  it('shows all lines where one was expected and there was none', async () => {
    const { t, ref } = await start();
    expect(() => t.log.expectOne({ text: 'x' })).toThrow('nothing was logged');
    ref.fail();
    await t.settle();
    expect(() => t.log.expectOne({ text: 'no such line' })).toThrow(
      /there were 0; the log holds 2 lines:\n {2}error: /,
    );
  });

  it('is every dead letter of 3,000, with its reason and message', async () => {
    const { t, ref } = await start();
    ref.stop();
    await t.settle();
    for (let cents = 0; cents < 3_000; cents += 1) ref.pay({ cents });
    expect(t.deadLetters.all).toHaveLength(3_000);
    const letter = t.deadLetters.expectOne({ operation: 'till.pay', reason: 'stopped', message: { cents: 2_999 } });
    expect(letter.path).toBe(String(ref));
    expect(() => t.deadLetters.expectNone()).toThrow(/expected no dead letter at all, but there were 3000; there are:/);
    expect(() => t.deadLetters.expectOne({ reason: 'full' })).toThrow(/one dead letter with reason 'full'/);
  });
});

describe('isolation', () => {
  it('is by codec: what would not survive a thread fails the test', async () => {
    const { t, ref } = await start();
    class Purse {
      cents = 1;
    }
    expect(() => ref.keep({ anything: new Purse() })).toThrow(/InvalidMessage|anything/);
    await t.settle();
    // A ref whose protocol no other place would know goes from hand to hand by its address too.
    const Ghost = protocol('ghost', { meet: tell(z.object({ other: refTo<Ref<typeof Till>>('till') })) });
    const ghost = closureActor(Ghost, z.object({}), () => ({ meet: () => undefined }));
    const meet = async (isolation?: 'parse'): Promise<unknown> => {
      const bare = await testSystem(isolation === undefined ? {} : { isolation });
      open.push(bare);
      const gone = bare.probe(Till);
      const one = await bare.spawn(ghost);
      await gone.stop();
      return one.meet({ other: gone.ref });
    };
    await expect(meet()).rejects.toThrow('the protocol "till" of a ref is not known');
    expect(await meet('parse')).toBe(true);
  });

  it('is what is said otherwise', async () => {
    const List = protocol('list', { take: tell(z.object({ items: z.array(z.int()) })) });
    const taken: unknown[] = [];
    const list = closureActor(List, z.object({}), () => ({ take: (message) => void taken.push(message) }));
    const message = { items: [1] };
    for (const isolation of ['trusted', 'parse', 'codec'] as const) {
      const t = await testSystem({ isolation });
      open.push(t);
      (await t.spawn(list)).take(message);
      await t.settle();
    }
    expect(taken).toEqual([message, message, message]);
    expect(taken.map((one) => one === message)).toEqual([true, false, false]);
  });
});

describe('the end', () => {
  it('takes no real time: an actor that waits 1 h is killed at its deadline and named', async () => {
    const { t, ref } = await start();
    void ended(ref.slowTotal({ ms: 3_600_000 }, { timeoutMs: 10_000_000 }));
    await t.settle();
    const startMs = realMs();
    await t.shutdown({ deadlineMs: 60_000 });
    expect(realMs() - startMs).toBeLessThan(10_000);
    t.log.expectOne({ level: 'warn', text: `left something: killed ${ref}, busy with till.slowTotal` });
  });

  it('waits for a resource that takes 20 ms of real time to close', async () => {
    let closed = false;
    const slow = resource('slow', {
      open: () => 1,
      close: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        closed = true;
      },
    });
    const User = protocol('user', { go: tell() });
    const user = actor(User, { args: z.object({}), state: () => ({}), uses: [slow] }, { go: () => undefined });
    const t = await testSystem({ registry: registry(user, slow) });
    await t.spawn(user);
    await t.shutdown();
    expect(closed).toBe(true);
    t.log.expectNone();
  });

  it('comes with await using, by hand too, and twice does no harm', async () => {
    let system: TestSystem;
    {
      await using t = await testSystem({ registry: everything, resources: { store: fake }, stepping: 'manual' });
      system = t;
      await t.spawn(till, { args: { clerk: t.probe(Clerk).ref } });
    }
    system.log.expectNone();
    expect(system.time.elapsedMs).toBe(0);
    await system.shutdown();
    expect(await ended(system.spawn(till, { args: { clerk: {} as Ref<typeof Clerk> } }))).toMatchObject({
      error: { code: 'SpawnFailed' },
    });
  });
});

void Till;
