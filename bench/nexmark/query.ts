/** What a query is: a flow, and the SQL that says what it comes to. */
import type { Flow, Outputs } from 'troupe/streams';
import type { args } from './arguments.ts';
import type { NexmarkEvent } from './events.ts';

export interface Query<O extends Outputs = Outputs> {
  readonly flow: Flow<typeof args, O>;
  /**
   * Over the tables `person`, `auction` and `bid`, in DuckDB. Beside their columns `seq` is the number of the event among
   * those that came, and `watermark` how far event time had gone.
   */
  readonly sql: string;
  /** The same where some events come below the watermark, and where that takes other SQL. */
  readonly lateSql?: string;
  /** True where each event gives rows for itself, so that SQL can be run on some of them at a time. */
  readonly perEvent?: boolean;
  /** The outputs that events which came late are given to. */
  readonly late?: { readonly [N in keyof O]: LateRule };
  /** The rate that we hold it to, in 1,000 events a second of processor time. */
  readonly floor: number;
  /** The rate that Flink's published figures come to, in 1,000 events a second and core. */
  readonly flink: readonly number[];
}

/** What an output for late events is given. */
export interface LateRule {
  /** By the kind of event, the table in the SQL that such events are missing from. */
  readonly from: { readonly [K in NexmarkEvent['type']]?: string };
  /** Which events are late: all that came below the watermark, and maybe not all of them, unless it says. */
  readonly when?: (timeMs: number, watermarkMs: number) => boolean;
}

/** Windows of `sizeMs`, one every `slideMs`: late is what comes when the last that holds it has closed. */
export function windowClosed(sizeMs: number, slideMs: number = sizeMs): LateRule['when'] & {} {
  return (timeMs, watermarkMs) => timeMs - (timeMs % slideMs) + sizeMs <= watermarkMs;
}

export function query<O extends Outputs>(definition: Query<O>): Query<O> {
  return Object.freeze(definition);
}
