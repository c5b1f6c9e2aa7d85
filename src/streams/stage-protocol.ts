/**
 * What stages of a run say to each other, and to the run: the edge protocol of `frame.ts` as an actor's operations.
 *
 * Private to flows: users see `Run`.
 */
import * as z from 'zod';
import {
  type AskOperation,
  ask,
  type Protocol,
  protocol,
  type Ref,
  type StreamOperation,
  stream,
  type TellOperation,
  tell,
} from '../actors/protocol.ts';
import { opaque } from '../actors/schema/opaque.ts';
import { refTo } from '../actors/schema/ref-schema.ts';
import type { FlowErrorWire } from './flow-error-codec.ts';
import type { SegmentCounts } from './stage-counts.ts';

/** What an instance tells its run: counts at intervals, and how it ended. */
export interface StageReport {
  readonly kind: 'counts' | 'restarted' | 'failed' | 'finished';
  readonly counts: SegmentCounts;
  readonly error?: FlowErrorWire;
  readonly restarted?: { readonly stage: string; readonly lost: number };
}

export interface StageRef extends Ref<StageProtocol> {}
type Loose = z.ZodType<unknown, unknown>;
type Shape<T extends z.ZodRawShape> = z.ZodObject<T>;
/** An instance, and which of its outputs or inputs leads here. */
type Joints = z.ZodArray<Shape<{ ref: z.ZodType<StageRef, StageRef>; number: z.ZodInt }>>;
export type StageProtocol = Protocol<
  'troupe.stage',
  {
    /**
     * Names the instances before and behind, in the order of the wiring, and opens the sinks. Errors of a sink come back
     * as `refused`.
     */
    readonly connect: AskOperation<
      Shape<{
        upstreams: Joints;
        downstreams: Joints;
      }>,
      z.ZodVoid,
      { readonly refused: Loose }
    >;
    /** Begins: all instances are connected. */
    readonly open: TellOperation<z.ZodVoid>;
    /** Works on. An instance tells itself. */
    readonly pump: TellOperation<z.ZodVoid>;
    /** To its processor. The answer may wait for event time. */
    readonly query: AskOperation<Shape<{ question: Loose }>, Loose, {}>;
    /** Time for a report. */
    readonly tick: TellOperation<z.ZodVoid>;
    readonly data: TellOperation<Shape<{ input: z.ZodInt; frame: Loose }>>;
    readonly end: TellOperation<Shape<{ input: z.ZodInt; sequence: z.ZodInt }>>;
    readonly fail: TellOperation<Shape<{ input: z.ZodInt; error: Loose }>>;
    readonly grant: TellOperation<Shape<{ output: z.ZodInt; upTo: z.ZodInt; weightUpTo: z.ZodNumber }>>;
    readonly cancelOutput: TellOperation<Shape<{ output: z.ZodInt }>>;
    /** Gives up: nobody wants the result. */
    readonly cancel: TellOperation<z.ZodVoid>;
    /** Gives up and stops: the run is gone. An instance tells itself. */
    readonly leave: TellOperation<z.ZodVoid>;
    readonly reports: StreamOperation<z.ZodVoid, Loose, {}>;
    /** The frames of a side output, which are granted as those of an edge. */
    readonly side: StreamOperation<Shape<{ name: z.ZodString }>, Loose, {}>;
  }
>;

const joints = (): Joints => z.array(z.object({ ref: refTo<StageRef>('troupe.stage'), number: z.int() }));

export const Stage: StageProtocol = protocol('troupe.stage', {
  connect: ask({
    input: z.object({ upstreams: joints(), downstreams: joints() }),
    output: z.void(),
    errors: { refused: opaque() },
  }),
  open: tell(),
  pump: tell(),
  query: ask({ input: z.object({ question: opaque() }), output: opaque(), concurrent: 1_024 }),
  tick: tell(),
  data: tell(z.object({ input: z.int(), frame: opaque() })),
  end: tell(z.object({ input: z.int(), sequence: z.int() })),
  fail: tell(z.object({ input: z.int(), error: opaque() })),
  grant: tell(z.object({ output: z.int(), upTo: z.int(), weightUpTo: z.number() })),
  cancelOutput: tell(z.object({ output: z.int() })),
  cancel: tell(),
  leave: tell(),
  reports: stream({ output: opaque() }),
  side: stream({ input: z.object({ name: z.string() }), output: opaque() }),
});
