/** An island on a virtual clock, with what comes out of it; and plain RxJS on the same kind of clock, to compare with. */
import { type Observable, type SchedulerLike, Subject } from 'rxjs';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';
import type { FlowError } from '../../../src/streams/errors.ts';
import { type FailureOptions, Island, type Via } from '../../../src/streams/island.ts';
import { Ledger } from '../../../src/streams/ledger.ts';
import { ClockScheduler } from '../../../src/streams/rx/clock-scheduler.ts';
import { StageAccount, type StageFates } from '../../../src/streams/stage-account.ts';
import type { StateStore } from '../../../src/streams/state/state-store.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

export type Operator = (input: Observable<never>) => Observable<unknown>;

export interface Out {
  readonly value: unknown;
  readonly timeMs: number;
  readonly atMs: number;
}

export class Rig {
  readonly clock: VirtualClock;
  readonly out: Out[] = [];
  readonly watermarks: number[] = [];
  readonly deadLetters: { stage: string; element: unknown; error: unknown }[] = [];
  readonly restarts: { stage: string; lost: number }[] = [];
  readonly failures: FlowError[] = [];
  full = false;
  completed = 0;
  closedEarly = 0;
  readonly island: Island;

  constructor(
    vias: Record<string, Operator | ({ operator: Operator } & FailureOptions)>,
    heldMax = 1_000_000,
    clock = new VirtualClock(),
    store?: StateStore,
  ) {
    this.clock = clock;
    const plans = Object.entries(vias).map(([name, given]) =>
      typeof given === 'function' ? { name, operator: given } : { ...given, name },
    );
    this.island = new Island(plans as Via[], {
      clock: this.clock,
      random: seededRandom(1),
      heldMax,
      ...(store && { store }),
      events: {
        emit: (value, timeMs) => this.out.push({ value, timeMs, atMs: this.clock.monotonicMs() }),
        watermark: (timeMs) => this.watermarks.push(timeMs),
        full: (isFull) => {
          this.full = isFull;
        },
        completed: () => {
          this.completed += 1;
        },
        closedEarly: () => {
          this.closedEarly += 1;
        },
        failed: (error) => this.failures.push(error),
        deadLetter: (stage, element, error) => this.deadLetters.push({ stage, element, error }),
        restarted: (stage, _error, lost) => this.restarts.push({ stage, lost }),
      },
    });
    this.island.open();
  }

  get values(): unknown[] {
    return this.out.map(({ value }) => value);
  }

  push(...values: unknown[]): void {
    for (const value of values) this.island.push(value, Number(value));
  }

  /** Goes on by `ms`; timers fire on the way, and promises settle behind each of them. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms;
    await microtasks();
    while (this.clock.fireNext(untilMs)) await microtasks();
    this.clock.goTo(untilMs);
    await microtasks();
  }

  /** The same for as long as it takes. */
  async passAll(limitMs = 1_000_000): Promise<void> {
    await microtasks();
    while (this.clock.fireNext(limitMs)) await microtasks();
  }

  stage(name: string): StageFates {
    return this.island.stages.find((stage) => stage.name === name)!;
  }
}

export async function microtasks(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await undefined;
}

/** Where the sum of a stage's fates differs from what went in, by stage. */
export function unaccounted(stages: readonly StageFates[]): Record<string, number> {
  const wrong: Record<string, number> = {};
  for (const { name, in: given, emitted, absorbed, dropped, deadLettered, lost, held } of stages) {
    const missing = given - emitted - absorbed - dropped - deadLettered - lost - held;
    if (missing !== 0) wrong[name] = missing;
  }
  return wrong;
}

/** A scheduler of RxJS on `clock` that belongs to no island. */
export function plainScheduler(clock: VirtualClock): SchedulerLike {
  const nothing = () => undefined;
  const events = { watermark: nothing, full: nothing, settled: nothing, deadLetter: nothing };
  return new ClockScheduler(new Ledger({ clock, random: seededRandom(1) }, 1, events), new StageAccount('plain'));
}

/** What plain RxJS makes of elements that are pushed at these times, and when. */
export class Plain {
  readonly clock = new VirtualClock();
  readonly out: { value: unknown; atMs: number }[] = [];
  readonly input = new Subject<never>();
  completed = 0;
  error: unknown;

  constructor(build: (input: Observable<never>, scheduler: SchedulerLike) => Observable<unknown>) {
    build(this.input, plainScheduler(this.clock)).subscribe({
      next: (value) => this.out.push({ value, atMs: this.clock.monotonicMs() }),
      error: (thrown) => {
        this.error = thrown;
      },
      complete: () => {
        this.completed += 1;
      },
    });
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms;
    await microtasks();
    while (this.clock.fireNext(untilMs)) await microtasks();
    this.clock.goTo(untilMs);
    await microtasks();
  }

  async passAll(limitMs = 1_000_000): Promise<void> {
    await microtasks();
    while (this.clock.fireNext(limitMs)) await microtasks();
  }
}
