import {
  bufferCount,
  concatWith,
  delay,
  filter,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  retry,
  scan,
  startWith,
  take,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { realRandom } from '../../src/base/platform/real-random.ts';
import { AsyncOperator, type FlowError, StageFailed } from '../../src/streams/errors.ts';
import { Island, type Via } from '../../src/streams/island.ts';
import { realClock } from './local-run.ts';

function islandOf(vias: Record<string, (input: never) => unknown>) {
  const out: unknown[] = [];
  const failures: FlowError[] = [];
  const state = { closed: 0 };
  const island = new Island(
    Object.entries(vias).map(([name, operator]) => ({ name, operator }) as Via),
    {
      clock: realClock,
      random: realRandom(),
      events: {
        emit: (value) => out.push(value),
        watermark: () => undefined,
        full: () => undefined,
        completed: () => undefined,
        closedEarly: () => {
          state.closed += 1;
        },
        failed: (error) => failures.push(error),
      },
    },
  );
  island.open();
  return { island, out, failures, state };
}

describe('an island', () => {
  it('has given all that an element makes when its push returns', () => {
    const { island, out } = islandOf({
      even: filter((n: number) => n % 2 === 0),
      twice: mergeMap((n: number) => [n, n]),
      sum: scan((sum: number, n: number) => sum + n, 0),
    });
    island.push(1, 0);
    expect(out).toEqual([]);
    island.push(2, 0);
    expect(out).toEqual([2, 4]);
    expect(island.stages).toMatchObject([
      { name: 'even', in: 2, out: 1 },
      { name: 'twice', in: 1, out: 2 },
      { name: 'sum', in: 2, out: 2 },
    ]);
  });

  it('passes elements through where it has no operators', () => {
    const { island, out } = islandOf({});
    island.push(1, 0);
    island.complete();
    expect(out).toEqual([1]);
  });

  it('lets operators emit when they are subscribed and when the input ends', () => {
    const { island, out } = islandOf({ first: startWith(0), pairs: bufferCount(2), more: concatWith(of('end')) });
    island.push(1, 0);
    island.push(2, 0);
    island.complete();
    expect(out).toEqual([[0, 1], [2], 'end']);
  });

  it('closes when take(2) has its two elements, and takes no more', () => {
    const { island, out, state } = islandOf({ two: take(2), text: map(String) });
    for (const n of [1, 2, 3]) island.push(n, 0);
    expect(out).toEqual(['1', '2']);
    expect(state.closed).toBe(1);
    island.complete();
    expect(state.closed).toBe(1);
  });

  it('names the stage whose operator throws, and the cause', () => {
    const cause = new Error('no');
    const { island, failures } = islandOf({
      good: map((n: number) => n),
      bad: map(() => {
        throw cause;
      }),
      after: map((n: number) => n),
    });
    island.push(1, 0);
    island.push(2, 0);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: 'StageFailed', stage: 'bad', cause });
  });

  it('names the stage whose function throws while it builds its operators, or gives none', () => {
    const thrown = islandOf({
      bad: () => {
        throw new Error('no');
      },
    });
    expect(thrown.failures[0]).toMatchObject({ code: 'StageFailed', stage: 'bad' });
    expect(islandOf({ none: () => undefined }).failures[0]).toBeInstanceOf(StageFailed);
  });

  it('lets retry subscribe its input again', () => {
    let failed = false;
    const { island, out, failures } = islandOf({
      again: (input: never) =>
        (input as Observable<number>).pipe(
          map((n) => {
            if (n === 2 && !failed) {
              failed = true;
              throw new Error('once');
            }
            return n;
          }),
          retry(1),
        ),
    });
    for (const n of [1, 2, 3]) island.push(n, 0);
    expect(failures).toEqual([]);
    expect(out).toEqual([1, 3]);
  });

  it('fails at the first element that an asynchronous operator lets go of later', async () => {
    const { island, out, failures } = islandOf({ fine: map((n: number) => n), slow: mergeMap(async (n: number) => n) });
    for (const n of [1, 2, 3]) island.push(n, 0);
    await Promise.resolve();
    await Promise.resolve();
    expect(out).toEqual([]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(AsyncOperator);
    expect(failures[0]).toMatchObject({ stage: 'slow' });
    expect(failures[0]!.message).toContain("import { mergeMap } from 'troupe/streams/rx'");
  });

  it('fails when the input has ended and an operator still holds elements', () => {
    for (const slow of [delay(5), () => NEVER]) {
      const { island, failures } = islandOf({ slow: slow as (input: never) => unknown });
      island.push(1, 0);
      island.complete();
      expect(failures).toHaveLength(1);
      expect(failures[0]).toMatchObject({ code: 'AsyncOperator', stage: 'slow' });
    }
  });
});
