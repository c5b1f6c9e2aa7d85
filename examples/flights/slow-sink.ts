/** A sink that takes its time: what a slow database or network would do to a flow. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from 'troupe/streams';

/** Waits `lineMs` for every line, and writes to `sink`. It waits once per batch: timers are not exact to a line. */
export function slowSink<T>(sink: Sink<T>, lineMs: number): Sink<T> {
  if (lineMs === 0) return sink;
  return {
    name: `${sink.name}, slowed down`,
    async open(options) {
      const writer = await sink.open(options);
      return {
        async write(batch) {
          await sleep(lineMs * batch.length, undefined, { signal: options.signal });
          await writer.write(batch);
        },
        finish: () => writer.finish?.(),
        abort: () => writer.abort?.(),
        counts: () => writer.counts?.() ?? {},
      };
    },
  };
}
