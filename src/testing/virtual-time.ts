/**
 * Virtual time: how a test lets everything happen that is ready, and lets time pass.
 *
 * The rule: time moves only when nothing is ready any more, and from one timer to the next, so that a test sees the same
 * order however slow the machine is. What actors wait for outside of the system is waited for in real time, bounded.
 */
import { Cell } from '../actors/cell.ts';
import type { Host, OpenWork } from '../actors/host.ts';
import type { Runnable } from '../base/environment/scheduler.ts';
import { UsageError } from '../base/errors.ts';
import { shownList, unmet } from './assertion.ts';
import { NotSettled } from './errors.ts';
import { pass, realMs, sleep } from './event-loop.ts';
import { limits } from './limits.ts';
import { type FoundOpen, type OpenCode, openCode } from './open-code.ts';
import type { Passage } from './passage.ts';
import type { VirtualEnvironment } from './virtual-environment.ts';

/** How the outside is waited for. */
export interface SettleOptions {
  /**
   * True to leave handlers open that wait for the outside, such as a promise that the test resolves later. Otherwise
   * they are waited for in real time, and named where they do not end.
   */
  leaveOpen?: boolean;
}

/** The time of a system under test. */
export interface TestTime {
  /** Wall-clock time in ms since the epoch, as `ctx.now()` gives it; begins at 2001-01-01T00:00:00Z. */
  now(): number;
  /** Virtual ms since the system was made. */
  readonly elapsedMs: number;
  /**
   * Lets `ms` pass: every timer due fires in its order and at its time, and all that it causes settles before the next.
   *
   * @throws NotSettled as `settle` does
   */
  advance(ms: number, options?: SettleOptions): Promise<void>;
  /**
   * Lets time pass until `promise` has settled: for an ask whose handler waits for time.
   *
   * @param options.withinMs virtual ms, 5,000 unless given
   * @returns what it resolved to; rejects as it did.
   * @throws AssertionError when it has not settled by then
   */
  until<T>(promise: PromiseLike<T>, options?: { withinMs?: number }): Promise<T>;
}

/** What came of the code that waits for the outside: an error, or it is given up on and left open. */
type Patience = 'throw' | 'give-up' | 'none';

export class VirtualTime implements TestTime, Passage {
  readonly defaults: Passage['defaults'] = { expectMs: 0, silenceMs: 0 };
  readonly #clock: VirtualEnvironment['clock'];
  readonly #scheduler: VirtualEnvironment['scheduler'];
  readonly #host: Host;
  readonly #work: ReadonlySet<OpenWork>;
  readonly #outsideMs: number;
  readonly #order: string;
  /** What was waited for in vain; it is not waited for again. */
  readonly #givenUp = new WeakSet<object>();

  /**
   * @param outsideMs How long the outside is waited for, in real ms.
   * @param order How the order of turns came about, for error texts.
   */
  constructor(environment: VirtualEnvironment, host: Host, outsideMs: number, order: string) {
    this.#clock = environment.clock;
    this.#scheduler = environment.scheduler;
    this.#host = host;
    this.#work = host.keepWork();
    this.#outsideMs = outsideMs;
    this.#order = order;
  }

  now(): number {
    return this.#clock.now();
  }

  get elapsedMs(): number {
    return this.#clock.monotonicMs();
  }

  advance(ms: number, options: SettleOptions = {}): Promise<void> {
    checkMs('time.advance', ms);
    const patience = options.leaveOpen ? 'none' : 'throw';
    return this.#clock.advance(ms, () => this.#rest(patience, never));
  }

  async until<T>(promise: PromiseLike<T>, options: { withinMs?: number } = {}): Promise<T> {
    const withinMs = options.withinMs ?? 5_000;
    checkMs('time.until', withinMs);
    let isDone = false;
    const settled = Promise.resolve(promise).finally(() => {
      isDone = true;
    });
    // Whoever awaits it below is told.
    settled.catch(() => undefined);
    await this.waitFor(() => isDone, withinMs);
    if (isDone) return settled;
    throw unmet(
      `expected the promise to settle within ${withinMs} ms, but it has not. ${this.describe()}`,
      'pending',
      'settled',
      this.until,
    );
  }

  async waitFor(isDone: () => boolean, withinMs: number): Promise<void> {
    const endMs = this.elapsedMs + withinMs;
    await this.#rest('give-up', isDone);
    while (!isDone() && this.#clock.fireNext(endMs)) await this.#rest('give-up', isDone);
    if (!isDone()) this.#clock.goTo(endMs);
  }

  /** Runs everything that is ready, turns that are left to the test included. @throws NotSettled */
  async settle(options: SettleOptions = {}): Promise<void> {
    const patience = options.leaveOpen ? 'none' : 'throw';
    if (!this.#scheduler.isManual) return this.#rest(patience, never);
    const turnsMax = this.#scheduler.turns + limits.turnsMax;
    do {
      while (this.#scheduler.step()) {
        if (this.#scheduler.turns >= turnsMax) throw this.#endless();
        await pass();
      }
      await this.#rest(patience, never);
    } while (this.#scheduler.waiting > 0);
  }

  /** Runs one turn and what follows from it without another turn. False when none was ready. */
  async step(): Promise<boolean> {
    await pass();
    const ran = this.#scheduler.step();
    await pass();
    return ran;
  }

  describe(): string {
    const { nextInMs } = this.#clock;
    const parts = [
      `Virtual time stands at ${this.elapsedMs} ms`,
      nextInMs === undefined ? 'no timer is set' : `the next timer fires in ${nextInMs} ms`,
    ];
    if (this.#scheduler.isManual) parts.push(`${this.#scheduler.waiting} turns wait for step()`);
    const open = openCode(this.#host, this.#work);
    const waits = open.length === 0 ? '' : ` These wait for the outside:${shownList(open.map(line))}`;
    return `${parts.join('; ')}; ${this.#order}.${waits}`;
  }

  /** Until nothing is ready, and nothing waits for the outside. */
  async #rest(patience: Patience, isDone: () => boolean): Promise<void> {
    const turnsMax = this.#scheduler.turns + limits.turnsMax;
    let sinceMs: number | undefined;
    for (let passes = 0; ; passes += 1) {
      await pass();
      if (isDone()) return;
      if (!this.#scheduler.isManual && this.#scheduler.waiting > 0) {
        if (this.#scheduler.turns >= turnsMax) throw this.#endless();
        continue;
      }
      if (patience === 'none') return;
      const open = openCode(this.#host, this.#work);
      const hopeful = open.filter(({ identity }) => !this.#givenUp.has(identity));
      if (open.length === 0 || (hopeful.length === 0 && patience === 'give-up')) return;
      sinceMs ??= realMs();
      if (hopeful.length === 0 || realMs() - sinceMs >= this.#outsideMs) {
        for (const { identity } of open) this.#givenUp.add(identity);
        if (patience === 'throw') throw this.#open(open);
        return;
      }
      if (passes > limits.passesBeforeSleep) await sleep(1);
    }
  }

  #open(open: readonly FoundOpen[]): NotSettled {
    const found = open.map(({ path, operation }) => ({ path, operation }));
    return new NotSettled(
      'open',
      `not settled: after ${this.#outsideMs} ms of real time these still wait for something that is neither an actor ` +
        `nor virtual time:${shownList(found.map(line))}\nFake what they wait for (resources: { … }), let it end before ` +
        'you settle, or leave it open on purpose: settle({ leaveOpen: true }), time.advance(ms, { leaveOpen: true })',
      found,
    );
  }

  #endless(): NotSettled {
    const busy = this.#scheduler.runnables.map(busyOne);
    return new NotSettled(
      'endless',
      `not settled: ${limits.turnsMax} turns have run without time passing, and these are ready again:` +
        `${shownList(busy.map(({ path }) => path))}\nActors that tell each other without end never come to rest; let ` +
        `time pass between (ctx.after), or step through it (stepping: 'manual')`,
      busy,
    );
  }
}

const never = (): boolean => false;

function line({ path, operation }: OpenCode): string {
  return `${path} in ${operation}`;
}

function busyOne(runnable: Runnable): OpenCode {
  return { path: runnable instanceof Cell ? runnable.path() : 'a session with another place', operation: 'its turn' };
}

function checkMs(what: string, ms: number): void {
  if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) {
    throw new UsageError(`${what} takes a number of ms of at least 0; it was given ${String(ms)}`);
  }
}
