/**
 * Every feature of an actor at once, in random programs: what was accepted is accounted for at every quiet point, no turn
 * is lost, every call settles, and every actor can be ended.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor, type MailboxOptions } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const number = z.int();
const exchange = z.object({ n: number, hops: number });

/** The same operations twice: some that interleave, or none. */
function protocolOf<const N extends string>(name: N, interleaves: boolean) {
  const beside = interleaves ? { concurrent: 2 } : {};
  return protocol(name, {
    put: tell(number),
    lock: tell(),
    unlock: tell(),
    hire: tell(number),
    later: tell(number),
    work: tell(number),
    quit: tell(),
    get: ask({ input: number, output: number, errors: { odd: number } }),
    look: ask({ input: number, output: number, readonly: interleaves }),
    both: ask({ input: number, output: number, ...beside }),
    pass: ask({ input: exchange, output: number }),
    numbers: stream({ input: number, output: number }),
    watched: stream({ output: number }),
  });
}
const Mixed = protocolOf('mixed', true);
const Plain = protocolOf('plain', false);
const Child = protocol('child', { fail: tell(), quit: tell() });
type Peer = Ref<typeof Mixed> | Ref<typeof Plain>;

const child = actor(
  Child,
  { args: z.object({}), state: () => ({}), supervise: { directive: () => 'stop' } },
  {
    fail: () => {
      throw new Error('child');
    },
    quit: (_state, _message, context) => context.stop(),
  },
);

interface Variant {
  readonly mailbox: MailboxOptions;
  readonly supervise: Supervise;
  readonly reentrant: boolean;
  readonly startFails: number;
}

/** @param peers those that it asks: what it holds of them is from outside, so chains are tested elsewhere */
function definitionOf(of: typeof Mixed | typeof Plain, variant: Variant, peers: Peer[]) {
  let starts = 0;
  const protocol = of as typeof Mixed;
  return actor(
    protocol,
    {
      args: z.object({}),
      state: () => {
        starts += 1;
        if (variant.startFails > 0 && starts > 3 && starts % variant.startFails === 0) throw new Error('start');
        return { n: 0, ends: 0 };
      },
      mailbox: { ...variant.mailbox } as {},
      supervise: variant.supervise,
      callChainReentrancy: variant.reentrant,
      idleMs: 30,
      behaviors: ['locked'],
      internal: { tick: tell(), loaded: tell(number), refused: tell(z.any()) },
      signals: {
        idle: (state) => {
          state.n += 1;
        },
        terminated: (state, _event, context) => {
          state.ends += 1;
          if (state.ends % 3 === 0) return context.delay(3);
          if (state.ends % 5 === 0) throw new Error('terminated');
          return undefined;
        },
      },
    },
    {
      put: (state, n, context) => {
        state.n += 1;
        if (n % 7 === 0) throw new Error('put');
        return n % 3 === 0 ? context.delay(n % 20) : undefined;
      },
      lock: (_state, _message, context) => context.become('locked'),
      unlock: (_state, _message, context) => context.unstash(),
      hire: (_state, n, context) => {
        const hired = context.spawn(child);
        if (n % 2 === 0) context.watch(hired);
        else context.link(hired);
        if (n % 3 === 0) hired.fail();
        else if (n % 3 === 1) hired.quit();
      },
      later: (_state, n, context) => {
        context.after(n % 40, context.self.tick);
        if (n % 4 === 0) context.every(200, context.self.put, 1, { name: 'every' });
      },
      work: (_state, n, context) => {
        const work = context.delay(n % 30).then(() => {
          if (n % 5 === 0) throw new Error('work');
          return n;
        });
        if (n % 2 === 0) context.run(work, context.self.loaded, context.self.refused);
        else context.run(work, context.self.loaded);
      },
      quit: (_state, _message, context) => context.stop(),
      get: async (_state, n, context) => {
        if (n % 9 === 0) context.fail('odd', n);
        if (n % 2 === 0) await context.delay(n % 30);
        if (n % 7 === 0) throw new Error('get');
        return n % 13 === 0 ? ('no number' as never) : n;
      },
      look: async (_state, n, context) => {
        const { signal } = context;
        await context.delay(n % 25);
        if (n % 5 === 0) throw new Error('look');
        return signal.aborted ? 0 : n;
      },
      both: (_state, n, context) => {
        if (n % 6 === 0) throw new Error('both');
        return n % 2 === 0 ? context.delay(n % 15).then(() => n) : n;
      },
      pass: async (_state, { n, hops }) => {
        if (hops === 0) return n;
        return await peers[n % peers.length]!.pass({ n: n + 1, hops: hops - 1 }, { timeoutMs: 60 });
      },
      async *numbers(_state, n, context) {
        for (let index = 0; index < n % 10; index += 1) {
          if (index === 6) throw new Error('numbers');
          if (index % 2 === 0) await context.delay(index);
          yield index;
        }
      },
      async *watched(_state, _message, context) {
        yield* context.observe((state) => state.n);
      },
      tick: (state) => {
        state.n += 1;
      },
      loaded: (state, n) => {
        state.n += n;
      },
      refused: () => undefined,
    },
    {
      locked: {
        put: (_state, _n, context) => context.stash(),
        get: (_state, _n, context) => context.stash(),
        unlock: (_state, _message, context) => {
          context.unbecome();
          context.unstash();
        },
      },
    },
  );
}

const often = ['put', 'get', 'look', 'both', 'pass', 'offer', 'hire', 'work', 'settle'] as const;
const seldom = ['later', 'lock', 'unlock', 'numbers', 'watched', 'cancelled', 'unread', 'letter', 'advance'] as const;
const rarely = ['replay', 'discard', 'quit', 'stop', 'drain', 'kill'] as const;
type Kind = (typeof often)[number] | (typeof seldom)[number] | (typeof rarely)[number];
const kind: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...often) },
  { weight: 10, arbitrary: fc.constantFrom(...seldom) },
  { weight: 1, arbitrary: fc.constantFrom(...rarely) },
);
const step = fc.record({ kind, to: fc.nat({ max: 2 }), n: fc.nat({ max: 100 }) });
const mailbox = fc
  .record({
    highWater: fc.constantFrom(1, 3),
    capacity: fc.constantFrom(3, 6, 1_000),
    overflow: fc.constantFrom('reject' as const, 'drop-oldest' as const, 'drop-newest' as const),
    stash: fc.constantFrom(1, 4, 100),
    lanes: fc.boolean(),
  })
  .map(({ lanes, ...bounds }): MailboxOptions => {
    if (!lanes) return bounds;
    const laneOf = (operation: string, message: unknown): number => {
      if (operation === 'lock') throw new Error('lane');
      return typeof message === 'number' ? message % 3 : 1;
    };
    return { ...bounds, lanes: 3, laneOf } as MailboxOptions;
  });
const supervise = fc.record({
  directive: fc.constantFrom(
    () => 'restart' as const,
    () => 'resume' as const,
    ({ operation }: { operation: string | undefined }) => (operation === undefined ? 'resume' : 'restart'),
    ({ operation }: { operation: string | undefined }) => (operation?.endsWith('put') ? 'stop' : 'resume'),
  ),
  restartsMax: fc.constantFrom(2, 1_000),
  poison: fc.constantFrom('drop', 'quarantine', { retry: 1 }, { retry: 2, afterwards: 'quarantine' }),
  backoff: fc.constantFrom(undefined, { minMs: 5, maxMs: 20 }),
}) as fc.Arbitrary<Supervise>;
const variant: fc.Arbitrary<Variant> = fc.record({
  mailbox,
  supervise,
  reentrant: fc.boolean(),
  startFails: fc.constantFrom(0, 0, 2),
});

const nothingOpen = { held: false, asks: 0, offers: 0, signalsQueued: 0 };

/** One program, to its end. */
class Program {
  readonly host: TestHost;
  readonly refs: Peer[] = [];
  /** Of every actor that ever was a root here. */
  readonly cells: Cell[] = [];
  calls = 0;
  settled = 0;

  constructor(seed: number) {
    this.host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 3 } });
  }

  track(call: Promise<unknown>): void {
    this.calls += 1;
    void ended(call).then(() => {
      this.settled += 1;
    });
  }

  check(): void {
    const { counters, quarantine } = this.host.host;
    const dead = Object.values(this.host.deadLetterCounts()).reduce((sum, count) => sum + count, 0);
    let waiting = 0;
    for (const cell of new Set([...this.cells, ...this.host.host.cells()])) waiting += cell.queued + cell.stashed;
    expect(counters.quarantined).toBe(quarantine.size);
    expect(counters.accepted + counters.refused).toBe(counters.handled + dead + waiting + counters.quarantined);
  }

  async run(kind: Kind, ref: Peer, n: number): Promise<void> {
    // Most of them long after everything must have been answered.
    const options = { timeoutMs: n % 4 === 0 ? 1 + (n % 60) : 20_000 };
    switch (kind) {
      case 'put':
      case 'hire':
      case 'later':
      case 'work':
        ref[kind](n);
        return;
      case 'lock':
      case 'unlock':
      case 'quit':
        ref[kind]();
        return;
      case 'get':
      case 'look':
      case 'both':
        this.track(ref[kind](n, options));
        return;
      case 'pass':
        this.track(ref.pass({ n, hops: n % 4 }, options));
        return;
      case 'offer':
        this.track(ref.put.offer(n, options));
        return;
      case 'cancelled': {
        const controller = new AbortController();
        this.track(ref.get(n, { signal: controller.signal }));
        this.track(ref.look(n, { signal: controller.signal }));
        this.track(ref.put.offer(n, { signal: controller.signal }));
        if (n % 2 === 0) await this.host.settle();
        controller.abort();
        return;
      }
      case 'numbers':
        this.track(readAll(ref.numbers(n)));
        return;
      case 'watched':
        ref.watched().subscribe({ next: () => undefined });
        return;
      case 'unread':
        // Its credit is all it ever gets.
        void ref
          .watched()
          [Symbol.asyncIterator]()
          .next()
          .catch(() => undefined);
        return;
      case 'stop':
        this.track(stop(ref, n % 2 === 0 ? {} : { deadlineMs: n % 30 }));
        return;
      case 'drain':
        this.track(stop(ref, { drain: true, deadlineMs: 20 + n }));
        return;
      case 'kill':
        this.track(kill(ref));
        return;
      case 'replay':
        for (const one of this.host.host.quarantine.list()) this.track(one.replay());
        return;
      case 'discard':
        this.host.host.quarantine.list()[0]?.discard();
        return;
      case 'letter': {
        const letter = this.host.deadLetters.at(-1 - (n % 5));
        if (letter !== undefined) this.track(letter.replay(n % 2 === 0 ? undefined : ref));
        return;
      }
      case 'settle':
        await this.host.settle();
        this.check();
        return;
      case 'advance':
        await this.host.advance(n);
        this.check();
        return;
      default:
        kind satisfies never;
    }
  }
}

async function readAll(numbers: AsyncIterable<number>): Promise<number> {
  let seen = 0;
  for await (const _one of numbers) {
    seen += 1;
    if (seen === 5) break;
  }
  return seen;
}

test('of 200 random programs of all that an actor can do nothing is lost, left waiting, or without an end', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 100, size: 'max' }),
      variant,
      variant,
      fc.nat(),
      async (steps, first, second, seed) => {
        const program = new Program(seed);
        const { host, refs } = program;
        const definitions = [
          definitionOf(Mixed, first, refs),
          definitionOf(Plain, second, refs),
          definitionOf(Mixed, second, refs),
        ];
        for (const definition of definitions) {
          const ref = await host.spawn(definition);
          refs.push(ref);
          program.cells.push(targetOf(ref) as Cell);
        }
        for (const { kind, to, n } of steps) await program.run(kind, refs[to]!, n);
        await host.advance(9_000);
        program.check();
        // Nothing that was sent waits for a turn that nobody gives.
        for (const cell of program.cells) {
          const { beside, offers, signalsQueued } = cell.extension;
          expect(cell.view()).toMatchObject({ status: expect.stringMatching(/^(idle|stopped)$/), queued: 0 });
          expect({ held: beside.held, asks: beside.asks.size, offers: offers.size, signalsQueued }).toEqual(
            nothingOpen,
          );
        }
        if (program.cells.every(({ stashed }) => stashed === 0)) expect(host.host.deadlines.open).toBe(0);
        await host.advance(20_000);
        expect(host.host.deadlines.open).toBe(0);
        // Each of them can be ended, and leaves nothing.
        await Promise.all([host.advance(6_000), ...refs.map((ref, index) => stop(ref, { drain: index % 2 === 0 }))]);
        program.check();
        expect(program.settled).toBe(program.calls);
        expect([...host.host.cells()].map((cell) => cell.path())).toEqual([]);
        expect(host.clock.pending).toBe(0);
        expect(
          host.log.lines.filter(({ fields }) => String(fields.stack).includes('TypeError')).map(({ text }) => text),
        ).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});
