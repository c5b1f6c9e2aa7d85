/**
 * The orderly shutdown: phases one after the other, each with its deadline, and a report of what was left.
 *
 * A phase first calls the hooks that were given for it, all at once, and then does its own work. It may take as long as
 * its share of the whole allows, and what an earlier phase did not need; what is not done by then is left and reported,
 * since an end that waits for ever is no end. As in Akka's coordinated shutdown; here no hook ends the process.
 */
import * as z from 'zod';
import type { Clock } from '../base/environment/clock.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { within } from '../base/within.ts';
import {
  type FailedHook,
  type PhaseReport,
  type ShutdownPhase,
  type ShutdownReason,
  shutdownPhases,
} from './shutdown-report.ts';

/** What a hook is called with. */
export interface ShutdownEvent {
  /** The phase that has begun. */
  readonly phase: ShutdownPhase;
  /** Why the system shuts down. */
  readonly reason: ShutdownReason;
  /** Aborts when the hook's time is up: the shutdown goes on without it then. */
  readonly signal: AbortSignal;
}

/** What `system.onShutdown` calls. The phase waits for what it returns, as long as its time allows. */
export type ShutdownHook = (event: ShutdownEvent) => void | Promise<void>;

/** Options of `system.onShutdown`. */
export interface ShutdownHookOptions {
  /** How it is called in the report; the name of the function unless given. */
  name?: string;
  /** How long it may take, in ms; half of what its phase may take unless given, and never more than that. */
  deadlineMs?: number;
}

/** How long a shutdown may take. */
export interface ShutdownOptions {
  /** How long all phases may take together, in ms; 5,000 unless given. */
  deadlineMs?: number;
  /** How long single phases may take, in ms, instead of their share of that. */
  phases?: { readonly [P in ShutdownPhase]?: number };
}

interface Hook {
  readonly name: string;
  readonly call: ShutdownHook;
  readonly deadlineMs: number | undefined;
}

/** What each phase does itself, within the ms that it is given. */
export type PhaseWork = { readonly [P in ShutdownPhase]: (deadlineMs: number) => Promise<void> };

/**
 * By when, as a part of the whole, each phase is to be done. Draining gets the most, as it does the work that was taken;
 * what it does not need is left to those after it.
 */
const doneBy: { readonly [P in ShutdownPhase]: number } = {
  'stop-accepting': 0.1,
  drain: 0.6,
  'stop-actors': 0.8,
  'close-resources': 0.9,
  leave: 1,
};

const ms = z.number().min(0).max(limits.askTimeoutMsMax);
const phaseSchema = z.enum(shutdownPhases);
export const shutdownOptionsSchema: z.ZodType = z.strictObject({
  deadlineMs: ms.optional(),
  phases: z.partialRecord(phaseSchema, ms).optional(),
});
const hookSchema = z.strictObject({
  name: z.string().min(1).max(limits.nameCharactersMax).optional(),
  deadlineMs: ms.optional(),
});

/** What happened, as far as the phases themselves know. */
export interface PhasesRun {
  readonly durationMs: number;
  readonly phases: readonly PhaseReport[];
  readonly hooks: readonly FailedHook[];
}

/** @throws UsageError */
export function checkShutdownOptions(options: ShutdownOptions): void {
  const checked = shutdownOptionsSchema.safeParse(options);
  if (!checked.success) throw new UsageError(`shutdown: ${z.prettifyError(checked.error)}`);
}

export class Shutdown {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #hooks = new Map<ShutdownPhase, Set<Hook>>();
  #current: ShutdownPhase | undefined = undefined;
  #over = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The phase that is under way. */
  get phase(): ShutdownPhase | undefined {
    return this.#current;
  }

  /** Has `call` called when `phase` begins. @returns a function that takes it back. @throws UsageError */
  on(phase: ShutdownPhase, call: ShutdownHook, options: ShutdownHookOptions): () => void {
    if (!phaseSchema.safeParse(phase).success) {
      throw new UsageError(
        `onShutdown: there is no phase "${String(phase)}"; the phases are ${shutdownPhases.join(', ')}`,
      );
    }
    if (typeof call !== 'function') throw new UsageError(`onShutdown("${phase}", …) takes a function`);
    const checked = hookSchema.safeParse(options);
    if (!checked.success) throw new UsageError(`onShutdown("${phase}"): ${z.prettifyError(checked.error)}`);
    const begun = this.#current === undefined ? -1 : shutdownPhases.indexOf(this.#current);
    if (this.#over || shutdownPhases.indexOf(phase) <= begun) {
      throw new UsageError(`onShutdown("${phase}"): that phase has begun, so the hook would never be called`);
    }
    const name = options.name ?? (call.name === '' ? 'a hook without a name' : call.name);
    const hook: Hook = { name, call, deadlineMs: options.deadlineMs };
    const hooks = this.#hooks.get(phase) ?? new Set();
    this.#hooks.set(phase, hooks.add(hook));
    return () => void hooks.delete(hook);
  }

  /** Goes through the phases. It does not reject: what fails is in what it returns. */
  async run(options: ShutdownOptions, reason: ShutdownReason, work: PhaseWork): Promise<PhasesRun> {
    const clock = this.#clock;
    const beganMs = clock.monotonicMs();
    const wholeMs = options.deadlineMs ?? limits.shutdownMs;
    const phases: PhaseReport[] = [];
    const failed: FailedHook[] = [];
    for (const phase of shutdownPhases) {
      this.#current = phase;
      const startMs = clock.monotonicMs();
      const ownMs = options.phases?.[phase];
      const byMs = beganMs + (ownMs === undefined ? wholeMs * doneBy[phase] : wholeMs);
      const endsMs = ownMs === undefined ? byMs : Math.min(byMs, startMs + ownMs);
      const leftMs = (): number => Math.max(0, endsMs - clock.monotonicMs());
      failed.push(...(await this.#callHooks(phase, reason, leftMs())));
      await this.#workOf(phase, work[phase], leftMs());
      const durationMs = clock.monotonicMs() - startMs;
      phases.push({ phase, durationMs, inTime: clock.monotonicMs() <= endsMs });
    }
    this.#current = undefined;
    this.#over = true;
    return { durationMs: clock.monotonicMs() - beganMs, phases, hooks: failed };
  }

  async #workOf(phase: ShutdownPhase, work: (deadlineMs: number) => Promise<void>, deadlineMs: number): Promise<void> {
    try {
      await work(deadlineMs);
    } catch (error) {
      // The phases after it free what it did not.
      this.#log.error({ phase, error: describeThrown(error) }, `shutdown: ${phase} failed: ${describeThrown(error)}`);
    }
  }

  async #callHooks(phase: ShutdownPhase, reason: ShutdownReason, phaseMs: number): Promise<FailedHook[]> {
    const hooks = [...(this.#hooks.get(phase) ?? [])];
    const ends = await Promise.all(hooks.map((hook) => this.#call(hook, phase, reason, phaseMs)));
    return ends.filter((end) => end !== undefined);
  }

  async #call(
    { name, call, deadlineMs }: Hook,
    phase: ShutdownPhase,
    reason: ShutdownReason,
    phaseMs: number,
  ): Promise<FailedHook | undefined> {
    const abort = new AbortController();
    let failure: FailedHook | undefined;
    const called = (async () => call({ phase, reason, signal: abort.signal }))().catch((error: unknown) => {
      failure = { phase, name, outcome: 'failed', error: describeThrown(error) };
    });
    const allowedMs = Math.min(deadlineMs ?? phaseMs / 2, phaseMs);
    if (!(await within(this.#clock, allowedMs, called))) {
      abort.abort(new Error('its time is up'));
      failure = { phase, name, outcome: 'timed-out', error: `it had not ended after ${Math.round(allowedMs)} ms` };
    }
    if (failure !== undefined) {
      this.#log.error({ ...failure }, `shutdown: the hook "${name}" of ${phase} ${failure.outcome}: ${failure.error}`);
    }
    return failure;
  }
}
