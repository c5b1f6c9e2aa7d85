import { map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { UsageError } from '../../src/base/errors.ts';
import { thread } from '../../src/index.ts';
import type { FlowDefinition } from '../../src/streams/flow.ts';
import type { FlowBuilder, FlowEnd } from '../../src/streams/flow-types.ts';
import { count, flow, forEach, fromIterable, tumbling } from '../../src/streams/index.ts';

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
      ['window', ['after'], 'edge', 3],
      ['ports', [], 'sink', 1],
    ]);
    expect(plan.outputs).toEqual([
      { name: 'dead-letters', kind: 'dead-letters', segment: 0 },
      { name: 'late', kind: 'late', segment: 1 },
      { name: 'dead-letters', kind: 'dead-letters', segment: 1 },
    ]);
    expect(plan.signature).toBe(
      'source(iterable, timed) → before → key-by(3) → window(aligned 10 10 0 append +0, late: n) → after → sink(for-each)',
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

  it('is refused for a window of half a millisecond', () => {
    expect(() => tumbling({ sizeMs: 0.5 })).toThrow('whole milliseconds from 1 on');
  });
});
