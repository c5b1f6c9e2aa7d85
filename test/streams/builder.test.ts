import { map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { UsageError } from '../../src/base/errors.ts';
import { thread } from '../../src/index.ts';
import type { FlowDefinition } from '../../src/streams/flow.ts';
import type { FlowBuilder, FlowEnd } from '../../src/streams/flow-types.ts';
import {
  collect,
  count,
  countWindow,
  flow,
  forEach,
  fromIterable,
  globalWindow,
  onWatermark,
  session,
  sliding,
  tumbling,
} from '../../src/streams/index.ts';

const none = z.object({});
const nothing = forEach(() => undefined);
const time = (n: number): number => n;

function planOf(build: (f: FlowBuilder) => FlowEnd<{}>) {
  return (flow('job', { args: none }, build) as FlowDefinition<typeof none, {}>).plan({});
}

describe('a plan', () => {
  it('is one segment where nothing is keyed', () => {
    const plan = planOf((f) =>
      f
        .from(fromIterable([1]))
        .via('a', map(String))
        .via('b', map(String))
        .to(nothing),
    );
    expect(plan.segments).toHaveLength(1);
    expect(plan.segments[0]).toMatchObject({
      head: { kind: 'source' },
      trunk: { tail: { kind: 'sink' } },
      parallelism: 1,
    });
    expect(plan.segments[0]!.trunk.vias.map((via) => via.name)).toEqual(['a', 'b']);
  });

  it('is cut at keyBy and before the sink, into 1 + 3 + 1 instances', () => {
    const plan = planOf((f) =>
      f
        .from(fromIterable([1]), { time })
        .via('before', map(Number))
        .keyBy((n) => n, { parallelism: 3 })
        .window(tumbling({ sizeMs: 10 }), { late: 'late' })
        .aggregate({ n: count() })
        .via('after', map(String))
        .to(nothing),
    );
    expect(
      plan.segments.map(({ head, trunk: { vias, tail }, parallelism }) => [
        head.kind,
        vias.map((via) => via.name),
        tail.kind,
        parallelism,
      ]),
    ).toEqual([
      ['source', ['before'], 'edge', 1],
      ['processor', ['after'], 'edge', 3],
      ['ports', [], 'sink', 1],
    ]);
    expect(plan.outputs).toEqual([
      { name: 'dead-letters', kind: 'dead-letters', segment: 0 },
      { name: 'late', kind: 'late', segment: 1 },
      { name: 'dead-letters', kind: 'dead-letters', segment: 1 },
    ]);
    expect(plan.signature).toBe(
      'source(iterable, timed) → before → key-by(3) → window(aligned 10 10 0 append +0: n; late) → after → sink(for-each)',
    );
  });

  it('has its sinks on the place that the run was started on, behind a stage that runs elsewhere', () => {
    const plan = planOf((f) =>
      f
        .from(fromIterable([1]))
        .via('there', map(String), { on: thread() })
        .to(nothing),
    );
    expect(plan.segments.map(({ on, trunk }) => [on?.kind, trunk.tail.kind])).toEqual([
      [undefined, 'edge'],
      ['thread', 'edge'],
      [undefined, 'sink'],
    ]);
  });

  it.each<[string, (f: FlowBuilder) => unknown]>([
    [
      "two stages 'a'",
      (f) =>
        f
          .from(fromIterable([1]))
          .via('a', map(String))
          .via('a', map(String))
          .to(nothing),
    ],
    [
      "'sink', which is the name of another kind",
      (f) =>
        f
          .from(fromIterable([1]))
          .via('sink', map(String))
          .to(nothing),
    ],
    [
      'names a via ""',
      (f) =>
        f
          .from(fromIterable([1]))
          .via('', map(String))
          .to(nothing),
    ],
    [
      'no event time',
      (f) =>
        f
          .from(fromIterable([1]))
          .keyBy((n) => n)
          .window(tumbling({ sizeMs: 1 })),
    ],
    ['parallelism 0', (f) => f.from(fromIterable([1]), { time }).keyBy((n) => n, { parallelism: 0 })],
    ['parallelism 129', (f) => f.from(fromIterable([1]), { time }).keyBy((n) => n, { parallelism: 129 })],
    ['idleMs: 0; it takes at least 1, or false', (f) => f.from(fromIterable([1]), { time, idleMs: 0 }).to(nothing)],
    ['idleMs: -1', (f) => f.from(fromIterable([1]), { time, idleMs: -1 }).to(nothing)],
    ['no time function', (f) => f.from(fromIterable([1]), { time: 'date' as never }).to(nothing)],
    [
      'gives globalWindow no trigger',
      (f) =>
        f
          .from(fromIterable([1]), { time })
          .keyBy((n) => n)
          .window(globalWindow()),
    ],
    [
      'gives globalWindow no trigger',
      (f) =>
        f
          .from(fromIterable([1]), { time })
          .keyBy((n) => n)
          .window(globalWindow(), { trigger: onWatermark() }),
    ],
    [
      'gives countWindow a trigger',
      (f) =>
        f
          .from(fromIterable([1]), { time })
          .keyBy((n) => n)
          .window(countWindow({ size: 2 }), { trigger: onWatermark() }),
    ],
    [
      'gives countWindow an allowedLatenessMs',
      (f) =>
        f
          .from(fromIterable([1]), { time })
          .keyBy((n) => n)
          .window(countWindow({ size: 2 }), { allowedLatenessMs: 1 }),
    ],
    ['a split that is no function', (f) => f.from(fromIterable([1]), { time, split: 'id' as never }).to(nothing)],
    ['outOfOrderMs: -1', (f) => f.from(fromIterable([1]), { time, outOfOrderMs: -1 }).to(nothing)],
    ['has no end', (f) => f.from(fromIterable([1]))],
    ['has no end', () => undefined],
    [
      "continues stage 'source' twice; split it with broadcast",
      (f) => {
        const stage = f.from(fromIterable([1]));
        stage.via('a', map(String)).to(nothing);
        return stage.via('b', map(String)).to(nothing);
      },
    ],
    [
      'has an end that the build function does not return',
      (f) => {
        f.from(fromIterable([1])).to(nothing);
        return f.from(fromIterable([1])).to(nothing);
      },
    ],
    ['it needs fromHot(…', (f) => f.from(of(1) as never).to(nothing)],
    ['to(…) takes a Sink', (f) => f.from(fromIterable([1])).to({} as never)],
  ])('is refused with the flow and what is wrong: %s', (text, build) => {
    const plan = () => planOf(build as (f: FlowBuilder) => FlowEnd<{}>);
    expect(plan).toThrow(UsageError);
    expect(plan).toThrow(text);
  });

  it('is refused for a flow without a proper name', () => {
    expect(() => flow('a b', { args: none }, (f) => f.from(fromIterable([1])).to(nothing))).toThrow('flow("a b", …)');
  });

  it.each<[string, () => unknown]>([
    ['a slide of 11 is above the size of 10', () => sliding({ sizeMs: 10, slideMs: 11 })],
    ['an element is in 4097 windows; at most 4096', () => sliding({ sizeMs: 4_097, slideMs: 1 })],
    ['session({ gapMs }) takes whole milliseconds', () => session({ gapMs: 0 })],
    ['session({ maxMs }) takes whole milliseconds from gapMs on', () => session({ gapMs: 10, maxMs: 9 })],
    ['countWindow({ size }) takes whole elements', () => countWindow({ size: 0 })],
    ['tumbling({ offsetMs }) takes whole milliseconds', () => tumbling({ sizeMs: 10, offsetMs: 0.5 })],
    ['everyCount } }) takes whole numbers from 1 on', () => onWatermark({ early: { everyCount: 0 } })],
    ['takes 1 to 1000000 elements', () => collect(undefined, { max: 0 })],
    ["takes 'fail' or 'drop'", () => collect(undefined, { overflow: 'some' as never })],
  ])('is refused where a window is none: %s', (text, make) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(text);
  });

  it('has its edges in groups: those to one segment that lead from the same sources are idle together', () => {
    const groupsOf = (build: (f: FlowBuilder) => FlowEnd<{}>): number[] =>
      planOf(build).edges.map(({ group }) => group);
    const windowed = { keyed: (n: unknown) => String(n) };
    const end = (stage: ReturnType<FlowBuilder['merge']>) =>
      stage
        .keyBy(windowed.keyed)
        .window(tumbling({ sizeMs: 10 }))
        .aggregate({ n: count() })
        .to(nothing);
    // Edges 0 and 1 lead from two sources to the join.
    const two = groupsOf((f) =>
      end(f.merge(f.from(fromIterable([1]), { time }), f.from(fromIterable([2]), { time })) as never),
    );
    expect(two[0]).not.toBe(two[1]);
    // Both branches lead from one source, one of them by a segment of its own.
    const plan = planOf((f) => {
      const { a, b } = f.from(fromIterable([1]), { time }).broadcast('a', 'b');
      return end(f.merge(a, b.via('away', map(Number), { parallelism: 2 })) as never);
    });
    const join = plan.segments.find(({ head }) => head.kind === 'ports' && head.ports === 2)!.index;
    const toJoin = plan.edges.filter(({ to }) => to === join);
    expect(toJoin).toHaveLength(2);
    expect(new Set(toJoin.map(({ group }) => group)).size).toBe(1);
  });

  it('is refused for a window of half a millisecond', () => {
    expect(() => tumbling({ sizeMs: 0.5 })).toThrow('whole milliseconds from 1 on');
  });
});
