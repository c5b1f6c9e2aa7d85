import { expect, test } from 'vitest';
import * as z from 'zod';
import { flow } from '../../../src/streams/flow.ts';
import { fromIterable } from '../../../src/streams/from-iterable.ts';
import { always } from '../../../src/streams/joins/join-spec.ts';
import { keyGroupOf, partitionOfGroup } from '../../../src/streams/key-groups.ts';
import { mapState } from '../../../src/streams/keyed/state.ts';
import { count } from '../../../src/streams/windows/numbers.ts';
import { runLocally } from '../local-run.ts';

const parallelism = 3;
const keys = 500;
const numbers = Array.from({ length: 2_000 }, (_, number) => number % keys);

test('state is reported by key group: each of one instance, with all of its keys and about all of its bytes', async () => {
  const run = await runLocally(
    flow('grouped', { args: z.object({}) }, (f) => {
      const { counted, kept, first, joined, other } = f
        .from(fromIterable(numbers))
        .broadcast('counted', 'kept', 'first', 'joined', 'other');
      const byKey = { parallelism };
      return f.ends(
        counted
          .keyBy((number) => `key ${number}`, byKey)
          .aggregate({ n: count() })
          .output('counts'),
        kept
          .keyBy((number) => number, byKey)
          .state({ seen: mapState<number, number>() })
          .process<number>('seen', { onElement: (number, { state }) => state.seen.set(number, 1) })
          .output('seen'),
        first
          .keyBy((number) => number, byKey)
          .first()
          .output('first'),
        joined
          .keyBy((number) => number, byKey)
          .join(
            other.keyBy((number) => number),
            always(),
          )
          .output('pairs'),
      );
    }),
    {},
  );
  await run.done;
  const ofKey = { aggregate: (key: number) => `key ${key}` } as Record<string, (key: number) => string | number>;
  for (const name of ['aggregate', 'seen', 'first', 'join']) {
    const groups = new Set(Array.from({ length: keys }, (_, key) => keyGroupOf((ofKey[name] ?? Number)(key))));
    const found = new Set<number>();
    for (const [partition, stage] of run
      .counts()
      .flatMap(({ stages }) => stages.filter((one) => one.name === name))
      .entries()) {
      for (const { group } of stage.groups) {
        expect(partitionOfGroup(group, parallelism)).toBe(partition);
        found.add(group);
      }
      const sum = stage.groups.reduce((all, one) => all + one.keys, 0);
      expect(sum).toBe(stage.counts.keys);
      const bytes = stage.groups.reduce((all, one) => all + one.stateBytes, 0);
      expect(bytes).toBeGreaterThan(sum * 16);
      expect(bytes).toBeLessThan(2 * stage.counts.stateBytes!);
    }
    expect(found).toEqual(groups);
  }
});
