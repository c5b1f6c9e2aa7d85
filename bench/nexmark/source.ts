/** The generator as a source of flows. */
import type { Source, SourceBatch } from 'troupe/streams';
import type { NexmarkEvent } from './events.ts';
import { Generator, type GeneratorOptions } from './generator.ts';

export interface EventOptions extends GeneratorOptions {
  /** How many events there are. */
  readonly events: number;
  /** Events given at a time; event time goes on after each batch. */
  readonly batch: number;
}

/** The events in the order in which they come. A batch's position is the number of events up to its end. */
export function nexmark(options: EventOptions): Source<NexmarkEvent> {
  return {
    name: 'nexmark',
    bounded: true,
    open: ({ signal, from }) => batches(options, Number(from?.get('') ?? 0), signal),
  };
}

async function* batches(
  options: EventOptions,
  first: number,
  signal: AbortSignal,
): AsyncGenerator<SourceBatch<NexmarkEvent>> {
  const generator = new Generator(options);
  for (let at = first; at < options.events && !signal.aborted; ) {
    const end = Math.min(at + options.batch, options.events);
    const items: NexmarkEvent[] = [];
    for (; at < end; at += 1) items.push(generator.arrival(at));
    yield { items, position: at };
  }
}
