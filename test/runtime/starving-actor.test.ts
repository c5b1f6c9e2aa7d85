/** Who takes nearly all of a thread's time, in slices that are each no stall. */
import { expect, test } from 'vitest';
import type { Runnable } from '../../src/base/environment/scheduler.ts';
import { limits } from '../../src/base/limits.ts';
import { StarvingActor } from '../../src/runtime/starving-actor.ts';

const [a, b, c]: Runnable[] = [{ run: () => undefined }, { run: () => undefined }, { run: () => undefined }];
const while_ = limits.starvingWhileMs;

/** Who is found after slices of so many ms each, taken by these in turns over 3 s. */
function found(sliceMs: number, turns: readonly Runnable[], busyShare = 1) {
  const starving = new StarvingActor(0);
  for (let ms = 0, n = 0; ms + sliceMs <= while_ * busyShare; ms += sliceMs, n += 1) {
    starving.had(turns[n % turns.length]!, sliceMs);
  }
  return starving.lookAt(while_);
}

test('an actor that has 3 s in slices of 20 ms is found, with their number', () => {
  expect(found(20, [a!])).toEqual({ runnable: a, ms: 3_000, slices: 150 });
});

test('one that has 6 of 7 slices is found behind the others', () => {
  expect(found(20, [b!, a!, a!, a!, a!, a!, a!])?.runnable).toBe(a);
});

test('one that has half of the time is not, nor one of three that share it', () => {
  expect(found(20, [a!], 0.5)).toBeUndefined();
  expect(found(20, [a!, b!, c!])).toBeUndefined();
});

test('one whose slices are 2 ms harms nobody: the run queue is fair', () => {
  expect(found(2, [a!])).toBeUndefined();
});

test('nothing is said before 3 s have passed, and each 3 s begin anew', () => {
  const starving = new StarvingActor(0);
  for (let n = 0; n < 150; n += 1) starving.had(a!, 20);
  expect(starving.lookAt(while_ - 1)).toBeUndefined();
  expect(starving.lookAt(while_)?.runnable).toBe(a);
  expect(starving.lookAt(2 * while_)).toBeUndefined();
});
