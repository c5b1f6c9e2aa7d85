/** A source whose splits are devices, so that each has a watermark of its own. */
import { batchOf, type Source } from 'troupe/streams';
import type { Message, Reading } from './protocol.ts';

/**
 * Names the device of each reading as its split: a clock that is behind makes the flow wait, and loses nothing; a device
 * that falls silent is not waited for. It ends with the first goodbye.
 */
export function byDevice(messages: Source<Message>): Source<Reading> {
  return {
    name: messages.name,
    dropped: () => messages.dropped?.() ?? 0,
    async *open(context) {
      for await (const given of messages.open(context)) {
        const readings = new Map<string, Reading[]>();
        let over = false;
        for (const message of batchOf(given).items) {
          if (message.kind === 'goodbye') over = true;
          else listOf(readings, message.device).push(message);
        }
        for (const [split, items] of readings) yield { split, items };
        if (over) return;
      }
    },
  };
}

function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const list = lists.get(name) ?? [];
  lists.set(name, list);
  return list;
}
