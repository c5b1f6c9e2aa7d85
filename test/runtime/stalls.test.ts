/** What people are told of stalls: a line at once, then sums; how it is worded; what is nobody's. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { adviceFor, type Stall } from '../../src/runtime/stall.ts';
import { Stalls } from '../../src/runtime/stalls.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

const place = 'node~1/main';
const path = `troupe://${place}/hasher#12`;

function stall(given: Partial<Stall> = {}): Stall {
  const kind = given.kind ?? 'handler';
  return {
    kind,
    place,
    path,
    operation: 'hasher.hash',
    durationMs: 150,
    messages: 1,
    suspects: [],
    advice: adviceFor(kind, given.place ?? place),
    ...given,
  };
}

function stalls() {
  const clock = new VirtualClock();
  const log = new CapturedLog();
  return { clock, log, stalls: new Stalls(clock, log), texts: () => log.lines.map(({ text }) => text) };
}

describe('the log of stalls', () => {
  test('has the first at once, with actor, operation, thread, ms and advice', () => {
    const { stalls: all, log } = stalls();
    all.take(stall({ durationMs: 312 }));
    const { fields, text } = log.expectOne({ level: 'warn' });
    expect(text).toBe(
      `hasher.hash of ${path} held the main thread of ${place} for 312 ms, and nothing else ran there; spawn it with { on: thread() }, or split its work into messages`,
    );
    expect(fields).toMatchObject({ path, operation: 'hasher.hash', durationMs: 312, count: 1 });
  });

  test('sums up 1,000 more of the operation in 1 line after 10 s, whichever actor they were of', async () => {
    const { clock, stalls: all, log } = stalls();
    all.take(stall());
    for (let n = 1; n <= 1_000; n += 1) all.take(stall({ path: `troupe://${place}/hasher#${n}`, durationMs: 100 + n }));
    expect(log.lines).toHaveLength(1);
    await clock.advance(limits.stallLogMs - 1);
    expect(log.lines).toHaveLength(1);
    await clock.advance(1);
    expect(log.lines).toHaveLength(2);
    expect(log.lines[1]!.fields).toMatchObject({ count: 1_000, longestMs: 1_100, totalMs: 600_500 });
    expect(log.lines[1]!.text).toContain('(1000 times since it was logged last, 600500 ms in all, 1100 ms at most)');
  });

  test('has another operation, and the same one after a quiet time, at once', async () => {
    const { clock, stalls: all, log } = stalls();
    all.take(stall());
    all.take(stall({ operation: 'hasher.check' }));
    expect(log.lines).toHaveLength(2);
    await clock.advance(2 * limits.stallLogMs);
    all.take(stall());
    expect(log.lines).toHaveLength(3);
  });

  test('has what was kept back when it is closed, and leaves no timer', () => {
    const { clock, stalls: all, log } = stalls();
    all.take(stall());
    all.take(stall());
    all.close();
    expect(log.lines).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('sums up 1,024 operations at most, and logs those of further ones as they come', () => {
    const { clock, stalls: all } = stalls();
    for (let n = 0; n < 2_000; n += 1) all.take(stall({ operation: `hasher.op${n}` }));
    expect(clock.pending).toBe(limits.stallKeysMax);
  });

  test('says as info what no actor can be moved for, and as warn what one is suspected of', () => {
    const { stalls: all, log } = stalls();
    const outside = { kind: 'outside', path: undefined, operation: undefined, messages: 0 } as const;
    all.take(stall(outside));
    log.expectOne({ level: 'info', text: 'code outside of actors, or after an await in one, held' });
    all.take(stall({ ...outside, suspects: [{ path, operation: 'hasher.hash' }] }));
    log.expectOne({ level: 'warn', text: `after an await, probably hasher.hash of ${path}, held` });
  });

  test('does not accuse one of many', () => {
    const { stalls: all, texts } = stalls();
    all.take(stall({ kind: 'messages', operation: undefined, messages: 40 }));
    all.take(stall({ kind: 'messages', operation: undefined, path: undefined, messages: 3, place: 'node~1/t1' }));
    expect(texts()[0]).toContain(`one of 40 messages handled in a row, the last of them for ${path}, or code between`);
    expect(texts()[1]).toContain('one of 3 messages handled in a row or code between them, held the worker thread');
  });

  test('advises a thread of its own where the actor is on a thread already', () => {
    const { stalls: all, log } = stalls();
    all.take(stall({ place: 'node~1/t1' }));
    log.expectOne({ text: /the worker thread node~1\/t1 .*give it a thread of its own with \{ on: thread\(\{ name/ });
  });

  test('says in how many pieces an actor took the thread', () => {
    const { stalls: all, log } = stalls();
    all.take(stall({ kind: 'starving', operation: undefined, durationMs: 2_800, messages: 70 }));
    log.expectOne({
      text: `${path} took nearly all of the last seconds of the main thread of ${place}, 2800 ms in 70 pieces of 40 ms`,
    });
  });
});

describe('readers of stalls', () => {
  test('get each of them, and miss the oldest when they are 1,024 behind', async () => {
    const { stalls: all } = stalls();
    const iterator = all.stream()[Symbol.asyncIterator]();
    const first = iterator.next();
    for (let n = 0; n <= limits.stallsBuffered + 10; n += 1) all.take(stall({ durationMs: n }));
    expect((await first).value).toMatchObject({ durationMs: 0 });
    expect((await iterator.next()).value).toMatchObject({ durationMs: 11 });
    expect(all.readers.missed).toBe(10);
    await iterator.return?.();
  });
});
