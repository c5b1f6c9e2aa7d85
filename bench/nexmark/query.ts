/** What a query is: a flow, and the SQL that says what it comes to. */
import type { Flow, Outputs } from 'troupe/streams';
import type { args } from './arguments.ts';

export interface Query<O extends Outputs = Outputs> {
  readonly flow: Flow<typeof args, O>;
  /** Over the tables `person`, `auction` and `bid`, in DuckDB. `seq` is the order in which events came. */
  readonly sql: string;
  /** True where each event gives rows for itself, so that SQL can be run on some of them at a time. */
  readonly perEvent?: boolean;
  /** The outputs for events that came late, and which are: those that came below the watermark, unless it says more. */
  readonly late?: { readonly [N in keyof O]: LateRule };
  /** The rate that Flink's published figures come to, in 1,000 events a second and core. */
  readonly flink: readonly number[];
}

/** True where an event at `timeMs` is too late at the watermark; undefined where that depends on more than these. */
export type LateRule = ((timeMs: number, watermarkMs: number) => boolean) | undefined;

/** Windows of `sizeMs`, one every `slideMs`: late is what comes when the last that holds it has closed. */
export function windowClosed(sizeMs: number, slideMs: number = sizeMs): LateRule {
  return (timeMs, watermarkMs) => timeMs - (timeMs % slideMs) + sizeMs <= watermarkMs;
}

export function query<O extends Outputs>(definition: Query<O>): Query<O> {
  return Object.freeze(definition);
}
