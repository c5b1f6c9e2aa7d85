import { filter, map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createSystem, registry, spread, thread } from '../../src/index.ts';
import { explain } from '../../src/streams/explain.ts';
import type { FlowDefinition } from '../../src/streams/flow.ts';
import { count, flow, fromIterable, type Sink, tumbling } from '../../src/streams/index.ts';
import { testSystem } from '../../src/testing/index.ts';

const none = z.object({});

function numbers(n: number) {
  return fromIterable(Array.from({ length: n }, (_, index) => index));
}

function stuck(): { sink: Sink<unknown>; release: () => void } {
  let release!: () => void;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    release: () => release(),
    sink: { name: 'stuck', open: () => ({ write: () => released }) },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a run that stands still', () => {
  it('is explained from its source to the sink that holds everything', async () => {
    const { sink, release } = stuck();
    const held = flow('held', { args: none }, (f) =>
      f
        .from(numbers(200_000))
        .via(
          'first',
          map((n) => n + 1),
          { parallelism: 2 },
        )
        .to(sink),
    );
    await using system = await createSystem({ registry: registry(held) });
    const run = await system.run(held, { args: {} });
    await until(() => run.explain()[0]?.kind === 'sink');
    const [explanation, ...more] = run.explain();
    expect(more).toEqual([]);
    expect(explanation!.steps.map(({ stage }) => stage)).toEqual(['source', 'gather', 'gather']);
    expect(explanation!.text).toContain("sink 'stuck' has not finished its write of");
    release();
    await run.done;
    expect(run.explain()[0]!.kind).toBe('ended');
  });

  it('is explained where a branch of a diamond starves the other: a zip of a stage and a part of it', async () => {
    const starved = flow('starved', { args: none }, (f) => {
      const { all, none } = f.from(numbers(200_000)).broadcast('all', 'none');
      return f
        .zip(
          all,
          none.via(
            'nothing',
            filter(() => false),
          ),
        )
        .to({ name: 'any', open: () => ({ write: () => undefined }) });
    });
    await using system = await createSystem({ registry: registry(starved) });
    const run = await system.run(starved, { args: {} });
    await until(() => run.explain()[0]?.kind === 'input');
    expect(run.explain()[0]!.text).toMatch(/stage 'zip' .* waits for elements of 'source'/);
    await run.cancel();
  });

  it('is explained by its source where that gives nothing', async () => {
    const quiet = flow('quiet', { args: none }, (f) =>
      f
        .from({
          name: 'quiet',
          open: ({ signal }) => ({ [Symbol.asyncIterator]: () => ({ next: () => aborted(signal) }) }),
        })
        .to({ name: 'any', open: () => ({ write: () => undefined }) }),
    );
    await using system = await createSystem({ registry: registry(quiet) });
    const run = await system.run(quiet, { args: {} });
    await until(() => run.explain()[0]?.kind === 'source');
    expect(run.explain()[0]!.text).toContain("source 'source'");
    await run.cancel();
  });

  it('says nothing of what it does not know: an instance that has not reported is at work', () => {
    const { segments } = planOf();
    expect(segments).toHaveLength(3);
    expect(explain(planOf(), [])).toEqual([]);
  });
});

function planOf() {
  const job = flow('job', { args: none }, (f) =>
    f
      .from(numbers(1), { time: (n) => n })
      .keyBy((n) => n, { parallelism: 2, on: spread([thread(), thread()]) })
      .window(tumbling({ sizeMs: 10 }), { late: 'late' })
      .aggregate({ n: count() })
      .to({ name: 'any', open: () => ({ write: () => undefined }) }),
  );
  return (job as unknown as FlowDefinition<typeof none, {}>).plan({});
}

async function aborted(signal: AbortSignal): Promise<IteratorResult<readonly number[]>> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  return { done: true, value: undefined };
}

describe('the bounds of a flow', () => {
  it('are known before it starts, for each edge, buffer and sink', () => {
    const job = flow('job', { args: none }, (f) => {
      const given = f.from(numbers(1));
      const hot = f.fromHot(of(1), { overflow: 'drop-oldest', capacity: 100 });
      const { a, b } = f.zip(given, hot).broadcast('a', 'b');
      const any = { name: 'any', open: () => ({ write: () => undefined }) };
      return f.ends(
        a.overflow({ strategy: 'drop-oldest', capacity: 500 }).to(any),
        b.via('parse', map(String), { parallelism: 3 }).to(any),
      );
    });
    const bounds = job.bounds({});
    expect(bounds.parts.map(({ stage, what, elements }) => [stage, what, elements])).toEqual([
      ['source', 'batch', 1_024],
      ['zip', 'batch', 1_024],
      ['overflow', 'overflow', 500],
      ['sink', 'sink', 2_048],
      ['dead-letters', 'side-output', 3 * 9_216 + 1_024],
      ['parse', 'operators', 3 * 1_024],
      ['sink-2', 'sink', 2_048],
      ['source-2', 'batch', 200],
      ['zip', 'edge', 9_216],
      ['gather', 'edge', 9_216],
      ['gather', 'edge', 3 * 9_216],
      ['gather', 'edge', 3 * 9_216],
      ['zip', 'edge', 9_216],
    ]);
    expect(bounds.elements).toBe(bounds.parts.reduce((sum, part) => sum + part.elements, 0));
    expect(String(bounds)).toMatch(/^overflow +overflow +500$/m);
  });
});

describe('a run that stands still for 10 s', () => {
  it('says once what holds it, and again when it stands still anew; a quiet source is no stall', async () => {
    let release = (): void => undefined;
    const slow: Sink<unknown> = {
      name: 'slow',
      open: () => ({
        write: () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
      }),
    };
    const held = flow('held', { args: none }, (f) => f.from(numbers(20_000)).to(slow));
    await using system = await testSystem({ registry: registry(held) });
    const run = await system.run(held, { args: {} });
    const said = () => system.log.lines.filter(({ fields }) => fields.event === 'flow-stalled');
    await system.time.advance(9_000);
    expect(said()).toEqual([]);
    await system.time.advance(30_000);
    expect(said()).toHaveLength(1);
    expect(said()[0]!.fields).toMatchObject({ flow: 'held', kind: 'sink' });
    expect(said()[0]!.text).toMatch(
      /has stood still for 1\d s: .*sink 'slow' has not finished its write of \d+ elements/,
    );
    release();
    await system.time.advance(30_000);
    expect(said()).toHaveLength(2);
    const cancelled = run.cancel();
    // A write that does not end is waited for, for 5 s.
    await system.time.advance(10_000);
    await cancelled;
  });
});
