import { map } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SourceFailed } from '../../src/streams/errors.ts';
import { flow, forEach, type Source } from '../../src/streams/index.ts';
import { type TestSystem, testSystem } from '../../src/testing/index.ts';

const none = z.object({});
let system: TestSystem;
beforeEach(async () => {
  system = await testSystem();
});
afterEach(() => system.shutdown());

/** Numbers from 0 to 9, that fail at 5 as often as `failures` says. */
function failing(failures: number, error: () => Error = () => new SourceFailed('unreachable', 'gone')) {
  const opened = { count: 0 };
  const source: Source<number> = {
    name: 'failing',
    async *open() {
      opened.count += 1;
      for (let n = 0; n < 10; n += 1) {
        if (n === 5 && opened.count <= failures) throw error();
        yield [n];
      }
    },
  };
  return { source, opened };
}

const restart = { max: 3, withinMs: 10_000, backoff: { minMs: 100, maxMs: 1_000 } };

describe('a run that may begin anew', () => {
  it('begins from the start of its sources, with the same readers, and says so', async () => {
    const { source, opened } = failing(2);
    const job = flow('job', { args: none }, (f) => f.from(source).via('text', map(String)).output('texts'));
    const run = await system.run(job, { args: {}, restart });
    const texts: string[] = [];
    const reading = (async () => {
      for await (const text of run.output('texts')) texts.push(text);
    })();
    await system.time.advance(10_000);
    await run.done;
    await reading;
    expect(opened.count).toBe(3);
    expect(texts.slice(-10)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(run.statistics()).toMatchObject({ attempts: 3, ledger: { read: 10 } });
    const said = system.log.lines.filter(({ fields }) => fields.event === 'flow-restarts');
    expect(said.map(({ level, fields }) => [level, fields.attempts])).toEqual([
      ['warn', 1],
      ['warn', 2],
    ]);
  });

  it.each([
    ['its restarts are used up', failing(99), 4],
    ['the error would come again', failing(1, () => new SourceFailed('row', 'broken')), 1],
  ])('fails with its last error when %s', async (_, { source, opened }, attempts) => {
    const job = flow('job', { args: none }, (f) => f.from(source).to(forEach(() => undefined)));
    const run = await system.run(job, { args: {}, restart });
    const failed = expect(run.done).rejects.toMatchObject({ code: 'SourceFailed' });
    await system.time.advance(30_000);
    await failed;
    expect(opened.count).toBe(attempts);
  });

  it('is over at once when it is cancelled while it waits', async () => {
    const { source, opened } = failing(99);
    const job = flow('job', { args: none }, (f) => f.from(source).to(forEach(() => undefined)));
    const run = await system.run(job, { args: {}, restart: { max: 9, backoff: { minMs: 60_000, maxMs: 60_000 } } });
    const failed = expect(run.done).rejects.toMatchObject({ code: 'FlowCancelled' });
    await system.time.advance(1_000);
    const cancelled = run.cancel();
    await system.time.advance(10);
    await cancelled;
    await failed;
    expect(opened.count).toBe(1);
  });

  it('is refused for a policy that is none', async () => {
    const job = flow('job', { args: none }, (f) => f.from(failing(0).source).to(forEach(() => undefined)));
    for (const bad of [{ max: 0 }, { max: 1, withinMs: 0 }, { max: 1, backoff: { minMs: 2, maxMs: 1 } }]) {
      await expect(async () => system.run(job, { args: {}, restart: bad })).rejects.toMatchObject({
        code: 'UsageError',
      });
    }
    await expect(async () => system.run(job, { args: {}, again: 1 } as never)).rejects.toThrow('again');
  });
});
