import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { pass as settle } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { FrameRefused } from '../../src/transport/errors.ts';
import { recordsCodec, strictCodec } from '../../src/transport/frame-codec.ts';
import { type Carrier, Session } from '../../src/transport/session.ts';
import { proofRuns } from '../support/proof-runs.ts';

/** An item of one value. */
const kind = 2;
/** An item of several, as an array of them. */
const several = 3;

/** One end of a session, and what reached it. */
class End implements Carrier {
  readonly clock: VirtualClock;
  readonly session: Session;
  readonly received: unknown[] = [];
  readonly refused: { fields: readonly unknown[]; error: FrameRefused }[] = [];
  readonly broken: string[] = [];
  /** Frames on their way to the other end. */
  readonly frames: Uint8Array[] = [];
  /** Settled by the reader at once, unless a test says otherwise. */
  settles = true;
  full = false;
  fails = false;
  /** Called by the reader after each frame that it has settled. */
  onRead: () => void = () => undefined;
  #drained: (() => void)[] = [];
  #values: unknown[] = [];
  #mark = -1;

  constructor(clock: VirtualClock, scheduler: TestScheduler, strict: boolean) {
    this.clock = clock;
    this.session = new Session({
      carrier: this,
      codec: strict ? strictCodec() : recordsCodec(),
      clock,
      scheduler,
      onItems: (fields, start) => {
        let count = 0;
        for (let at = start; at < fields.length; at += 2) {
          const values = fields[at + 1];
          if (fields[at] === several) {
            this.received.push(...(values as unknown[]));
            count += (values as unknown[]).length;
            continue;
          }
          if (fields[at] !== kind) throw new Error('an item of unknown kind');
          this.received.push(values);
          count += 1;
        }
        if (this.settles) this.session.settle(count);
        this.onRead();
        return count;
      },
      onRefused: (fields, error) => this.refused.push({ fields, error }),
      onBroken: (what) => this.broken.push(what),
      cut: ([, values], messages) => {
        const all = values as unknown[];
        return [
          [several, all.slice(0, messages)],
          [several, all.slice(messages)],
        ];
      },
    });
  }

  send(frame: Uint8Array): boolean {
    if (this.fails) throw new Error('no such thread');
    this.frames.push(frame);
    return !this.full;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  drain(): void {
    this.full = false;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  tell(value: unknown): void {
    this.session.begin().push(kind, value);
  }

  /** Puts a value into the item that was begun last, if that was one of several and may still grow. */
  add(value: unknown): void {
    if (this.session.grows(this.#mark)) {
      this.#values.push(value);
      this.session.grow();
      return;
    }
    this.#values = [value];
    this.session.begin().push(several, this.#values);
    this.#mark = this.session.last;
  }
}

function pair(strict = false): { a: End; b: End; clock: VirtualClock; exchange(): Promise<void> } {
  const clock = new VirtualClock();
  const scheduler = new TestScheduler();
  const a = new End(clock, scheduler, strict);
  const b = new End(clock, scheduler, strict);
  return {
    a,
    b,
    clock,
    async exchange() {
      await settle();
      for (let rounds = 0; a.frames.length + b.frames.length > 0 && rounds < 10_000; rounds += 1) {
        const fromA = a.frames.shift();
        if (fromA !== undefined) b.session.onFrame(fromA);
        const fromB = b.frames.shift();
        if (fromB !== undefined) a.session.onFrame(fromB);
        await settle();
      }
    },
  };
}

describe('a session', () => {
  it('carries 10,000 items in order, 512 to a frame', async () => {
    const { a, b, exchange } = pair();
    for (let n = 0; n < 10_000; n += 1) a.tell({ n, id: 'abc' });
    await settle();
    expect(a.frames.length).toBe(Math.ceil(10_000 / limits.frameMessagesMax));
    await exchange();
    expect(b.received).toEqual(Array.from({ length: 10_000 }, (_, n) => ({ n, id: 'abc' })));
    expect(b.broken).toEqual([]);
  });

  it('sends 16 calls at once where it is urged and fewer than 4 frames are under way, and the others with its turn', async () => {
    const { a, b, exchange } = pair();
    for (let n = 0; n < 100; n += 1) {
      a.tell(n);
      a.session.urge();
    }
    expect(a.frames.length).toBe(limits.framesEarly);
    await settle();
    expect(a.frames.length).toBe(limits.framesEarly + 1);
    await exchange();
    expect(b.received).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(b.broken).toEqual([]);
  });

  it('has no frame beyond its window of 16,384 items on its way, and goes on when they are acknowledged', async () => {
    const { a, b, exchange } = pair();
    for (let n = 0; n < 20_000; n += 1) a.tell(n);
    await settle();
    const codec = recordsCodec();
    const sequences = a.frames.map((frame) => (codec.unpack(frame) as unknown[])[0] as number);
    expect(sequences.at(-1)).toBeLessThan(limits.sessionWindow);
    expect(sequences.at(-1)).toBeGreaterThanOrEqual(limits.sessionWindow - limits.frameMessagesMax);
    expect(a.session.hasRoom).toBe(true);
    await exchange();
    expect(b.received.length).toBe(20_000);
    expect(b.received.at(-1)).toBe(19_999);
    expect(a.session.outstanding).toBeLessThan(limits.sessionWindow);
  });

  it('says that it has no room when 4,096 items wait for credit, and wakes who waits for room', async () => {
    const { a, exchange } = pair();
    for (let n = 0; n < limits.sessionWindow + limits.outboxHighWater + 128; n += 1) a.tell(n);
    await settle();
    expect(a.session.hasRoom).toBe(false);
    let woken = false;
    void a.session.whenRoom().then(() => {
      woken = true;
    });
    await exchange();
    expect(a.session.hasRoom).toBe(true);
    expect(woken).toBe(true);
  });

  it('does not break its peer when it answers 300 items with 600 while it reads them', async () => {
    const { a, b, exchange } = pair();
    b.onRead = () => {
      b.onRead = () => undefined;
      for (let n = 0; n < 600; n += 1) b.tell(n);
    };
    for (let n = 0; n < 300; n += 1) a.tell(n);
    await exchange();
    expect(a.broken).toEqual([]);
    expect(a.received.length).toBe(600);
  });

  it('stops when its carrier is full, and goes on when that has drained', async () => {
    const { a, b, exchange } = pair();
    a.full = true;
    for (let n = 0; n < 1_000; n += 1) a.tell(n);
    await settle();
    expect(a.frames.length).toBe(1);
    a.drain();
    await exchange();
    expect(b.received.length).toBe(1_000);
  });

  it('repeats its counts when idle, so that frames are not kept for ever', async () => {
    const { a, clock, exchange } = pair();
    for (let n = 0; n < 10; n += 1) a.tell(n);
    await exchange();
    expect(a.session.outstanding).toBe(10);
    await clock.advance(limits.sessionIdleMs * 2);
    await exchange();
    expect(a.session.outstanding).toBe(0);
    await clock.advance(limits.sessionIdleMs * 10);
    expect(clock.pending).toBe(0);
  });

  it('says that a message was handled also where that took long and nothing else is said meanwhile', async () => {
    const { a, b, clock, exchange } = pair();
    b.settles = false;
    a.tell('slow');
    await exchange();
    for (let idle = 0; idle < 10; idle += 1) {
      await clock.advance(limits.sessionIdleMs);
      await exchange();
    }
    expect([clock.pending, a.session.outstanding]).toEqual([0, 1]);
    b.session.settle(1);
    await clock.advance(limits.sessionIdleMs);
    await exchange();
    expect(a.session.outstanding).toBe(0);
    await clock.advance(limits.sessionIdleMs * 2);
    expect(clock.pending).toBe(0);
  });

  it('recovers its credit when the frame with the counts was lost', async () => {
    const { a, b, clock, exchange } = pair();
    for (let n = 0; n < 20_000; n += 1) a.tell(n);
    await settle();
    for (const frame of a.frames.splice(0)) b.session.onFrame(frame);
    await settle();
    b.frames.length = 0;
    await clock.advance(limits.sessionIdleMs * 3);
    await exchange();
    expect(b.received.length).toBe(20_000);
  });

  it('gives back at its end what was not sent, what was not acknowledged, and how many were not settled', async () => {
    const { a, b, clock, exchange } = pair();
    b.settles = false;
    for (let n = 0; n < 5; n += 1) a.tell(n);
    await exchange();
    await clock.advance(limits.sessionIdleMs * 2);
    await exchange();
    b.session.settle(2);
    await clock.advance(limits.sessionIdleMs * 2);
    await exchange();
    a.tell('sent');
    await settle();
    a.full = true;
    a.tell('sent too');
    await settle();
    a.tell('kept');
    await settle();
    expect(a.session.end()).toEqual({
      unacknowledged: [
        [kind, 'sent'],
        [kind, 'sent too'],
      ],
      unsent: [[kind, 'kept']],
      received: 3,
    });
    expect(a.session.end()).toEqual({ unacknowledged: [], unsent: [], received: 0 });
  });

  it('sends a frame beyond 256 KiB in parts, in order', async () => {
    const { a, b, exchange } = pair(true);
    const long = 'x'.repeat(10_000);
    for (let n = 0; n < 100; n += 1) a.tell(`${n}${long}`);
    await settle();
    expect(a.frames.length).toBeGreaterThan(3);
    for (const frame of a.frames) expect(frame.byteLength).toBeLessThanOrEqual(limits.frameBytesMax);
    await exchange();
    expect(b.received).toEqual(Array.from({ length: 100 }, (_, n) => `${n}${long}`));
  });

  it('gives back the one item of 50 that no frame can carry, and sends the other 49', async () => {
    const { a, b, exchange } = pair(true);
    let deep: unknown = 1;
    for (let n = 0; n < 60; n += 1) deep = [deep];
    for (let n = 0; n < 50; n += 1) a.tell(n === 20 ? deep : n);
    await exchange();
    expect(b.received.length).toBe(49);
    expect(b.received).not.toContain(20);
    expect(a.refused).toHaveLength(1);
    expect(a.refused[0]?.fields[1]).toBe(deep);
    expect(a.session.outstanding).toBeLessThanOrEqual(49);
    expect(b.broken).toEqual([]);
  });

  it('is broken by a carrier that throws, and gives back what was not sent', async () => {
    const { a } = pair();
    a.fails = true;
    a.tell(1);
    await settle();
    a.tell(2);
    await settle();
    expect(a.broken).toEqual(['its carrier failed: Error: no such thread']);
    expect(a.session.end()).toMatchObject({ unacknowledged: [[kind, 1]], unsent: [[kind, 2]] });
  });

  it('is broken, once, when 655,361 items wait for a peer that does not read', async () => {
    const { a } = pair();
    a.full = true;
    a.tell(0);
    await settle();
    for (let n = 0; n < limits.outboxItemsMax; n += 1) a.tell(n);
    await settle();
    expect(a.broken).toEqual([]);
    a.tell(0);
    a.tell(0);
    await settle();
    expect(a.broken).toEqual([expect.stringContaining('655360 items wait')]);
  });

  it('counts the 10,000 messages of growing items one by one, in order with the items between them', async () => {
    const { a, b, clock, exchange } = pair();
    for (let n = 0; n < 10_000; n += 1) {
      if (n % 100 === 99) a.tell(n);
      else a.add(n);
    }
    expect(a.session.outstanding).toBe(10_000);
    await settle();
    expect(a.frames.length).toBeLessThanOrEqual(limits.framesEarly + Math.ceil(10_000 / limits.frameMessagesMax));
    await exchange();
    expect(b.received).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
    await clock.advance(limits.sessionIdleMs * 2);
    await exchange();
    expect(a.session.undelivered).toBe(0);
    expect(b.broken).toEqual([]);
  });

  it('lets no item grow that has left, nor one that another was begun behind', async () => {
    const { a } = pair();
    a.add(1);
    const mark = a.session.last;
    expect(a.session.grows(mark)).toBe(true);
    a.tell(2);
    expect(a.session.grows(mark)).toBe(false);
    a.add(3);
    await settle();
    expect(a.session.grows(a.session.last - 1)).toBe(false);
    a.add(4);
    await settle();
    expect(a.frames.length).toBe(2);
  });

  it('cuts an item of 100 messages where a frame would be beyond 256 KiB, and gives back the one that none can carry', async () => {
    const { a, b, exchange } = pair(true);
    const long = 'x'.repeat(10_000);
    let deep: unknown = 1;
    for (let n = 0; n < 60; n += 1) deep = [deep];
    for (let n = 0; n < 100; n += 1) a.add(n === 70 ? deep : `${n}${long}`);
    await settle();
    for (const frame of a.frames) expect(frame.byteLength).toBeLessThanOrEqual(limits.frameBytesMax);
    await exchange();
    const sent = Array.from({ length: 100 }, (_, n) => `${n}${long}`);
    expect(b.received).toEqual(sent.filter((_, n) => n !== 70));
    expect(a.refused.map(({ fields }) => fields)).toEqual([[several, [deep]]]);
    expect(b.broken).toEqual([]);
  });

  it('gives back an item of 3 messages whole when none of them was acknowledged', async () => {
    const { a } = pair();
    for (let n = 0; n < 3; n += 1) a.add(n);
    await settle();
    expect(a.session.end()).toEqual({ unacknowledged: [[several, [0, 1, 2]]], unsent: [], received: 0 });
  });

  it('is broken by an acknowledgement amid a frame, since frames are received as a whole', async () => {
    const { a } = pair();
    for (let n = 0; n < 3; n += 1) a.add(n);
    await settle();
    a.session.onFrame(recordsCodec().pack([0, 2, 0, 16_384, false]));
    expect(a.broken).toEqual(['received: 2, amid a frame']);
  });

  it.each([
    ['a gap', [5, 0, 0, 16_384, false]],
    ['more received than sent', [0, 7, 0, 16_384, false]],
    ['more settled than received', [0, 0, 1, 16_384, false]],
    ['a grant that shrinks', [0, 0, 0, 100, false]],
    ['a negative count', [-1, 0, 0, 16_384, false]],
    ['a fraction', [0.5, 0, 0, 16_384, false]],
    ['a text', ['0', 0, 0, 16_384, false]],
    ['a request for counts that is no boolean', [0, 0, 0, 16_384, 1]],
    ['a short header', [0, 0]],
  ])('is broken by %s', (_what, fields) => {
    const { a } = pair();
    a.session.onFrame(recordsCodec().pack(fields));
    expect(a.broken).toHaveLength(1);
  });

  it('is broken by bytes that are no frame', () => {
    const { a } = pair(true);
    a.session.onFrame(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]));
    a.session.onFrame(new Uint8Array([]));
    expect(a.broken).toHaveLength(2);
  });

  it('keeps order and loses nothing whatever the order of turns, carriers and acknowledgements', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 30 }),
        async (seed, bursts) => {
          const random = seededRandom(seed);
          const clock = new VirtualClock();
          const scheduler = new TestScheduler({ random });
          const a = new End(clock, scheduler, false);
          const b = new End(clock, scheduler, false);
          let sent = 0;
          for (const burst of bursts) {
            for (let n = 0; n < burst; n += 1) {
              if (random.u32() % 8 === 0) a.tell(sent++);
              else a.add(sent++);
            }
            if (random.u32() % 3 === 0) a.full = true;
            await settle();
            while (a.frames.length > 0 && random.u32() % 4 !== 0) b.session.onFrame(a.frames.shift()!);
            while (b.frames.length > 0 && random.u32() % 4 !== 0) a.session.onFrame(b.frames.shift()!);
            if (random.u32() % 2 === 0) a.drain();
            if (random.u32() % 5 === 0) await clock.advance(limits.sessionIdleMs);
          }
          a.drain();
          for (let rounds = 0; rounds < 400 && b.received.length < sent; rounds += 1) {
            await settle();
            for (const frame of a.frames.splice(0)) b.session.onFrame(frame);
            for (const frame of b.frames.splice(0)) a.session.onFrame(frame);
            a.drain();
            if (rounds % 10 === 0) await clock.advance(limits.sessionIdleMs);
          }
          expect(b.received).toEqual(Array.from({ length: sent }, (_, n) => n));
          expect([...a.broken, ...b.broken]).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });
});

/** What may happen to two ends and the link between them; numbers say how much of it. */
type Step =
  | { readonly kind: 'tell'; readonly by: 'a' | 'b'; readonly count: number }
  | { readonly kind: 'deliver'; readonly to: 'a' | 'b'; readonly count: number }
  | { readonly kind: 'settle'; readonly by: 'a' | 'b'; readonly count: number }
  | { readonly kind: 'fill'; readonly by: 'a' | 'b' }
  | { readonly kind: 'cut'; readonly arriveAtA: number; readonly arriveAtB: number }
  | { readonly kind: 'resume'; readonly by: 'a' | 'b' }
  | { readonly kind: 'idle' };

const side = fc.constantFrom('a', 'b');
const some = (max: number) => fc.integer({ min: 1, max });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('tell'), by: side, count: some(200) }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant('deliver'), to: side, count: some(6) }), weight: 8 },
  { arbitrary: fc.record({ kind: fc.constant('settle'), by: side, count: some(100) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('fill'), by: side }), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant('cut'),
      arriveAtA: fc.integer({ min: 0, max: 4 }),
      arriveAtB: fc.integer({ min: 0, max: 4 }),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant('resume'), by: side }), weight: 6 },
  { arbitrary: fc.constant({ kind: 'idle' }), weight: 1 },
) as fc.Arbitrary<Step>;

/** Two ends whose link is cut: frames on their way are lost with it, and none arrive at an end that has not resumed. */
class Cable {
  readonly ends: { readonly a: End; readonly b: End };
  readonly clock = new VirtualClock();
  readonly sent = { a: 0, b: 0 };
  readonly #unsettled = { a: 0, b: 0 };

  constructor(seed: number) {
    const scheduler = new TestScheduler({ random: seededRandom(seed) });
    this.ends = { a: new End(this.clock, scheduler, true), b: new End(this.clock, scheduler, true) };
    for (const end of Object.values(this.ends)) end.settles = false;
  }

  tell(by: 'a' | 'b', count: number): void {
    for (let n = 0; n < count; n += 1) {
      if (this.sent[by] % 7 === 0) this.ends[by].tell(this.sent[by]);
      else this.ends[by].add(this.sent[by]);
      this.sent[by] += 1;
    }
  }

  deliver(to: 'a' | 'b', count: number): void {
    const { frames } = this.ends[to === 'a' ? 'b' : 'a'];
    const { session, received } = this.ends[to];
    if (session.isSuspended) return;
    const before = received.length;
    for (const frame of frames.splice(0, count)) session.onFrame(frame);
    this.#unsettled[to] += received.length - before;
  }

  settle(by: 'a' | 'b', most: number): void {
    const count = Math.min(most, this.#unsettled[by]);
    this.#unsettled[by] -= count;
    this.ends[by].session.settle(count);
  }

  cut(): void {
    for (const end of [this.ends.a, this.ends.b]) {
      end.session.suspend();
      end.frames.length = 0;
      end.drain();
    }
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'tell':
        this.tell(step.by, step.count);
        break;
      case 'deliver':
        this.deliver(step.to, step.count);
        break;
      case 'settle':
        this.settle(step.by, step.count);
        break;
      case 'fill':
        this.ends[step.by].full = !this.ends[step.by].full;
        if (!this.ends[step.by].full) this.ends[step.by].drain();
        break;
      case 'cut':
        this.deliver('a', step.arriveAtA);
        this.deliver('b', step.arriveAtB);
        this.cut();
        break;
      case 'resume': {
        const end = this.ends[step.by];
        if (end.session.isSuspended) end.session.resume(end);
        break;
      }
      case 'idle':
        await this.clock.advance(limits.sessionIdleMs);
        break;
      default:
        step satisfies never;
    }
    await settle();
  }

  /** Mends the cable for good, and waits until everything is there. */
  async finish(): Promise<void> {
    const ends = [this.ends.a, this.ends.b];
    for (const end of ends) {
      end.drain();
      if (end.session.isSuspended) end.session.resume(end);
    }
    for (let rounds = 0; rounds < 400 && ends.some(({ session }) => session.outstanding > 0); rounds += 1) {
      await settle();
      for (const to of ['a', 'b'] as const) {
        this.deliver(to, 1_000);
        this.settle(to, 1_000_000);
      }
      if (rounds % 10 === 9) await this.clock.advance(limits.sessionIdleMs);
    }
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('a session whose carrier is cut', () => {
  it('loses nothing, repeats nothing and keeps the order both ways, however often and wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 10, maxLength: 80 }), async (seed, steps) => {
        const cable = new Cable(seed);
        for (const one of steps) await cable.take(one);
        await cable.finish();
        const { a, b } = cable.ends;
        expect([...a.broken, ...b.broken]).toEqual([]);
        expect(b.received).toEqual(upTo(cable.sent.a));
        expect(a.received).toEqual(upTo(cable.sent.b));
        expect([a, b].map(({ session }) => [session.outstanding, session.undelivered])).toEqual([
          [0, 0],
          [0, 0],
        ]);
        await cable.clock.advance(limits.sessionIdleMs * 5);
        expect(cable.clock.pending).toBe(0);
      }),
      { numRuns: proofRuns(150) },
    );
  });

  it('sends again what was on its way in both directions, and what waited meanwhile behind it', async () => {
    const cable = new Cable(1);
    const { a, b } = cable.ends;
    cable.tell('a', 1_000);
    cable.tell('b', 1_000);
    await settle();
    cable.deliver('b', 2);
    cable.deliver('a', 1);
    cable.cut();
    cable.tell('a', 500);
    cable.tell('b', 500);
    await settle();
    expect([a.frames, b.frames]).toEqual([[], []]);
    await cable.finish();
    expect([a.received, b.received]).toEqual([upTo(1_500), upTo(1_500)]);
    expect([a.broken, b.broken]).toEqual([[], []]);
  });

  it('says its counts first and nothing more before the other side has said its own', async () => {
    const cable = new Cable(1);
    const { a } = cable.ends;
    cable.tell('a', 100);
    cable.tell('b', 16);
    await settle();
    cable.deliver('a', 1);
    cable.cut();
    a.session.resume(a);
    cable.tell('a', 100);
    await settle();
    a.session.hurry();
    await cable.clock.advance(limits.sessionIdleMs * 5);
    expect(a.frames.map((frame) => strictCodec().unpack(frame))).toEqual([
      [-1, 16, 0, 16 + limits.sessionWindow, false],
    ]);
  });

  it('goes on taking messages within its bounds, and has no timer', async () => {
    const { a, clock } = pair(true);
    a.session.suspend();
    for (let n = 0; n < limits.outboxHighWater; n += 1) a.tell(n);
    expect([a.session.hasRoom, a.session.isFull]).toEqual([false, false]);
    for (let n = limits.outboxHighWater; n < limits.outboxCapacity; n += 1) a.tell(n);
    await settle();
    expect([a.session.hasRoom, a.session.isFull]).toEqual([false, true]);
    expect([a.frames.length, clock.pending]).toEqual([0, 0]);
    expect(a.session.end().unsent).toHaveLength(limits.outboxCapacity);
  });

  it('gives back at its end what was to be sent again, once, before what was never sent', async () => {
    const { a, b } = pair(true);
    a.tell('sent');
    await settle();
    a.session.suspend();
    a.tell('new');
    a.frames.length = 0;
    a.session.resume(a);
    a.full = true;
    b.session.suspend();
    b.session.resume(b);
    a.session.onFrame(b.frames.shift()!);
    await settle();
    expect(a.session.end()).toEqual({ unacknowledged: [[kind, 'sent']], unsent: [[kind, 'new']], received: 0 });
  });

  it('says how far it has come when it reports amid what it sends again, and takes no receipt of more than that', async () => {
    const { a, b } = pair(true);
    b.settles = false;
    a.tell(1);
    b.tell(1);
    await settle();
    a.session.onFrame(b.frames.shift()!);
    for (const end of [a, b]) end.session.suspend();
    a.frames.length = 0;
    for (const end of [a, b]) end.session.resume(end);
    a.session.onFrame(b.frames.shift()!);
    a.session.settle(1);
    a.session.report();
    expect(a.frames.map((frame) => (strictCodec().unpack(frame) as unknown[])[0])).toEqual([-1, 0]);
    a.session.onFrame(strictCodec().pack([1, 1, 0, 16_385, false]));
    expect(a.broken).toEqual(['received: 1 of 0 sent']);
  });

  it('takes nothing that still comes over the old carrier', async () => {
    const { a, b } = pair(true);
    a.tell(1);
    await settle();
    b.session.suspend();
    b.session.onFrame(a.frames.shift()!);
    expect([b.received, b.broken]).toEqual([[], []]);
  });

  it.each([
    ['an ordinary frame', [0, 0, 0, 16_384, false]],
    ['a resume frame with an item', [-1, 0, 0, 16_384, false, kind, 1]],
    ['another negative sequence', [-2, 0, 0, 16_384, false]],
    ['more received than sent', [-1, 4, 0, 16_384, false]],
    ['fewer received than it has said before', [-1, 0, 0, 16_384, false]],
    ['more settled than received', [-1, 3, 4, 16_384, false]],
    ['a grant that shrinks', [-1, 3, 0, 100, false]],
    ['a fraction', [-1, 1.5, 0, 16_384, false]],
    ['a short header', [-1, 3]],
  ])('is broken by %s where the resume frame is due', async (_what, fields) => {
    const { a } = pair(true);
    for (const value of [1, 2, 3]) a.tell(value);
    await settle();
    a.session.onFrame(strictCodec().pack([0, 3, 0, 16_387, false]));
    a.session.suspend();
    a.session.resume(a);
    a.session.onFrame(strictCodec().pack(fields));
    expect(a.broken).toHaveLength(1);
  });

  it('is broken by a second resume frame, and by one that received a frame in part', async () => {
    const { a, b } = pair(true);
    for (const end of [a, b]) end.session.suspend();
    for (const end of [a, b]) end.session.resume(end);
    const frame = b.frames[0]!;
    a.session.onFrame(frame);
    a.session.onFrame(frame);
    expect(a.broken).toHaveLength(1);
    for (let n = 0; n < 3; n += 1) b.add(n);
    b.session.onFrame(a.frames.shift()!);
    await settle();
    b.session.suspend();
    b.session.resume(b);
    b.session.onFrame(strictCodec().pack([-1, 2, 0, 16_386, false]));
    expect(b.broken).toEqual(['received: 2, amid a frame']);
  });
});
