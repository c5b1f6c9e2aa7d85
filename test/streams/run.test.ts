import { type ActorSystem, createSystem } from 'troupe';
import { flow, fromIterable, type SinkOptions, type SinkWriter } from 'troupe/streams';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';

let system: ActorSystem;
/** What keeps the process alive on behalf of the run: delays in ms, then what became of them. */
let wakes: string[];
/** The system, with a clock that never gets anywhere. */
let watched: ActorSystem;

beforeEach(async () => {
  system = await createSystem({ threads: 0, logLevel: 'silent' });
  wakes = [];
  const clock = {
    ...system.clock,
    wake: (delayMs: number) => {
      wakes.push(`${delayMs} ms`);
      return () => wakes.push('cancelled');
    },
  };
  watched = { spawn: system.spawn.bind(system), log: system.log, clock } as unknown as ActorSystem;
});
afterEach(() => system.shutdown({ deadlineMs: 500 }));

function into(open: (options: SinkOptions) => SinkWriter<number>) {
  return flow('numbers', { args: z.object({}) }, (f) =>
    f.from(fromIterable(Array.from({ length: 10_000 }, (_, n) => n))).to({ name: 'test', open }),
  );
}

/** A promise, and how to resolve it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('a run', () => {
  it('keeps no process alive by itself, to its end and when it is disposed of after that', async () => {
    await using run = await into(() => ({ write: () => undefined })).start(watched, {});
    await run.done;
    await run.cancel();
    expect(wakes).toEqual([]);
    await run.done;
  });

  it('waits for the abort of its sink when it is cancelled, for 5 s from then on at most', async () => {
    const aborting = gate();
    const aborted = gate();
    let ended = false;
    const run = await into(({ signal }) => ({
      write: () => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      abort: () => {
        aborting.open();
        return aborted.opened;
      },
    })).start(watched, {});
    expect(wakes).toEqual([]);
    const cancelled = run.cancel().then(() => {
      ended = true;
    });
    await aborting.opened;
    expect({ wakes, ended }).toEqual({ wakes: ['5000 ms'], ended: false });
    aborted.open();
    await cancelled;
    expect(wakes).toEqual(['5000 ms', 'cancelled']);
    await expect(run.done).rejects.toMatchObject({ code: 'FlowCancelled' });
  });

  it('aborts the signal of a sink whose write hangs when its source has failed', async () => {
    const failing = flow('failing', { args: z.object({}) }, (f) =>
      f.from(fromIterable(oneThenFails())).to({
        name: 'hangs',
        open: ({ signal }) => ({
          write: () => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
        }),
      }),
    );
    const run = await failing.start(watched, {});
    await expect(run.done).rejects.toMatchObject({ code: 'SourceFailed' });
  });
});

async function* oneThenFails(): AsyncIterable<number> {
  yield 1;
  await new Promise((resolve) => setTimeout(resolve, 10));
  throw new Error('as planned');
}
