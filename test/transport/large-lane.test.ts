/** Large messages of a session: what goes past them and what does not, over cuts, and what is refused of their pieces. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BesideBytes } from '../../src/base/beside-bytes.ts';
import { limits } from '../../src/base/limits.ts';
import { pass as settle } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Assembly, AssemblyBudget } from '../../src/transport/assembly.ts';
import type { FrameRefused } from '../../src/transport/errors.ts';
import { recordsCodec, strictCodec } from '../../src/transport/frame-codec.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import { type Carrier, Session } from '../../src/transport/session.ts';
import { proofRuns } from '../support/proof-runs.ts';

const codec = strictCodec();
/** An item of a key, a number and bytes or nil; a chunk; the rest of a large item. */
const [plain, chunk, whole] = [1, 2, 3];
const fieldsOf: Readonly<Record<number, number>> = { [plain]: 4, [chunk]: 3, [whole]: 3 };

class End implements Carrier {
  readonly session: Session;
  readonly budget: AssemblyBudget;
  /** Key, number and size of what came, in order. */
  readonly received: [key: number, n: number, size: number][] = [];
  readonly refused: FrameRefused[] = [];
  readonly broken: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly #assembly: Assembly;

  constructor(clock: VirtualClock, scheduler: TestScheduler, budget = new AssemblyBudget()) {
    this.budget = budget;
    this.#assembly = new Assembly(budget);
    this.session = new Session({
      carrier: this,
      codec,
      clock,
      scheduler,
      pieces: { chunk: (size, bytes) => [chunk, size, bytes], whole: (count, fields) => [whole, count, fields] },
      onItems: (fields, start) => {
        let count = 0;
        for (let at = start; at < fields.length; at += fieldsOf[fields[at] as number]!) {
          count += 1;
          const [kind, first, second] = fields.slice(at, at + 3) as [number, number, unknown];
          if (kind === chunk) this.#assembly.chunk(first, second);
          else if (kind === plain) this.#take(fields.slice(at, at + 4));
          else this.#take(codec.large!.unpack(second as Uint8Array, this.#assembly.whole(first)));
        }
        this.session.settle(count);
        return count;
      },
      onRefused: (_fields, error) => this.refused.push(error),
      cut: () => {
        throw new Error('no item is cut');
      },
      onBroken: (what) => this.broken.push(what),
    });
  }

  #take([, key, n, bytes]: readonly unknown[]): void {
    const data = bytes as Uint8Array | null;
    if (data?.some((byte) => byte !== (n as number) % 256)) throw new Error('bytes of another message');
    this.received.push([key as number, n as number, data?.byteLength ?? 0]);
  }

  send(frame: Uint8Array): boolean {
    this.frames.push(frame);
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  tell(key: number, n: number, size = 0): unknown[] {
    const bytes = size === 0 ? null : new BesideBytes(new Uint8Array(size).fill(n % 256).buffer);
    const fields = this.session.begin(size, key);
    fields.push(plain, key, n, bytes);
    return fields;
  }
}

function pair(budget?: AssemblyBudget) {
  const clock = new VirtualClock();
  const scheduler = new TestScheduler();
  const a = new End(clock, scheduler);
  const b = new End(clock, scheduler, budget);
  const deliver = (from: End, to: End, count: number): void => {
    for (const frame of from.frames.splice(0, count)) to.session.onFrame(frame);
  };
  return {
    a,
    b,
    clock,
    deliver,
    cut(): void {
      for (const end of [a, b]) {
        end.session.suspend();
        end.frames.length = 0;
      }
    },
    resume(): void {
      for (const end of [a, b]) if (end.session.isSuspended) end.session.resume(end);
    },
    /** Until nothing is left to say, the counts of idle sessions included. */
    async exchange(): Promise<void> {
      for (let quiet = 0, rounds = 0; quiet < 3 && rounds < 10_000; rounds += 1) {
        await settle();
        if (a.frames.length + b.frames.length === 0) {
          quiet += 1;
          await clock.advance(limits.sessionIdleMs);
        }
        deliver(a, b, 1_000);
        deliver(b, a, 1_000);
      }
    },
  };
}

const large = limits.frameBytesMax + 1;

describe('the lane of large messages', () => {
  it('lets small ones of other keys past after no more than 512 KiB, and keeps back those of its own', async () => {
    const { a, b, deliver, exchange } = pair();
    a.tell(1, 0, 8 * 1_048_576);
    a.tell(1, 1);
    await settle();
    const before = a.frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(before).toBeLessThan(limits.chunkBytesWindow + 2 * limits.chunkBytes);
    a.tell(2, 2);
    a.tell(1, 3, 20_000);
    await settle();
    deliver(a, b, 1_000);
    expect(b.received).toEqual([[2, 2, 0]]);
    await exchange();
    expect(b.received.slice(1)).toEqual([
      [1, 0, 8 * 1_048_576],
      [1, 1, 0],
      [1, 3, 20_000],
    ]);
    expect([a.session.outstanding, b.budget.bytes]).toEqual([0, 0]);
  });

  it('moves on while others never pause', async () => {
    const { a, b, deliver, exchange } = pair();
    a.tell(1, 0, 1_048_576);
    for (let n = 0; n < 2_000 && b.received.every(([key]) => key !== 1); n += 1) {
      for (let sent = 0; sent < 5_000; sent += 1) a.tell(2, n);
      await settle();
      deliver(a, b, 1_000);
      deliver(b, a, 1_000);
    }
    expect(b.received.some(([key]) => key === 1)).toBe(true);
    await exchange();
  });

  it('has what comes behind everything wait for all that was begun before', async () => {
    const { a, b, exchange } = pair();
    a.tell(1, 0, large);
    a.session.beginBehindAll().push(plain, 9, 1, null);
    a.tell(2, 2);
    await exchange();
    expect(b.received.map(([, n]) => n)).toEqual([2, 0, 1]);
  });

  it('sends nothing of what was withdrawn before it began, and forgets there what had begun', async () => {
    const { a, b, deliver, exchange } = pair();
    const first = a.tell(1, 0, 4 * 1_048_576);
    const second = a.tell(1, 1, large);
    a.tell(1, 2);
    await settle();
    deliver(a, b, 2);
    expect(b.budget.bytes).toBe(4 * 1_048_576 + 512);
    expect([a.session.withdraw(first), a.session.withdraw(second), a.session.withdraw(first)]).toEqual([
      true,
      true,
      false,
    ]);
    await exchange();
    expect(b.received.map(([, n]) => n)).toEqual([2]);
    expect([b.budget.bytes, a.session.outstanding, b.broken]).toEqual([0, 0, []]);
  });

  it('gives back at its end what has not arrived, each message whole and once', async () => {
    const { a, b, deliver } = pair();
    for (let n = 0; n < 3; n += 1) a.tell(1, n, large);
    a.tell(1, 3);
    for (let rounds = 0; rounds < 4; rounds += 1) {
      await settle();
      deliver(a, b, 1_000);
      deliver(b, a, rounds < 3 ? 1_000 : 0);
    }
    const { unacknowledged, unsent } = a.session.end();
    const numbers = [...unacknowledged, ...unsent].map(([, , n]) => n as number);
    expect(numbers).toEqual([...new Set(numbers)].sort());
    expect(numbers.at(-1)).toBe(3);
    expect([...unacknowledged, ...unsent].every(([kind]) => kind === plain)).toBe(true);
  });

  it('gives back a message whose other fields no frame can carry, and goes on with the next', async () => {
    const { a, b, exchange } = pair();
    const fields = a.session.begin(large, 1);
    fields.push(plain, 1, 0, { text: 'x'.repeat(transportLimits.stringBytesMax + 1) });
    a.tell(1, 1, large);
    await exchange();
    expect(a.refused.map(({ finding }) => finding)).toEqual(['string']);
    expect(b.received.map(([, n]) => n)).toEqual([1]);
    expect(a.session.outstanding).toBe(0);
  });

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('tell' as const),
        key: fc.nat(3),
        size: fc.constantFrom(0, 0, 0, 20_000, large, 900_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('behindAll' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(20) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), toB: fc.boolean(), count: fc.nat(12) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const) }) },
  );

  const runs = proofRuns(150);

  it('keeps the order of each key, loses nothing and repeats nothing, wherever it is cut', {
    timeout: 30_000 + runs * 200,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const { a, b, deliver, cut, resume, exchange } = pair();
        const sent: { key: number; fields: unknown[] }[] = [];
        /** What was withdrawn in time, and for each that comes behind all how many there were before. */
        const withdrawn = new Set<number>();
        const behind: number[] = [];
        for (const one of steps) {
          if (one.do === 'tell') sent.push({ key: one.key, fields: a.tell(one.key, sent.length, one.size) });
          else if (one.do === 'behindAll') {
            behind.push(sent.length);
            const fields = a.session.beginBehindAll();
            fields.push(plain, 9, sent.length, null);
            sent.push({ key: 9, fields });
          } else if (one.do === 'withdraw') {
            const found = sent[one.which];
            if (found !== undefined && a.session.withdraw(found.fields)) withdrawn.add(one.which);
          } else if (one.do === 'deliver') one.toB ? deliver(a, b, one.count) : deliver(b, a, one.count);
          else if (one.do === 'turn') await settle();
          else if (one.do === 'cut') cut();
          else resume();
        }
        resume();
        await exchange();
        expect([...a.broken, ...b.broken]).toEqual([]);
        for (const key of [0, 1, 2, 3, 9]) {
          const numbers = [...sent.entries()].filter(([n, of]) => of.key === key && !withdrawn.has(n)).map(([n]) => n);
          expect(b.received.filter(([of]) => of === key).map(([, n]) => n)).toEqual(numbers);
        }
        for (const n of behind) {
          if (withdrawn.has(n)) continue;
          const at = b.received.findIndex(([, of]) => of === n);
          const earlier = b.received.slice(0, at).map(([, of]) => of);
          for (let before = 0; before < n; before += 1) if (!withdrawn.has(before)) expect(earlier).toContain(before);
        }
        expect([a.session.outstanding, a.session.undelivered, b.budget.bytes]).toEqual([0, 0, 0]);
      }),
      { numRuns: runs },
    );
  });
});

describe('pieces of a large message', () => {
  const some = new Uint8Array(4);

  it.each<[string, (assembly: Assembly) => unknown, RegExp]>([
    ['bytes that begin nothing', (one) => one.chunk(0, some), /beyond its binary/],
    ['more bytes than their binary has', (one) => one.chunk(3, some), /beyond its binary/],
    ['a binary that begins with nothing', (one) => one.chunk(3, new Uint8Array(0)), /beyond its binary/],
    ['a binary within another', (one) => [one.chunk(5, some), one.chunk(5, some)], /within another/],
    ['no bytes', (one) => one.chunk(5, 'text'), /without bytes/],
    ['an end of nothing', (one) => one.chunk(0, new Uint8Array(0)), /has not begun/],
    ['an end amid a binary', (one) => [one.chunk(5, some), one.whole(1)], /without its binaries/],
    ['fewer binaries than it says', (one) => [one.chunk(4, some), one.whole(2)], /without its binaries/],
    ['more than 256 MiB', (one) => one.chunk(transportLimits.largeBytesMax + 1, some), /of more than/],
    ['2^53 - 1 bytes', (one) => one.chunk(Number.MAX_SAFE_INTEGER, some), /of more than/],
  ])('are refused where they are %s, and nothing is kept', (_what, say, text) => {
    const budget = new AssemblyBudget();
    const assembly = new Assembly(budget);
    expect(() => say(assembly)).toThrow(text);
    assembly.drop();
    expect(budget.bytes).toBe(0);
  });

  it('of one node are kept up to a bound over all its sessions; beyond it a message is heard and not kept', () => {
    const budget = new AssemblyBudget(10 + 2 * 512);
    const [one, other] = [new Assembly(budget), new Assembly(budget)];
    one.chunk(6, some);
    other.chunk(3, new Uint8Array(3));
    other.chunk(4, some);
    other.chunk(3, new Uint8Array(3));
    expect(other.whole(3)).toBeUndefined();
    expect(budget.bytes).toBe(6 + 512);
    other.chunk(4, some);
    one.chunk(0, new Uint8Array(2));
    expect([one.whole(1), other.whole(1)]).toEqual([[new Uint8Array(6)], [some]]);
    expect(budget.bytes).toBe(0);
  });
});

describe('the codec of large messages', () => {
  const [first, second] = [new BesideBytes(Uint8Array.of(1, 2).buffer), new BesideBytes(Uint8Array.of(3).buffer)];
  const fields = [7, { first, list: [second, null] }, Uint8Array.of(9)];

  it('leaves binaries out and puts them back, with 6 bytes in the place of each', () => {
    const binaries: Uint8Array[] = [];
    const packed = codec.large!.pack(fields, binaries);
    expect(binaries).toEqual([first, second]);
    expect(Buffer.from(packed).includes(Buffer.of(0xd6, 0x50, 0, 0, 0, 1))).toBe(true);
    expect(codec.large!.unpack(packed, binaries)).toEqual(fields);
  });

  it('refuses a binary that did not come, and one that is named twice', () => {
    const packed = codec.large!.pack(fields, []);
    expect(() => codec.large!.unpack(packed, [first])).toThrow(/did not come/);
    const twice = packed.map((byte, at) => (packed[at - 5] === 0xd6 && byte === 1 ? 0 : byte));
    expect(() => codec.large!.unpack(twice, [first, second])).toThrow(/twice/);
  });

  it('has no such sign in an ordinary frame, nor any other in a large message', () => {
    const packed = codec.large!.pack(fields, []);
    expect(() => codec.unpack(packed)).toThrow(/extension/);
    expect(() => codec.large!.unpack(recordsCodec().pack([first], []), [first])).toThrow(/extension/);
    const other = packed.map((byte, at) => (packed[at - 1] === 0xd6 ? 0x51 : byte));
    expect(() => codec.large!.unpack(other, [first, second])).toThrow(/extension/);
  });

  it('refuses it cut off at each offset', () => {
    const packed = codec.large!.pack(fields, []);
    for (let end = 0; end < packed.length; end += 1) {
      expect(() => codec.large!.unpack(packed.subarray(0, end), [first, second])).toThrow();
    }
  });
});
