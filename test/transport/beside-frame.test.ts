/** Bytes that lie beside a frame: which codec leaves them out, and what a session counts of them. */
import { describe, expect, it } from 'vitest';
import { BesideBytes, isDetached } from '../../src/base/beside-bytes.ts';
import { limits } from '../../src/base/limits.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { recordsCodec, strictCodec } from '../../src/transport/frame-codec.ts';
import { Session } from '../../src/transport/session.ts';

const beside = (length: number, value = 0): BesideBytes => new BesideBytes(new Uint8Array(length).fill(value).buffer);
const shared = (length: number): BesideBytes => new BesideBytes(new SharedArrayBuffer(length));

describe('the records codec', () => {
  it('leaves bytes out of a frame wherever they are, and puts back the memory that came beside it', () => {
    const codec = recordsCodec();
    const [a, b, c] = [beside(20_000, 1), beside(3, 2), shared(9)];
    const items = [0, { a, deep: [{ b }, null], plain: Uint8Array.of(7) }, c, undefined, 'text'];
    const left: BesideBytes[] = [];
    const frame = codec.pack(items, left);
    expect(frame.byteLength).toBeLessThan(100);
    expect(left).toEqual([a, b, c]);
    const read = codec.unpack(
      frame,
      left.map(({ buffer }) => buffer),
    );
    expect(read).toEqual(items);
    expect((read[1] as (typeof items)[1] & { a: BesideBytes }).a.buffer).toBe(a.buffer);
    expect((read[2] as BesideBytes).isShared).toBe(true);
  });

  it('packs them as bytes where nobody takes them, and again after a frame that left them out', () => {
    const codec = recordsCodec();
    codec.pack([beside(4)], []);
    expect(codec.unpack(codec.pack([beside(4, 5), shared(2)]))).toEqual([Uint8Array.of(5, 5, 5, 5), new Uint8Array(2)]);
  });

  it('refuses a frame that names bytes which did not come', () => {
    const codec = recordsCodec();
    const frame = codec.pack([beside(4), beside(4)], []);
    expect(() => codec.unpack(frame, [new ArrayBuffer(4)])).toThrow(/bytes which did not come beside it/);
  });
});

describe('the codec between nodes', () => {
  it('packs them as the bytes that they are, and never leaves any out', () => {
    const codec = strictCodec();
    const left: BesideBytes[] = [];
    const frame = codec.pack([beside(20_000, 3), { a: shared(2) }], left);
    expect(left).toEqual([]);
    expect(codec.unpack(frame)).toEqual([new Uint8Array(20_000).fill(3), { a: new Uint8Array(2) }]);
  });

  it('refuses the sign that stands for them', () => {
    expect(() => strictCodec().unpack(recordsCodec().pack([beside(4)], []))).toThrow(/extension/);
  });
});

describe('a session', () => {
  function started() {
    const sent: { bytes: number; beside: number }[] = [];
    const refused: unknown[] = [];
    const scheduler = new TestScheduler();
    const session = new Session({
      cut: () => {
        throw new Error('no item here holds several messages');
      },
      carrier: {
        send: (frame, left = []) => {
          for (const { buffer, isShared } of left) {
            if (!isShared) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
          }
          sent.push({ bytes: frame.byteLength, beside: left.length });
          return true;
        },
        drained: () => Promise.resolve(),
      },
      codec: recordsCodec(),
      clock: new VirtualClock(),
      scheduler,
      onItems: () => 0,
      onRefused: (fields) => refused.push(fields),
      onBroken: () => undefined,
    });
    const counts = (received: number): void => {
      session.onFrame(recordsCodec().pack([0, received, received, received + limits.sessionWindow, false]));
    };
    return { session, sent, refused, counts, run: () => session.run({ spent: () => undefined } as never) };
  }
  const MiB = 1_048_576;

  it('fills a frame with bytes of 1 MiB, and sends what is larger alone', () => {
    const { session, sent, run } = started();
    for (const length of [400_000, 400_000, 400_000, 3 * MiB, 10]) {
      session.begin(length).push(2, beside(length));
    }
    run();
    expect(sent.map((frame) => frame.beside)).toEqual([2, 1, 1, 1]);
  });

  it('has 16 MiB on their way, and goes on as they are received', () => {
    const { session, sent, run, counts } = started();
    for (let n = 0; n < 40; n += 1) session.begin(MiB).push(2, beside(MiB));
    run();
    expect(sent.length).toBe(16);
    expect([session.hasRoom, session.isFullFor(1)]).toEqual([false, false]);
    counts(10);
    run();
    expect(sent.length).toBe(26);
    expect(session.hasRoom).toBe(true);
  });

  it('is full of bytes at 64 MiB that wait, and still takes what is small', () => {
    const { session } = started();
    for (let n = 0; n < 16 + 64; n += 1) session.begin(MiB).push(2, beside(MiB));
    session.begin(MiB).push(2, beside(MiB));
    expect([session.isFullFor(1), session.isFull]).toEqual([true, false]);
  });

  it('counts bytes that it was not told of as those of the last frame: 12 KiB each, 5,461 wait', () => {
    const { session, run } = started();
    const text = 'x'.repeat(12_288);
    for (let n = 0; n < 2_000; n += 1) session.begin().push(2, text);
    run();
    let count = 0;
    while (!session.isFull && count < 20_000) {
      session.begin().push(2, text);
      count += 1;
    }
    expect(count).toBeGreaterThan(4_000);
    expect(count).toBeLessThan(6_500);
  });

  it('gives back what was transferred without its bytes, and what has not left with them', () => {
    const { session, run } = started();
    for (let n = 0; n < 17; n += 1) session.begin(MiB).push(2, beside(MiB, n));
    run();
    const { unacknowledged, unsent } = session.end();
    const memory = [...unacknowledged, ...unsent].map((fields) => (fields[1] as BesideBytes).buffer);
    expect(memory.map(isDetached)).toEqual([...Array.from({ length: 16 }, () => true), false]);
  });

  it('posts shared memory and keeps it, and counts none of its bytes', () => {
    const { session, sent, run } = started();
    const table = shared(64 * MiB);
    for (let n = 0; n < 40; n += 1) session.begin().push(2, table);
    run();
    expect(sent.map((frame) => frame.beside).reduce((sum, count) => sum + count, 0)).toBe(40);
    expect(session.statistics.bytesSent).toBeLessThan(1_000);
    expect(session.hasRoom).toBe(true);
  });
});
