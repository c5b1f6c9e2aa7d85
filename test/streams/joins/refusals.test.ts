/** What joins refuse, what comes late, and sides that are silent. */
import { describe, expect, it, test } from 'vitest';
import * as z from 'zod';
import { flow } from '../../../src/streams/flow.ts';
import type { FlowBuilder, Keyed } from '../../../src/streams/flow-types.ts';
import { fromIterable } from '../../../src/streams/from-iterable.ts';
import { always, asOf, during, within } from '../../../src/streams/joins/join-spec.ts';
import type { Source } from '../../../src/streams/source.ts';
import { session, tumbling } from '../../../src/streams/windows/window.ts';
import { runLocally } from '../local-run.ts';

interface Row {
  readonly id: number;
  readonly at: number;
}
const none = z.object({});
const time = (row: Row): number => row.at;
const byId = (row: Row): number => row.id;

describe('a spec is refused', () => {
  it.each([
    ['that has no number', () => within({ beforeMs: Number.NaN, afterMs: 1 }), /beforeMs.*NaN/],
    ['that has no end', () => within({ beforeMs: 0, afterMs: Infinity }), /afterMs.*Infinity/],
    ['that ends before it begins', () => within({ beforeMs: -10, afterMs: 5 }), /ends before it begins/],
    ['with a ttl below 0', () => always({ leftTtlMs: -1 }), /leftTtlMs.*-1/],
    ['with a ttl that is none', () => asOf({ ttlMs: Number.NaN }), /ttlMs.*NaN/],
    ['by sessions', () => during(session({ gapMs: 5 }) as never), /tumbling.*sliding/],
  ])('%s', (_, make, why) => {
    expect(make).toThrow(expect.objectContaining({ code: 'UsageError', message: expect.stringMatching(why) }));
  });
});

describe('a join is refused', () => {
  const build = (
    join: (left: Keyed<Row, number, {}>, right: Keyed<Row, number, {}>, f: FlowBuilder) => unknown,
    timed = true,
  ) => {
    const built = flow('refused', { args: none }, (f) => {
      const left = f.from(fromIterable<Row>([]), { time });
      const right = timed ? f.from(fromIterable<Row>([]), { time }) : f.from(fromIterable<Row>([]));
      return join(left.keyBy(byId, { parallelism: 2 }), right.keyBy(byId), f) as never;
    });
    return () => built.bounds({});
  };
  it.each([
    ['by time, where a side has none', build((left, right) => left.join(right, asOf()), false), /right side has none/],
    [
      'whose sides have two parallelisms',
      build((left, _, f) => left.join(f.from(fromIterable<Row>([]), { time }).keyBy(byId, { parallelism: 4 }), asOf())),
      /2 partitions with 4/,
    ],
    [
      'always, for lefts that never know that they are alone',
      build((left, right) => left.join(right, always({ rightTtlMs: 5 }), { how: 'left' })),
      /leftTtlMs/,
    ],
    [
      'always, with an output for what is late',
      build((left, right) => left.join(right, always(), { late: 'late' })),
      /late/,
    ],
    ['in no known way', build((left, right) => left.join(right, {} as never)), /during.*within.*asOf.*always/],
    ['how nobody knows', build((left, right) => left.join(right, asOf(), { how: 'outer' as never })), /outer/],
    ['with what is not split by key', build((left, _, f) => left.join(f as never, asOf())), /not split by key/],
    ['with itself', build((left) => left.join(left, asOf())), /twice/],
  ])('%s', (_, make, why) => {
    expect(make).toThrow(expect.objectContaining({ code: 'UsageError', message: expect.stringMatching(why) }));
  });
});

test('an interval that is no number fails the run, and says whose it is', async () => {
  const run = await runLocally(
    flow('no-number', { args: none }, (f) =>
      f
        .from(fromIterable([{ id: 1, at: 1 }]), { time })
        .keyBy(byId)
        .join(f.from(fromIterable<Row>([]), { time }).keyBy(byId), within({ beforeMs: 0, afterMs: () => Number.NaN }))
        .output('pairs'),
    ),
    {},
  );
  await expect(run.done).rejects.toMatchObject({
    code: 'StageFailed',
    stage: 'join',
    message: expect.stringContaining('gave NaN'),
  });
});

/** Gives its batches, each when it is there, and is silent from then on: it has caught up, and never ends. */
function silent(batches: readonly (readonly Row[] | Promise<readonly Row[]>)[]): Source<Row> {
  return {
    name: 'silent',
    async *open({ signal }) {
      for (const items of batches) yield await items;
      yield { items: [], caughtUp: true };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
}

test('elements below the watermark are late, are counted, and go to their output', async () => {
  const late = { id: 1, at: 3 };
  let send!: (rows: readonly Row[]) => void;
  const sent = new Promise<readonly Row[]>((resolve) => {
    send = resolve;
  });
  const run = await runLocally(
    flow('late', { args: none }, (f) =>
      f
        .from(silent([[{ id: 1, at: 10 }], [{ id: 1, at: 20 }], sent]), { time })
        .keyBy(byId)
        .join(f.from(silent([[{ id: 1, at: 12 }], [{ id: 1, at: 30 }]]), { time }).keyBy(byId), asOf(), {
          how: 'left',
          late: 'late',
        })
        .output('pairs'),
    ),
    {},
  );
  await expect.poll(() => run.outputs, { timeout: 60_000 }).toContainEqual([{ id: 1, at: 10 }, undefined]);
  send([late]);
  await expect.poll(() => run.late, { timeout: 60_000 }).toEqual([late]);
  expect(run.stage('join')).toMatchObject({ late: 1 });
  run.cancel();
});

test('a side that is idle is not waited for', async () => {
  const right = { id: 1, at: 5 };
  const run = await runLocally(
    flow('idle', { args: none }, (f) =>
      f
        .from(silent([[{ id: 1, at: 10 }], [{ id: 1, at: 20 }]]), { time })
        .keyBy(byId)
        .join(f.from(silent([[right]]), { time }).keyBy(byId), during(tumbling({ sizeMs: 10 })), { how: 'left' })
        .output('pairs'),
    ),
    {},
  );
  await expect
    .poll(() => run.outputs, { timeout: 60_000 })
    .toContainEqual([{ id: 1, at: 10 }, undefined, { startMs: 10, endMs: 20 }]);
  run.cancel();
});
