/**
 * Reliable delivery in random programs: producers on every place, links that are cut with whatever is under way, a consumer
 * that fails, restarts, sets aside and moves. What is promised is held against what the handlers were called with.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Deliveries } from '../../src/actors/delivery/deliveries.ts';
import { deliveryOf } from '../../src/actors/delivery/methods.ts';
import { type Reliable, reliable } from '../../src/actors/delivery/reliable.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { type Place, SeveralPlaces } from './several-places.ts';

const message = z.object({ by: z.int(), n: z.int() });
type Message = z.output<typeof message>;
const Sink = protocol('sink', {
  note: tell(message),
  count: ask({ input: message, output: z.int(), errors: { odd: z.int() } }),
  slow: ask({ input: message, output: z.int() }),
  wrong: tell(message),
  aside: tell(message),
  fall: tell(),
});

/** Messages whose handler was called other than to set them aside, and those whose handler came to its end, as `by n`. */
interface Log {
  readonly called: string[];
  readonly ended: string[];
}

interface Shape {
  readonly keepsInState: boolean;
  /** How many messages may wait for it. */
  readonly capacity: number;
  readonly overflow: 'reject' | 'drop-oldest' | 'drop-newest';
}

function sinkOf({ keepsInState, capacity, overflow }: Shape, { called, ended }: Log) {
  const call = ({ by, n }: Message): string => {
    called.push(`${by} ${n}`);
    return `${by} ${n}`;
  };
  return actor(
    Sink,
    {
      args: z.object({}),
      state: () => ({ isAside: [] as string[], deliveries: {} as Deliveries }),
      ...(keepsInState ? { deliveries: (state: { deliveries: Deliveries }) => state.deliveries } : {}),
      internal: { release: tell() },
      mailbox: { capacity, overflow },
      supervise: { directive: () => 'restart', restartsMax: 10_000 },
    },
    {
      note: (_state, given) => void ended.push(call(given)),
      count: (_state, given, ctx) => {
        ended.push(call(given));
        return given.n % 2 === 1 ? ctx.fail('odd', given.n) : given.n;
      },
      slow: async (_state, given, ctx) => {
        const key = call(given);
        await ctx.delay(30);
        ended.push(key);
        return given.n;
      },
      wrong: (_state, given) => {
        call(given);
        throw new Error('as it was told to');
      },
      aside: (state, given, ctx) => {
        const key = `${given.by} ${given.n}`;
        if (state.isAside.includes(key)) {
          ended.push(call(given));
          return;
        }
        state.isAside.push(key);
        // Again and again, since a full mailbox may refuse it.
        ctx.every(20, ctx.self.release, { name: 'release' });
        ctx.stash();
      },
      fall: () => {
        throw new Error('falls');
      },
      release: (_state, _message, ctx) => ctx.unstash(),
    },
  );
}

const kinds = ['note', 'note', 'count', 'slow', 'wrong', 'aside'] as const;
/** The consumer is on node b, which has two threads; a producer is on each place. */
const ids = ['a~1/main', 'b~1/main', 'b~1/t1'];
const producer = fc.nat(2);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      by: producer,
      what: fc.constantFrom(...kinds),
      many: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 16, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(50) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(5, 40, 400) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('cut' as const), joins: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), told: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), back: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('letGo' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), to: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fall' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Sent {
  readonly key: string;
  readonly what: (typeof kinds)[number];
  outcome: 'open' | 'done' | 'declared' | 'failed';
}

class Program {
  readonly #several: SeveralPlaces;
  readonly #a: Place;
  readonly #home: readonly Place[];
  readonly sent: Sent[][] = [[], [], []];
  readonly #producers: Reliable<Ref<typeof Sink>>[];
  readonly #local: Ref<typeof Sink>;
  cuts = 0;
  readonly wrong: string[] = [];
  readonly #log: Log;

  constructor(several: SeveralPlaces, local: Ref<typeof Sink>, window: number, log: Log) {
    this.#log = log;
    this.#several = several;
    const [a, ...home] = several.places as [Place, ...Place[]];
    this.#a = a;
    this.#home = home;
    this.#local = local;
    this.#producers = several.places.map((place) => reliable(place.own(local), { window, giveUpMs: 2_000_000_000 }));
  }

  async do(one: Step): Promise<void> {
    const several = this.#several;
    switch (one.do) {
      case 'send':
        for (let count = 0; count < one.many; count += 1) this.#send(one.by, one.what);
        break;
      case 'deliver': {
        const pairs = several.underWay;
        if (pairs.length > 0) several.deliver(pairs[one.which % pairs.length]!);
        break;
      }
      case 'advance':
        await several.advance(one.ms);
        break;
      case 'cut':
        this.cuts += 1;
        for (const place of this.#home) several.cut(this.#a, place);
        if (one.joins) this.#join();
        break;
      case 'join':
        this.#join(one.told);
        break;
      case 'hold':
        for (const place of this.#home)
          several.hold(...((one.back ? [place, this.#a] : [this.#a, place]) as [Place, Place]));
        break;
      case 'letGo':
        several.letGo();
        break;
      case 'move':
        void this.#home[0]!.move(this.#home[0]!.own(this.#local), several.places[one.to]!, 200);
        break;
      case 'fall':
        this.#local.fall();
        break;
      default:
        one satisfies never;
    }
    await several.think();
  }

  #join(told = false): void {
    for (const place of this.#home) this.#several.join(this.#a, place, told);
  }

  #send(by: number, what: Sent['what']): void {
    const sent: Sent = { key: `${by} ${this.sent[by]!.length}`, what, outcome: 'open' };
    const given = { by, n: this.sent[by]!.length };
    this.sent[by]!.push(sent);
    this.#producers[by]![what](given).then(
      (value) => {
        sent.outcome = 'done';
        if ((what === 'count' || what === 'slow') && value !== given.n) this.wrong.push(`${sent.key}: ${value}`);
        // Nothing is confirmed that was not handled to its end.
        if (!this.#log.ended.includes(sent.key)) this.wrong.push(`${sent.key} was confirmed and not handled`);
      },
      (error: { code: string }) => {
        sent.outcome = error.code === 'odd' ? 'declared' : 'failed';
        const expected = { count: 'odd', wrong: 'ActorFailed' }[what as string];
        if (error.code !== expected) this.wrong.push(`${sent.key}: ${what} ended as ${String(error)}`);
      },
    );
  }

  /** Everything goes well from now on: all outcomes are known, and nothing is remembered of them afterwards. */
  async end(): Promise<void> {
    const several = this.#several;
    several.letGo();
    this.#join();
    for (let rounds = 0; rounds < 400 && this.#open > 0; rounds += 1) await several.advance(100);
    expect(this.#open).toBe(0);
    await several.advance(100);
    for (const out of this.#producers) {
      expect(deliveryOf(out)).toMatchObject({ unconfirmed: 0, hasRoom: true });
      deliveryOf(out).close();
      // A farewell is a tell, which a full mailbox refuses.
      await several.advance(100);
    }
    const home = this.#home.find((place) => place.runs(this.#local))!;
    const cell = home.cellOf(this.#local)!;
    expect(cell.extensionIfAny?.consumer?.own ?? {}).toEqual({});
    expect((cell.ownState as { deliveries: Deliveries }).deliveries).toEqual({});
    for (const { host } of several.places) expect([host.deadlines.open, host.reached.size]).toEqual([0, 0]);
  }

  get #open(): number {
    return this.sent.flat().filter(({ outcome }) => outcome === 'open').length;
  }
}

test.each([false, true])(
  'each message is handled once, in its order, and answered truly; kept in the state: %s',
  async (keepsInState) => {
    let cuts = 0;
    let delivered = 0;
    const program = fc.record({
      window: fc.constantFrom(1, 3, 64),
      home: fc.integer({ min: 1, max: 2 }),
      capacity: fc.constantFrom(1, 2, 1_000),
      overflow: fc.constantFrom('reject' as const, 'drop-oldest' as const, 'drop-newest' as const),
      steps: fc.array(step, { minLength: 10, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(program, async ({ window, home, capacity, overflow, steps }) => {
        const log: Log = { called: [], ended: [] };
        const { called } = log;
        const sink = sinkOf({ keepsInState, capacity, overflow }, log);
        const several = new SeveralPlaces([sink], { places: ids });
        const running = new Program(several, await several.places[home]!.spawn(sink), window, log);
        // Its state is its memory: where that is lost with a restart, a copy is handled by the new one.
        const fair = keepsInState
          ? steps.filter((one) => one.do !== 'fall' && !('what' in one && one.what === 'wrong'))
          : steps;
        for (const one of fair) await running.do(one);
        await running.end();
        expect(running.wrong).toEqual([]);
        const sent = running.sent.flat();
        expect([...called].sort()).toEqual(sent.map(({ key }) => key).sort());
        for (const [by, own] of running.sent.entries()) {
          // What the consumer sets aside it handles later, by its own will.
          const inOrder = own.filter(({ what }) => what !== 'aside').map(({ key }) => key);
          expect(called.filter((key) => key.startsWith(`${by} `) && inOrder.includes(key))).toEqual(inOrder);
        }
        cuts += running.cuts;
        delivered += sent.length;
      }),
      { numRuns: proofRuns(60) },
    );
    expect([cuts, delivered].every((count) => count > 50)).toBe(true);
  },
  proofTimeoutMs(60),
);
