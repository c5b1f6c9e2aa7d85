/** Operations that interleave: what may begin while a run waits, and what becomes of open runs when something else happens. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { ask, protocol, type Ref, refTo, stream, tell } from '../../src/index.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const input = z.string();
const output = z.string();
const errors = { odd: z.object({ key: z.string() }) };
const Lab = protocol('lab', {
  write: ask({ input, output, errors }),
  look: ask({ input, output, errors, readonly: true }),
  pair: ask({ input, output, errors, concurrent: 2 }),
  note: tell(input),
  feed: stream({ input, output }),
});

interface LabContext {
  readonly signal: AbortSignal;
  fail(code: 'odd', data: { key: string }): never;
}

/**
 * An actor whose handlers say when they begin and end. One waits until its gate is opened, where there is one for its
 * message; it fails where the message begins with `fail`, and answers with its error for `odd`.
 */
async function lab(options: { supervise?: Supervise; callChainReentrancy?: boolean } = {}) {
  const host = testHost();
  const log: string[] = [];
  const gates = new Map<string, Deferred<void>>();
  const signals = new Map<string, AbortSignal>();
  const finish = (key: string, context: LabContext): string => {
    if (key.startsWith('fail')) throw new Error(key);
    if (key.startsWith('odd')) context.fail('odd', { key });
    log.push(`end ${key}`);
    return key;
  };
  const handle = (key: string, context: LabContext): string | Promise<string> => {
    log.push(`begin ${key}`);
    const gate = gates.get(key);
    if (gate === undefined) return finish(key, context);
    signals.set(key, context.signal);
    return gate.promise.then(() => finish(key, context));
  };
  const definition = closureActor(
    Lab,
    z.object({}),
    () => ({
      write: handle,
      look: handle,
      pair: handle,
      note: (key, context) => {
        const result = handle(key, context as unknown as LabContext);
        return typeof result === 'string' ? undefined : result.then(() => undefined);
      },
      async *feed(key) {
        for (let n = 0; ; n += 1) {
          log.push(`feed ${key} ${n}`);
          yield `${key} ${n}`;
          await Promise.resolve();
        }
      },
    }),
    options,
  );
  const ref = await host.spawn(definition);
  return {
    ...host,
    host,
    ref,
    log,
    signals,
    gate: (key: string) => gates.set(key, deferred()),
    open: async (key: string) => {
      gates.get(key)!.resolve();
      await host.settle();
    },
  };
}

describe('while an exclusive run waits', () => {
  test('3 asks of a readonly operation begin and end, and a write waits', async () => {
    const { ref, log, gate, open, settle } = await lab();
    gate('w');
    const replies = [ref.write('w'), ref.look('a'), ref.look('b'), ref.look('c'), ref.write('x')];
    await settle();
    expect(log).toEqual(['begin w', 'begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c']);
    await open('w');
    expect(log.slice(-3)).toEqual(['end w', 'begin x', 'end x']);
    expect(await Promise.all(replies)).toEqual(['w', 'a', 'b', 'c', 'x']);
  });

  test('what is behind a write in the queue waits with it, so that the order of acceptance is the order of starts', async () => {
    const { ref, log, gate, open, settle } = await lab();
    gate('w');
    void ref.write('w');
    void ref.look('a');
    ref.note('n');
    void ref.look('b');
    await settle();
    expect(log).toEqual(['begin w', 'begin a', 'end a']);
    await open('w');
    expect(log).toEqual(['begin w', 'begin a', 'end a', 'end w', 'begin n', 'end n', 'begin b', 'end b']);
  });

  test('2 runs of `concurrent: 2` are open, a third waits and so does the readonly ask behind it', async () => {
    const { ref, log, gate, open, settle } = await lab();
    for (const key of ['w', 'p1', 'p2', 'p3']) gate(key);
    void ref.write('w');
    for (const key of ['p1', 'p2', 'p3']) void ref.pair(key);
    void ref.look('a');
    await settle();
    expect(log).toEqual(['begin w', 'begin p1', 'begin p2']);
    await open('p2');
    expect(log.slice(3)).toEqual(['end p2', 'begin p3', 'begin a', 'end a']);
  });

  test('a message behind a head that was given up begins at once', async () => {
    const { ref, log, gate, settle, advance } = await lab();
    gate('w');
    void ref.write('w');
    const head = ended(ref.write('x', { timeoutMs: 50 }));
    void ref.look('a');
    await settle();
    expect(log).toEqual(['begin w']);
    await advance(100);
    expect(await head).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(log).toEqual(['begin w', 'begin a', 'end a']);
  });

  test('a stream is neither begun nor asked for its next value', async () => {
    const { ref, log, gate, open, settle } = await lab();
    const reader = ref.feed('f')[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: 'f 0' });
    await settle();
    gate('w');
    void ref.write('w');
    await settle();
    const before = log.length;
    void ref.look('a');
    await reader.next();
    for (let n = 0; n < 300; n += 1) void reader.next();
    void ref.look('b');
    await settle();
    expect(log.slice(before).filter((line) => line.startsWith('feed'))).toEqual([]);
    await open('w');
    expect(log.slice(before).filter((line) => line.startsWith('feed')).length).toBeGreaterThan(0);
    await reader.return?.();
  });

  test('an actor that asks itself readonly without end lets another run: a turn handles what was there when it began', async () => {
    const { spawn, scheduler, settle } = testHost({ scheduler: { manual: true } });
    const Busy = protocol('busy', {
      hold: ask({ output: z.void() }),
      again: ask({ output: z.void(), readonly: true }),
    });
    let again = 0;
    const busy = await spawn(
      closureActor(Busy, z.object({}), (_args, context) => ({
        hold: () => new Promise<void>(() => undefined),
        again: () => {
          again += 1;
          void context.self.again().catch(() => undefined);
        },
      })),
    );
    void busy.hold().catch(() => undefined);
    void busy.again().catch(() => undefined);
    scheduler.step();
    await settle();
    scheduler.step();
    await settle();
    expect(again).toBeLessThan(3);
  });
});

describe('an exclusive message', () => {
  test('begins while 2 interleaved runs are open', async () => {
    const { ref, log, gate, settle } = await lab();
    gate('a');
    gate('p');
    void ref.look('a');
    void ref.pair('p');
    void ref.write('w');
    await settle();
    expect(log).toEqual(['begin a', 'begin p', 'begin w', 'end w']);
  });
});

test('a stream goes on while `concurrent` runs are used up and one more waits', async () => {
  const { ref, gate, settle } = await lab();
  gate('p1');
  gate('p2');
  for (const key of ['p1', 'p2', 'p3']) void ref.pair(key);
  await settle();
  const reader = ref.feed('f')[Symbol.asyncIterator]();
  // It is behind p3, which waits.
  let value: unknown;
  void reader.next().then((result) => {
    value = result.value;
  });
  await settle();
  expect(value).toBeUndefined();
  const { ref: other, gate: otherGate, settle: otherSettle } = await lab();
  const early = other.feed('f')[Symbol.asyncIterator]();
  await early.next();
  otherGate('p1');
  otherGate('p2');
  for (const key of ['p1', 'p2', 'p3']) void other.pair(key);
  await otherSettle();
  let read = 0;
  void (async () => {
    for (; read < 600; read += 1) await early.next();
  })();
  for (let pass = 0; pass < 20; pass += 1) await otherSettle();
  expect(read).toBe(600);
});

describe('a failure of an interleaved run', () => {
  async function failing(directive: 'resume' | 'restart' | 'stop') {
    const one = await lab({ supervise: { directive: () => directive } });
    for (const key of ['w', 'a', 'fail', 'p']) one.gate(key);
    const ends = new Map<string, unknown>();
    const track = (key: string, call: Promise<unknown>): void => {
      void ended(call).then((end) => ends.set(key, end));
    };
    track('w', one.ref.write('w'));
    track('a', one.ref.look('a'));
    track('fail', one.ref.look('fail'));
    track('p', one.ref.pair('p'));
    track('x', one.ref.write('x'));
    await one.settle();
    await one.open('fail');
    return { ...one, ends };
  }

  test('with resume fails its own ask, and lets 3 others and the queue go on', async () => {
    const { ends, open, deadLetterCounts } = await failing('resume');
    expect([...ends]).toMatchObject([['fail', { error: { code: 'ActorFailed' } }]]);
    for (const key of ['a', 'p', 'w']) await open(key);
    expect([...ends].slice(1)).toEqual([
      ['a', { value: 'a' }],
      ['p', { value: 'p' }],
      ['w', { value: 'w' }],
      ['x', { value: 'x' }],
    ]);
    expect(deadLetterCounts()).toEqual({ poison: 1 });
  });

  test('with restart abandons the exclusive run and 2 others as ActorFailed, and handles the queue', async () => {
    const { ends, signals, open, log, host } = await failing('restart');
    for (const key of ['w', 'a', 'fail', 'p']) {
      expect(ends.get(key)).toMatchObject({ error: { code: 'ActorFailed' } });
    }
    expect(ends.get('x')).toEqual({ value: 'x' });
    for (const key of ['w', 'a', 'p']) expect(signals.get(key)!.aborted).toBe(true);
    // What the old generation comes to later is nobody's.
    for (const key of ['w', 'a', 'p']) await open(key);
    expect(log.filter((line) => line.startsWith('begin'))).toHaveLength(5);
    expect(host.host.deadlines.open).toBe(0);
  });

  test('with stop abandons them as ActorFailed, and what waited is NotDelivered', async () => {
    const { ends, deadLetterCounts } = await failing('stop');
    for (const key of ['w', 'a', 'fail', 'p']) {
      expect(ends.get(key)).toMatchObject({ error: { code: 'ActorFailed' } });
    }
    expect(ends.get('x')).toMatchObject({ error: { code: 'NotDelivered' } });
    expect(deadLetterCounts()).toMatchObject({ poison: 1 });
  });

  test('of the exclusive run with resume leaves interleaved runs open', async () => {
    const { ref, gate, open, settle } = await lab({ supervise: { directive: () => 'resume' } });
    gate('fail');
    gate('a');
    const write = ended(ref.write('fail'));
    const look = ended(ref.look('a'));
    await settle();
    await open('fail');
    expect(await write).toMatchObject({ error: { code: 'ActorFailed' } });
    await open('a');
    expect(await look).toEqual({ value: 'a' });
  });

  test('by ctx.fail is a reply with its data, and no failure', async () => {
    const { ref, gate, open, settle, log } = await lab();
    gate('odd 1');
    gate('w');
    void ref.write('w');
    const late = ref.look.outcome('odd 1');
    const now = ref.pair.outcome('odd 2');
    await settle();
    await open('odd 1');
    expect(await late).toMatchObject({ ok: false, error: { code: 'odd', data: { key: 'odd 1' } } });
    expect(await now).toMatchObject({ ok: false, error: { code: 'odd', data: { key: 'odd 2' } } });
    await open('w');
    expect(log.at(-1)).toBe('end w');
  });

  test('under poison retry 1 is tried twice for each of 2 asks that fail in turn, and no more', async () => {
    const { ref, log } = await lab({ supervise: { directive: () => 'resume', poison: { retry: 1 } } });
    const ends = await Promise.all([ended(ref.look('fail 1')), ended(ref.look('fail 2'))]);
    expect(ends).toMatchObject([{ error: { code: 'ActorFailed' } }, { error: { code: 'ActorFailed' } }]);
    expect(log).toEqual(['begin fail 1', 'begin fail 1', 'begin fail 2', 'begin fail 2']);
  });

  test('under poison retry 1 of 2 that fail asynchronously in turn ends as well, and the signal of the second try aborts', async () => {
    const host = testHost();
    let tries = 0;
    const signals: AbortSignal[] = [];
    const ref = await host.spawn(
      actor(
        Lab,
        {
          args: z.object({}),
          state: () => ({}),
          supervise: { directive: () => 'resume', poison: { retry: 1 } },
        },
        {
          write: (_state, key) => key,
          look: async (_state, key, context) => {
            tries += 1;
            await context.delay(key === 'a' ? 10 : 15);
            throw new Error('again');
          },
          pair: async (_state, key, context) => {
            signals.push(context.signal);
            if (signals.length === 1) throw new Error('once');
            await context.delay(1_000);
            return key;
          },
          note: () => undefined,
          async *feed() {
            yield 'x';
          },
        },
      ),
    );
    const ends = [ended(ref.look('a')), ended(ref.look('b'))];
    const timed = ended(ref.pair('p', { timeoutMs: 100 }));
    await host.advance(200);
    expect(await Promise.all(ends)).toMatchObject([
      { error: { code: 'ActorFailed' } },
      { error: { code: 'ActorFailed' } },
    ]);
    expect(tries).toBe(4);
    expect(await timed).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });
});

describe('an end while a write and 2 interleaved runs are open', () => {
  async function busy() {
    const one = await lab();
    for (const key of ['w', 'a', 'p']) one.gate(key);
    const calls = [ended(one.ref.write('w')), ended(one.ref.look('a')), ended(one.ref.pair('p'))];
    await one.settle();
    return { ...one, calls };
  }

  test('by stop waits for all of them and begins nothing more', async () => {
    const { ref, calls, open, settle, log } = await busy();
    let hasEnded = false;
    void stop(ref).then(() => {
      hasEnded = true;
    });
    const late = ended(ref.look('late'));
    for (const key of ['w', 'a']) {
      await open(key);
      expect(hasEnded).toBe(false);
    }
    await open('p');
    await settle();
    expect(hasEnded).toBe(true);
    expect(await Promise.all(calls)).toEqual([{ value: 'w' }, { value: 'a' }, { value: 'p' }]);
    expect(await late).toMatchObject({ error: { code: 'NotDelivered' } });
    expect(log.filter((line) => line.startsWith('begin'))).toHaveLength(3);
  });

  test('by stop lets neither a tell nor an ask begin beside an open interleaved run, also while a stream is read', async () => {
    const { ref, gate, open, settle, log, deadLetterCounts } = await lab();
    const reader = ref.feed('f')[Symbol.asyncIterator]();
    await reader.next();
    gate('a');
    const look = ended(ref.look('a'));
    await settle();
    const end = stop(ref);
    ref.note('n');
    const write = ended(ref.write('w'));
    for (let n = 0; n < 300; n += 1) void reader.next().catch(() => undefined);
    await settle();
    await settle();
    expect(log.filter((line) => line.startsWith('begin'))).toEqual(['begin a']);
    await open('a');
    await end;
    expect(await look).toEqual({ value: 'a' });
    expect(await write).toMatchObject({ error: { code: 'NotDelivered' } });
    expect(deadLetterCounts()).toEqual({ stopped: 2 });
  });

  test('by kill waits for none: 3 ActorFailed at once, their signals abort', async () => {
    const { ref, calls, signals, clock } = await busy();
    await kill(ref);
    for (const end of await Promise.all(calls)) expect(end).toMatchObject({ error: { code: 'ActorFailed' } });
    for (const key of ['w', 'a', 'p']) expect(signals.get(key)!.aborted).toBe(true);
    expect(clock.monotonicMs()).toBe(0);
  });

  test('by stop with a deadline of 100 ms kills then', async () => {
    const { ref, calls, advance } = await busy();
    const end = ended(stop(ref, { deadlineMs: 100 }));
    await advance(150);
    expect(await end).toMatchObject({ error: { code: 'ActorFailed' } });
    for (const call of await Promise.all(calls)) expect(call).toMatchObject({ error: { code: 'ActorFailed' } });
  });
});

describe('giving up an interleaved ask', () => {
  test('by its deadline aborts the signal of its run and of no other, and its late reply is counted', async () => {
    const { ref, gate, open, signals, advance, host } = await lab();
    for (const key of ['w', 'a', 'b']) gate(key);
    const calls = [ended(ref.write('w')), ended(ref.look('a', { timeoutMs: 100 })), ended(ref.look('b'))];
    await advance(150);
    expect(await calls[1]).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(['w', 'a', 'b'].map((key) => signals.get(key)!.aborted)).toEqual([false, true, false]);
    const { late } = host.host.counters;
    await open('a');
    expect(host.host.counters.late).toBe(late + 1);
    await open('b');
    await open('w');
    expect(await Promise.all([calls[0], calls[2]])).toEqual([{ value: 'w' }, { value: 'b' }]);
  });

  test('that had waited at the head of the queue aborts the signal of its run as well', async () => {
    const { ref, gate, open, signals, advance } = await lab();
    for (const key of ['w', 'x']) gate(key);
    void ref.write('w');
    const waited = ended(ref.write('x', { timeoutMs: 100 }));
    await advance(10);
    await open('w');
    expect(signals.get('x')!.aborted).toBe(false);
    await advance(150);
    expect(await waited).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(signals.get('x')!.aborted).toBe(true);
  });

  test("by its caller's signal aborts that of its run and of no other", async () => {
    const { ref, gate, signals, settle } = await lab();
    for (const key of ['w', 'a', 'b']) gate(key);
    const controller = new AbortController();
    void ended(ref.write('w'));
    const a = ended(ref.pair('a', { signal: controller.signal }));
    void ended(ref.pair('b'));
    await settle();
    controller.abort();
    expect(await a).toMatchObject({ error: { code: 'Cancelled', delivered: true } });
    expect(['w', 'a', 'b'].map((key) => signals.get(key)!.aborted)).toEqual([false, true, false]);
  });
});

// ── calls that come back ──

interface PeerRef extends Ref<typeof Peer> {}
const Peer = protocol('peer', {
  /** Asks the next of the route, after an await, with the rest of it: by the operation that stands before it. */
  go: ask({
    input: z.object({ route: z.array(z.string()), peers: z.array(refTo<PeerRef>('peer')) }),
    output: z.string(),
  }),
  look: ask({
    input: z.object({ route: z.array(z.string()), peers: z.array(refTo<PeerRef>('peer')) }),
    output: z.string(),
    readonly: true,
  }),
  solo: ask({
    input: z.object({ route: z.array(z.string()), peers: z.array(refTo<PeerRef>('peer')) }),
    output: z.string(),
    concurrent: 1,
  }),
  feed: stream({
    input: z.object({ route: z.array(z.string()), peers: z.array(refTo<PeerRef>('peer')) }),
    output: z.string(),
  }),
});
type Visit = { route: string[]; peers: PeerRef[] };

/** Peers that call along a route such as `look 1`: the peer of number 1, by `look`. A refusal is what they answer. */
async function peers(count: number, options: { callChainReentrancy?: boolean } = {}) {
  const host = testHost();
  const started: string[] = [];
  const next = async ({ route: [step, ...route], peers }: Visit): Promise<string> => {
    await Promise.resolve();
    await Promise.resolve();
    if (step === undefined) return 'end';
    const [how, to] = step.split(' ') as ['go' | 'look' | 'solo' | 'feed', string];
    const peer = peers[Number(to)]!;
    try {
      if (how !== 'feed') return await peer[how]({ route, peers });
      for await (const value of peer.feed({ route, peers })) return value;
      return 'nothing';
    } catch (error) {
      const { code, reason, path } = error as { code: string; reason?: string; path?: string[] };
      if (code !== 'Rejected') throw error;
      return `${reason}: ${path!.map((one) => refs.findIndex((ref) => pathOf(ref) === one)).join(' ')}`;
    }
  };
  const refs: PeerRef[] = [];
  for (let index = 0; index < count; index += 1) {
    const run = (visit: Visit): Promise<string> => {
      started.push(`${index}: ${visit.route.join(', ')}`);
      return next(visit);
    };
    const definition = closureActor(
      Peer,
      z.object({}),
      () => ({
        go: run,
        look: run,
        solo: run,
        async *feed(visit) {
          yield await next(visit);
        },
      }),
      options,
    );
    refs.push(await host.spawn(definition));
  }
  const visit = (route: string[]): Visit => ({ route, peers: refs });
  return { ...host, host, refs, visit, started };
}

describe('a call that comes back to an actor whose run waits for it', () => {
  test.each([1, 2, 3, 4, 5, 6])('is refused in a ring of %i, with the path', async (count) => {
    const { refs, visit, clock } = await peers(count);
    const ring = Array.from({ length: count }, (_, index) => `go ${(index + 1) % count}`);
    const path = [...Array.from({ length: count }, (_, index) => index), 0];
    expect(await refs[0]!.go(visit(ring))).toBe(`cycle: ${path.join(' ')}`);
    expect(clock.monotonicMs()).toBe(0);
  });

  test.each(['look 0', 'solo 0'])('is let in at once by %s, before the write that waits', async (step) => {
    const { refs, visit, started } = await peers(2);
    const all = [refs[0]!.go(visit(['go 1', step])), refs[0]!.go(visit([]))];
    expect(await Promise.all(all)).toEqual(['end', 'end']);
    expect(started).toEqual([`0: go 1, ${step}`, `1: ${step}`, '0: ', '0: ']);
  });

  test('is refused by `concurrent: 1` when its only run is the one that waits', async () => {
    const { refs, visit } = await peers(2);
    expect(await refs[0]!.solo(visit(['go 1', 'solo 0']))).toBe('cycle: 0 1 0');
  });

  test('is let in by an actor with callChainReentrancy, through 3 actors, and nothing else is', async () => {
    const { refs, visit, started, settle } = await peers(3, { callChainReentrancy: true });
    const first = refs[0]!.go(visit(['go 1', 'go 2', 'go 0']));
    const second = refs[0]!.go(visit([]));
    await settle();
    expect(await Promise.all([first, second])).toEqual(['end', 'end']);
    expect(started.map((line) => line[0])).toEqual(['0', '1', '2', '0', '0']);
    expect(started[4]).toBe('0: ');
  });

  test('is named when it goes through a readonly operation, a queue behind a write, and `concurrent` runs', async () => {
    const { refs, visit } = await peers(3);
    expect(await refs[0]!.go(visit(['look 1', 'go 2', 'go 0']))).toBe('cycle: 0 1 2 0');
    expect(await refs[0]!.go(visit(['solo 1', 'solo 2', 'go 0']))).toBe('cycle: 0 1 2 0');
  });

  test('is named when it goes through a stream whose handler asks', async () => {
    const { refs, visit, clock } = await peers(3);
    expect(await refs[0]!.go(visit(['feed 1', 'go 0']))).toBe('cycle: 0 1 0');
    expect(await refs[0]!.go(visit(['feed 1', 'feed 2', 'go 0']))).toBe('cycle: 0 1 2 0');
    // The stream itself cannot begin: its reader keeps it out.
    expect(await refs[0]!.go(visit(['go 1', 'feed 0']))).toBe('cycle: 0 1 0');
    expect(clock.monotonicMs()).toBe(0);
  });

  test('in order: 3 calls of one sender that are let in begin as they were made', async () => {
    const { spawn } = testHost();
    const order: number[] = [];
    interface EchoRef extends Ref<typeof Echo> {}
    const Echo = protocol('echo', {
      start: ask({ input: z.object({ via: refTo<EchoRef>('echo'), self: refTo<EchoRef>('echo') }), output: z.void() }),
      back: ask({ input: z.object({ to: refTo<EchoRef>('echo') }), output: z.void() }),
      look: ask({ input: z.int(), output: z.void(), readonly: true }),
    });
    const echo = closureActor(Echo, z.object({}), () => ({
      start: ({ via, self }) => via.back({ to: self }),
      back: async ({ to }) => {
        await Promise.all([1, 2, 3].map((n) => to.look(n)));
      },
      look: (n) => {
        order.push(n);
      },
    }));
    const [a, b] = await Promise.all([spawn(echo), spawn(echo)]);
    // The second one waits, and would keep them out.
    await Promise.all([a.start({ via: b, self: a }), a.start({ via: b, self: a })]);
    expect(order).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test('is named although a stream of the same actor is open, by refs of its message and by ctx.self', async () => {
    const { spawn, settle } = testHost();
    interface WatchedRef extends Ref<typeof Watched> {}
    const Watched = protocol('watched', {
      go: ask({
        input: z.object({ via: refTo<WatchedRef>('watched'), me: refTo<WatchedRef>('watched') }),
        output: z.string(),
      }),
      back: ask({ input: z.object({ to: refTo<WatchedRef>('watched') }), output: z.string() }),
      self: ask({ output: z.string() }),
      changes: stream({ output: z.int() }),
    });
    const refusal = (call: Promise<string>): Promise<string> =>
      call.catch((error) => (error as { reason: string }).reason);
    const watched = actor(
      Watched,
      { args: z.object({}), state: () => ({ n: 0 }) },
      {
        go: async (_state, { via, me }) => {
          await Promise.resolve();
          return via.back({ to: me });
        },
        back: async (_state, { to }) => {
          await Promise.resolve();
          return refusal(to.self());
        },
        self: async (_state, _message, context) => {
          await Promise.resolve();
          return refusal(context.self.self());
        },
        async *changes(_state, _message, context) {
          yield* context.observe((state) => state.n);
        },
      },
    );
    const [a, b] = await Promise.all([spawn(watched), spawn(watched)]);
    const reader = a.changes()[Symbol.asyncIterator]();
    await reader.next();
    void reader.next();
    await settle();
    expect(await a.go({ via: b, me: a })).toBe('cycle');
    expect(await a.self()).toBe('cycle');
    await reader.return?.();
  });

  test('is named when it is made by the `started` hook of a child that its parent asks', async () => {
    const { spawn, clock, settle } = testHost();
    const gate = deferred();
    const results: string[] = [];
    const Parent = protocol('parent', { make: ask({ output: z.string() }), get: ask({ output: z.string() }) });
    interface ParentRef extends Ref<typeof Parent> {}
    const Child = protocol('child', { ready: ask({ output: z.string() }) });
    const child = actor(
      Child,
      {
        args: z.object({ parent: refTo<ParentRef>('parent') }),
        state: ({ parent }) => ({ parent }),
        signals: {
          started: async ({ parent }) => {
            await gate.promise;
            results.push(await parent.get().catch((error) => (error as { reason: string }).reason));
          },
        },
      },
      { ready: () => 'ready' },
    );
    const parent = await spawn(
      closureActor(Parent, z.object({}), () => ({
        make: (_message, context) => context.spawn(child, { args: { parent: context.self } }).ready(),
        get: () => 'got',
      })),
    );
    const made = ended(parent.make());
    await settle();
    gate.resolve();
    expect(await made).toEqual({ value: 'ready' });
    expect(results).toEqual(['cycle']);
    expect(clock.monotonicMs()).toBe(0);
  });
});
