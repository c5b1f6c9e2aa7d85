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

/**
 * The events in the order in which they come. Several instances take the batches in turns.
 *
 * A batch's position is the number of events up to its end.
 */
export function nexmark(options: EventOptions): Source<NexmarkEvent> {
  return {
    name: 'nexmark',
    bounded: true,
    parallel: true,
    open({ signal, from, part = { index: 0, of: 1 } }) {
      const split = `${part.index}`;
      const first = Number(from?.get(split) ?? 0);
      return batches(
        options,
        { split, first: first + part.index * options.batch, step: part.of * options.batch },
        signal,
      );
    },
  };
}

interface Share {
  readonly split: string;
  readonly first: number;
  readonly step: number;
}

async function* batches(
  options: EventOptions,
  { split, first, step }: Share,
  signal: AbortSignal,
): AsyncGenerator<SourceBatch<NexmarkEvent>> {
  const generator = new Generator(options);
  for (let begin = first; begin < options.events && !signal.aborted; begin += step) {
    const end = Math.min(begin + options.batch, options.events);
    const items: NexmarkEvent[] = [];
    for (let at = begin; at < end; at += 1) items.push(generator.arrival(at));
    yield { items, split, position: begin + step - first };
  }
}
