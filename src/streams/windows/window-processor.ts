/** Windows at the head of a segment. */
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import type { Aggregate } from './aggregate.ts';
import { makeWindowing } from './make-windowing.ts';
import type { Trigger } from './trigger.ts';
import type { WindowSpec } from './window.ts';
import type { Windowing } from './windowing.ts';

export interface WindowProcessorOptions {
  readonly window: WindowSpec;
  readonly trigger: Trigger;
  readonly allowedLatenessMs: number;
  readonly aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>;
}

export function windowProcessor({ window, trigger, ...options }: WindowProcessorOptions): ProcessorSpec {
  const cut = [...Object.values(window), ...Object.values(trigger)].join(' ');
  return {
    kind: 'window',
    text: `${cut} +${options.allowedLatenessMs}: ${Object.keys(options.aggregates).join(', ')}`,
    make: (context) => {
      const { stage, keyOf } = context;
      return new WindowProcessor(makeWindowing(window, trigger, { ...options, stage, keyOf: keyOf[0]! }), context);
    },
  };
}

class WindowProcessor implements Processor {
  readonly #windows: Windowing;
  readonly #context: ProcessorContext;

  constructor(windows: Windowing, context: ProcessorContext) {
    this.#windows = windows;
    this.#context = context;
  }

  get due(): boolean {
    return this.#windows.due;
  }

  get held(): StateHeld {
    return { ...this.#windows.held };
  }

  get groups(): readonly GroupHeld[] {
    return this.#windows.groups;
  }

  add(item: unknown, timeMs: number): boolean {
    return this.#windows.add(item, timeMs);
  }

  advance(watermarkMs: number): void {
    this.#windows.advance(watermarkMs);
  }

  work(): boolean {
    const result = this.#windows.next();
    if (result === undefined) return false;
    if (result !== 'working') this.#context.emit(result, this.#windows.resultTimeMs);
    return true;
  }
}
