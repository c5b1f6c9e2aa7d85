/**
 * A plan: a flow's graph cut into segments, as data and functions.
 *
 * Every place builds the plan anew from the flow's arguments, since functions cannot travel, and runs some of its
 * segments. The signature says what the graph looks like without its functions, so that two places that run different
 * versions of a flow notice it.
 */

import type { Where } from '../actors/placed/where.ts';
import type { Key } from '../base/hash-key.ts';
import type { Aggregate } from './aggregate.ts';
import type { TimeOptions } from './event-time.ts';
import type { Via } from './island.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { WindowSpec } from './window.ts';

/** Reads the flow's source. */
export interface SourceHead {
  readonly kind: 'source';
  readonly stage: string;
  readonly source: Source<unknown>;
  readonly time: TimeOptions<unknown> | undefined;
}

/** Takes its partition's elements and gives the results of their windows. */
export interface WindowHead {
  readonly kind: 'window';
  readonly stage: string;
  readonly keyOf: (item: unknown) => Key;
  readonly window: WindowSpec;
  readonly allowedLatenessMs: number;
  readonly late: string | undefined;
  readonly aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>;
}

/** Takes what all partitions give. */
export interface GatherHead {
  readonly kind: 'gather';
}

/** Sends each element to the partition of its key. */
export interface KeyTail {
  readonly kind: 'key';
  readonly stage: string;
  readonly keyOf: (item: unknown) => Key;
  readonly parallelism: number;
}

/** Sends all elements to the one segment behind. */
export interface ForwardTail {
  readonly kind: 'forward';
}

export interface SinkTail {
  readonly kind: 'sink';
  readonly stage: string;
  readonly sink: Sink<unknown>;
}

export interface SegmentPlan {
  readonly index: number;
  readonly head: SourceHead | WindowHead | GatherHead;
  readonly vias: readonly Via[];
  readonly tail: KeyTail | ForwardTail | SinkTail;
  /** How many instances run; every instance but a partition is the only one. */
  readonly parallelism: number;
  /** Where the instances are placed; undefined for the place that the run is started on. */
  readonly on: Where | undefined;
}

export interface Plan {
  readonly segments: readonly SegmentPlan[];
  /** Names of the side outputs. */
  readonly outputs: readonly string[];
  readonly signature: string;
}

/** One steps of a flow's chain, as the builder gathers them. */
export type Step =
  | SourceHead
  | { readonly kind: 'via'; readonly via: Via }
  | { readonly kind: 'key'; readonly tail: KeyTail; readonly on: Where | undefined; readonly head: WindowHead }
  | SinkTail;

/** Cuts a chain of steps, from its source to its sink, into segments. */
export function planOf(steps: readonly Step[]): Plan {
  const segments: SegmentPlan[] = [];
  let head: SegmentPlan['head'] | undefined;
  let vias: Via[] = [];
  let parallelism = 1;
  let on: Where | undefined;
  const close = (tail: SegmentPlan['tail']): void => {
    segments.push({ index: segments.length, head: head!, vias, tail, parallelism, on });
    vias = [];
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'source':
        head = step;
        break;
      case 'via':
        vias.push(step.via);
        break;
      case 'key':
        close(step.tail);
        ({ head, on } = step);
        parallelism = step.tail.parallelism;
        break;
      case 'sink':
        if (head!.kind === 'window') {
          close({ kind: 'forward' });
          head = { kind: 'gather' };
          parallelism = 1;
          on = undefined;
        }
        close(step);
        break;
      default:
        step satisfies never;
    }
  }
  const outputs = steps.flatMap((step) =>
    step.kind === 'key' && step.head.late !== undefined ? [step.head.late] : [],
  );
  return { segments, outputs, signature: steps.map(signatureOf).join(' → ') };
}

function signatureOf(step: Step): string {
  switch (step.kind) {
    case 'source':
      return `${step.stage}(${step.source.name}${step.time === undefined ? '' : ', timed'})`;
    case 'via':
      return step.via.name;
    case 'key': {
      const { window, aggregates, allowedLatenessMs, late } = step.head;
      const values = Object.keys(aggregates).join(', ');
      const keyed = `${step.tail.stage}(${step.tail.parallelism})`;
      return `${keyed} → ${step.head.stage}(${window.sizeMs}+${allowedLatenessMs}, ${late ?? ''}: ${values})`;
    }
    case 'sink':
      return `${step.stage}(${step.sink.name})`;
    default:
      return step satisfies never;
  }
}
