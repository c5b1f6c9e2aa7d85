/** How many worker threads a system may have, and what each of them may do: the option `threads`, checked once. */
import * as z from 'zod';
import { limits } from '../base/limits.ts';

/** The worker threads of a system: how many there are, and when one of them is ended. */
export interface ThreadOptions {
  /** Threads that are kept, and started with the system; 0 unless given. */
  min?: number;
  /**
   * Threads at most, each started when it is first needed; one for each core but one unless given. Threads of a name,
   * `thread({ name })`, come on top of that.
   */
  max?: number;
  /**
   * How much its JavaScript heap may hold before a thread is ended, in MiB; what Node allows unless given, and at least 8:
   * with 1 or 2 Node ends the whole process. Buffers lie outside of the heap and are not counted.
   */
  memoryMbMax?: number;
  /**
   * How long the event loop of a thread may be held before it is ended, in ms; 60,000 unless given, `false` or `Infinity` for
   * never. Nothing is ended while the process runs under an inspector.
   */
  blockedMs?: number | false;
  /**
   * How long a thread is kept without an actor, in ms, while there are more than `min`; 60,000 unless given, `false` or
   * `Infinity` for always.
   */
  idleMs?: number | false;
  /** How a thread that died is replaced. */
  restarts?: ThreadRestarts;
}

/** How a worker thread that died is replaced, when it is next needed. */
export interface ThreadRestarts {
  /**
   * How often one may die while it starts, in any window of `withinMs`, before those who wait for it are refused; 5 unless
   * given.
   */
  restartsMax?: number;
  /** The length of that window in ms; 60,000 unless given. */
  withinMs?: number;
  /** How long to wait before each: from `minMs`, doubled with each death of the window up to `maxMs`; 100 to 5,000 unless given. */
  backoff?: { minMs: number; maxMs: number };
}

/** The option with its defaults. */
export interface ThreadPolicy {
  readonly min: number;
  readonly max: number;
  readonly memoryMbMax: number | undefined;
  /** Infinite where it is off. */
  readonly blockedMs: number;
  /** Infinite where it is off. */
  readonly idleMs: number;
  /** How often a thread beats: with each beat it says how many actors it holds. */
  readonly beatMs: number;
  readonly restartsMax: number;
  readonly withinMs: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
}

const count = z.int().min(0).max(limits.threadsMax);
const ms = z.number().min(1).max(limits.askTimeoutMsMax);
const msOrNever = z.union([ms, z.literal(Number.POSITIVE_INFINITY), z.literal(false)], {
  error: `a time in ms from 1 to ${limits.askTimeoutMsMax}, Infinity or false`,
});
const objectSchema = z
  .strictObject({
    min: count.optional(),
    max: count.optional(),
    memoryMbMax: z.int().min(limits.threadMemoryMbMin).max(limits.threadMemoryMbMax).optional(),
    blockedMs: msOrNever.optional(),
    idleMs: msOrNever.optional(),
    restarts: z
      .strictObject({
        restartsMax: z.int().min(0).max(limits.restartsMaxAllowed).optional(),
        withinMs: ms.optional(),
        backoff: z
          .strictObject({ minMs: ms, maxMs: ms })
          .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs lies above maxMs')
          .optional(),
      })
      .optional(),
  })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'min lies above max');

/** By its kind and not as a union, whose findings would not say which key is wrong. */
export const threadOptionsSchema: z.ZodType = z.unknown().superRefine((given, context) => {
  const checked = (typeof given === 'object' ? objectSchema : count).safeParse(given);
  for (const { path, message } of checked.error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
});

/** @param parallelism how many threads can run at the same time */
export function threadPolicy(given: number | ThreadOptions | undefined, parallelism: number): ThreadPolicy {
  const options: ThreadOptions = typeof given === 'number' ? { max: given } : (given ?? {});
  const { min = 0, restarts } = options;
  const blockedMs = orNever(options.blockedMs, limits.threadBlockedMs);
  const idleMs = orNever(options.idleMs, limits.threadIdleMs);
  return Object.freeze({
    min,
    max: options.max ?? Math.max(1, min, parallelism - 1),
    memoryMbMax: options.memoryMbMax,
    blockedMs,
    idleMs,
    beatMs: Math.min(beatMsWithin(blockedMs), beatMsWithin(idleMs)),
    restartsMax: restarts?.restartsMax ?? limits.restartsMax,
    withinMs: restarts?.withinMs ?? limits.restartsWithinMs,
    backoff: Object.freeze({ ...(restarts?.backoff ?? limits.threadBackoff) }),
  });
}

/** How often a thread beats, or is listened to, where ten times within `ms` will do. */
export function beatMsWithin(ms: number): number {
  return Math.max(limits.threadBeatMsMin, Math.min(limits.threadBeatMsMax, ms / 10));
}

function orNever(given: number | false | undefined, otherwise: number): number {
  return given === false ? Number.POSITIVE_INFINITY : (given ?? otherwise);
}
