/** What durable operators keep: names, keys, versions, ends; and the stages that may have nothing else. */
import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import * as durable from '../../../src/streams/durable/index.ts';
import { flow, forEach, fromIterable } from '../../../src/streams/index.ts';
import { keyGroupOf } from '../../../src/streams/key-groups.ts';
import * as twins from '../../../src/streams/rx/index.ts';
import { MemoryStateStore } from '../../../src/streams/state/memory-state-store.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { runLocally } from '../local-run.ts';
import { type Operator, Rig } from '../rx/rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
const add = (acc: number, value: number): number => acc + value;
const restart = { onFailure: { restart: { max: 10, withinMs: 1_000 } } };

const withStore = (operator: unknown, store: MemoryStateStore): Rig =>
  new Rig({ kept: op(operator) }, 1_000, new VirtualClock(), store);

describe('what is kept', () => {
  it('is saved by stage, name, version, key group and key', () => {
    const store = new MemoryStateStore();
    const operator = rx.pipe(
      durable.groupBy((n: number) => n % 3, { state: 'thirds', maxKeys: 10 }),
      twins.mergeMap((group) => group.pipe(durable.scan(add, 0, { state: 'sums', version: 2, key: group.key }))),
      durable.bufferCount(5, { state: 'fives' }),
    );
    withStore(operator, store).push(1, 2, 4);
    const group1 = { group: keyGroupOf(1), keys: [1] };
    const group2 = { group: keyGroupOf(2), keys: [2] };
    const inOrder = <G extends { group: number }>(...groups: G[]): G[] => groups.sort((a, b) => a.group - b.group);
    expect(store.snapshot()).toEqual({
      states: [
        {
          stage: 'kept',
          name: 'fives',
          version: 1,
          instance: [{ count: 3, buffers: [[1, 2, 5]] }],
          groups: [],
        },
        {
          stage: 'kept',
          name: 'thirds',
          version: 1,
          instance: [],
          groups: inOrder({ ...group1, values: [0] }, { ...group2, values: [1] }),
        },
        {
          stage: 'kept',
          name: 'sums',
          version: 2,
          instance: [],
          groups: inOrder({ ...group1, values: [{ acc: 5, index: 2 }] }, { ...group2, values: [{ acc: 2, index: 1 }] }),
        },
      ],
    });
  });

  it('ends where its operator completes, or nobody listens any more, as in RxJS', () => {
    const store = new MemoryStateStore();
    const rows = (): number =>
      store.snapshot().states.reduce((sum, { instance, groups }) => sum + instance.length + groups.length, 0);
    const operator = rx.pipe(
      durable.groupBy((n: number) => n >> 1, { state: 'g', maxKeys: 2, duration: (group) => group.pipe(rx.skip(1)) }),
      twins.mergeMap((group) => group.pipe(durable.scan(add, 0, { state: 's', key: group.key }), rx.take(1))),
    );
    const rig = withStore(operator, store);
    for (let n = 0; n < 300; n += 1) {
      rig.push(n);
      expect(rows()).toBeLessThanOrEqual(2);
    }
    expect(rig.values).toHaveLength(150);
    rig.push(300);
    expect(rows()).toBe(1);
    rig.island.complete();
    expect(rig.failures).toEqual([]);
    expect(rows()).toBe(0);
  });

  it('is begun anew by retry within a stage, as in RxJS', () => {
    const failing = rx.tap((n: number) => {
      if (n === 6) throw new Error('bad');
    });
    const rig = new Rig({ kept: op(rx.pipe(durable.scan(add, 0, { state: 's' }), failing, twins.retry(3))) });
    rig.push(1, 2, 3, 4);
    expect(rig.values).toEqual([1, 3, 4]);
  });

  it('is migrated from another version, or refused', () => {
    const store = new MemoryStateStore();
    withStore(durable.scan(add, 0, { state: 's' }), store).push(1, 2);
    const snapshot = store.snapshot();
    const migrate = (kept: unknown, version: number): string => `${kept} of ${version}`;
    const join = (acc: string, n: number): string => `${acc}, ${n}`;
    const next = withStore(durable.scan(join, '', { state: 's', version: 2, migrate }), new MemoryStateStore(snapshot));
    next.push(4);
    expect(next.values).toEqual(['3 of 1, 4']);
    const refused = withStore(durable.scan(join, '', { state: 's', version: 2 }), new MemoryStateStore(snapshot));
    expect(refused.failures).toMatchObject([{ code: 'StateMismatch', stage: 'kept' }]);
    expect(refused.failures[0]!.message).toContain('version 1');
  });

  it('stays in snapshots while no operator has asked for it', () => {
    const store = new MemoryStateStore();
    withStore(durable.scan(add, 0, { state: 's' }), store).push(1);
    const snapshot = store.snapshot();
    expect(new MemoryStateStore(snapshot).snapshot()).toEqual(snapshot);
  });

  it('cannot be saved where it is no plain data, and says which', () => {
    const store = new MemoryStateStore();
    withStore(
      durable.scan((_acc: unknown, n: number) => ({ n, call: () => n }), null, { state: 'calls' }),
      store,
    ).push(1);
    expect(() => store.snapshot()).toThrow("stage 'kept': state 'calls' is no plain data");
  });
});

describe('names of states', () => {
  it.each([
    ['two operators', rx.pipe(durable.scan(add, 0, { state: 's' }), durable.scan(add, 0, { state: 's' }))],
    [
      'two kinds of operators',
      rx.pipe(durable.scan(add, 0, { state: 's', key: 1 }), durable.bufferCount(2, { state: 's', key: 2 })),
    ],
    [
      'the groups of an operator without their keys',
      rx.pipe(
        durable.groupBy((n: number) => n, { state: 'g', maxKeys: 9 }),
        twins.mergeMap((group) => group.pipe(durable.scan(add, 0, { state: 's' }))),
      ),
    ],
  ])('are refused where %s would share one', (_what, operator) => {
    const rig = new Rig({ kept: op(operator) });
    rig.push(1, 2);
    expect(rig.failures).toMatchObject([{ code: 'StageFailed', cause: { code: 'UsageError' } }]);
    expect(rig.failures[0]!.message).toContain('key: group.key');
  });

  it('are refused where they are none', () => {
    const wrong = [{ state: '' }, { state: 's', version: 0 }, {}] as durable.DurableState[];
    for (const keeps of wrong) {
      expect(new Rig({ kept: op(durable.scan(add, 0, keeps)) }).failures).toMatchObject([{ code: 'StageFailed' }]);
    }
  });
});

describe('bounds', () => {
  it('distinct and groupBy fail their stage beyond maxKeys, and are refused without', () => {
    for (const operator of [durable.distinct, durable.groupBy] as unknown as ((...given: unknown[]) => Operator)[]) {
      const rig = new Rig({ kept: op(operator((n: number) => n, { state: 's', maxKeys: 2 })) });
      rig.push(1, 2, 1, 2);
      expect(rig.failures).toEqual([]);
      rig.push(3);
      expect(rig.failures).toMatchObject([{ code: 'OperatorOverflow', stage: 'kept' }]);
      expect(new Rig({ kept: operator((n: number) => n, { state: 's' }) }).failures).toHaveLength(1);
    }
  });

  it('distinct forgets its keys when it is told to', () => {
    const flushes = new rx.Subject<void>();
    const rig = new Rig({ kept: op(durable.distinct((n: number) => n, { state: 's', flushes })) });
    rig.push(1, 1);
    flushes.next();
    rig.push(1, 1);
    expect(rig.values).toEqual([1, 1]);
  });
});

describe('outside of a flow', () => {
  it('they are the operators of RxJS', () => {
    const seen: unknown[] = [];
    rx.from([1, 1, 2, 3])
      .pipe(
        durable.distinct((n) => n, { state: 'd', maxKeys: 1 }),
        durable.groupBy((n) => n % 2, { state: 'g', maxKeys: 1 }),
        rx.mergeMap((group) => group.pipe(durable.scan(add, 0, { state: 's', key: group.key }))),
        durable.bufferCount(2, { state: 'b' }),
      )
      .subscribe((value) => seen.push(value));
    expect(seen).toEqual([[1, 2], [4]]);
  });
});

describe('a stage that is durable', () => {
  const plain: Record<string, [rx.OperatorFunction<number, unknown>, string]> = {
    bufferCount: [rx.bufferCount(2), 'Import bufferCount from'],
    'bufferCount of troupe/streams/rx': [twins.bufferCount(2), 'Import bufferCount from'],
    count: [rx.count(), 'Import scan from'],
    distinct: [rx.distinct(), 'Import distinct from'],
    'distinct of troupe/streams/rx': [twins.distinct((n: number) => n, { maxKeys: 2 }), 'Import distinct from'],
    distinctUntilChanged: [rx.distinctUntilChanged(), 'process(…) behind keyBy'],
    groupBy: [rx.groupBy((n) => n), 'Import groupBy from'],
    pairwise: [rx.pairwise(), 'process(…) behind keyBy'],
    reduce: [rx.reduce(add), 'Import scan from'],
    scan: [rx.scan(add), 'Import scan from'],
    take: [rx.take(3), 'take or first'],
    takeWhile: [rx.takeWhile(() => true), 'takeWhile'],
    'withLatestFrom of troupe/streams/rx': [twins.withLatestFrom(rx.of(1)), 'withLatestFrom'],
  };
  it.each(Object.entries(plain))('refuses %s at its start', (_name, [operator, advice]) => {
    const operators = rx.pipe(
      durable.scan(add, 0, { state: 's' }),
      operator,
      twins.delay<unknown>(1),
      rx.map((value) => value),
    );
    const rig = new Rig({ kept: { operator: op(operators), durable: true } });
    expect(rig.failures).toMatchObject([{ code: 'StateNotDurable', stage: 'kept' }]);
    expect(rig.failures[0]!.message).toContain(advice);
    expect(new Rig({ kept: { operator: op(operators), durable: false } }).failures).toEqual([]);
  });

  it('takes what keeps nothing, and what holds elements that are counted', () => {
    const operators = rx.pipe(
      rx.map((n: number) => n),
      rx.filter(() => true),
      rx.tap(() => undefined),
      rx.mergeMap((n) => rx.of(n)),
      twins.mergeMap((n) => rx.of(n)),
      twins.bufferTime(5),
      rx.startWith([]),
    );
    expect(new Rig({ kept: { operator: op(operators), durable: true } }).failures).toEqual([]);
  });

  it('goes on in a flow with what it kept when it fails', async () => {
    const sums: number[] = [];
    const job = flow('job', { args: z.object({}) }, (f) =>
      f
        .from(fromIterable([1, 2, 3, 4]))
        .via(
          'sum',
          rx.pipe(
            rx.tap((n: number) => {
              if (n === 3) throw new Error('bad');
            }),
            durable.scan(add, 0, { state: 'sum' }),
          ),
          { durable: true, ...restart },
        )
        .to(forEach((sum: number) => void sums.push(sum))),
    );
    const run = await runLocally(job, {});
    await run.done;
    expect(sums).toEqual([1, 3, 7]);
  });

  it('is refused with an option that is none', async () => {
    const job = flow('job', { args: z.object({}) }, (f) =>
      f
        .from(fromIterable([1]))
        .via('sum', rx.map(String), { durable: 1 as never })
        .to(forEach(() => undefined)),
    );
    await expect(async () => runLocally(job, {})).rejects.toThrow('durable: 1');
  });
});
