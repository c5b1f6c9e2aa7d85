/** A source of one's own: the lines of a file. */
import { open } from 'node:fs/promises';
import type { Source } from 'troupe/streams';

const batchSize = 1_000;

export function linesOf(file: string): Source<string> {
  return {
    name: 'lines',
    bounded: true,
    async *open({ signal }) {
      await using handle = await open(file);
      let batch: string[] = [];
      for await (const line of handle.readLines()) {
        batch.push(line);
        if (batch.length < batchSize) continue;
        // The flow owns what it was given.
        yield batch;
        if (signal.aborted) return;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    },
  };
}
