import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { flow, fromIterable, jsonl } from '../../../src/streams/index.ts';
import { runLocally } from '../local-run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-jsonl-'));
});
afterAll(() => rm(folder, { recursive: true }));

function writing<T>(items: T[], file: string) {
  return flow('writing', { args: z.object({}) }, (f) => f.from(fromIterable(items)).to(jsonl({ file })));
}

describe('jsonl', () => {
  it('writes 10,000 elements, a line each, and counts lines and bytes', async () => {
    const file = join(folder, 'all.jsonl');
    const items = Array.from({ length: 10_000 }, (_, n) => ({ n, text: 'ü' }));
    const run = await runLocally(writing(items, file), {});
    await run.done;
    const bytes = await readFile(file);
    const lines = bytes.toString().split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line))).toEqual(items);
    expect(run.counts()[0]!.stages.at(-1)!.counts).toEqual({ lines: 10_000, bytes: bytes.length });
  });

  it('does not start where the folder is missing, and says to create it', async () => {
    const started = runLocally(writing([1], join(folder, 'no', 'file.jsonl')), {});
    await expect(started).rejects.toMatchObject({ code: 'SinkFailed', reason: 'folder-missing' });
    await expect(started).rejects.toThrow('create it first');
    await expect(runLocally(writing([1], '/proc/is/no/place.jsonl'), {})).rejects.toMatchObject({
      reason: 'folder-missing',
    });
  });

  it('does not start where the path is a folder or may not be written', async () => {
    await expect(runLocally(writing([1], folder), {})).rejects.toMatchObject({
      code: 'SinkFailed',
      reason: 'forbidden',
    });
    if (process.getuid?.() === 0) return;
    await chmod(folder, 0o500);
    const started = runLocally(writing([1], join(folder, 'new.jsonl')), {});
    await expect(started).rejects.toMatchObject({ code: 'SinkFailed', reason: 'forbidden' });
    await chmod(folder, 0o700);
  });

  it('fails the run when the disk is full', async () => {
    const run = await runLocally(writing([1, 2, 3], '/dev/full'), {});
    await expect(run.done).rejects.toMatchObject({ code: 'SinkFailed', reason: 'disk' });
    await expect(run.done).rejects.toThrow('ENOSPC');
  });

  it('fails the run at an element that has no JSON form, and names the line', async () => {
    const file = join(folder, 'bad.jsonl');
    const bigint = await runLocally(writing([1, 2n], file), {});
    await expect(bigint.done).rejects.toMatchObject({ code: 'SinkFailed', reason: 'value' });
    await expect(bigint.done).rejects.toThrow(`line 2 of '${file}'`);
    const none = await runLocally(writing([undefined], file), {});
    await expect(none.done).rejects.toThrow('a undefined has no JSON form');
  });
});
