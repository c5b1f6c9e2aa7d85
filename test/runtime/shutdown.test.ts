/** The phases of a shutdown by themselves: their order, their time, their hooks. */
import { describe, expect, it } from 'vitest';
import { type PhaseWork, Shutdown, type ShutdownOptions } from '../../src/runtime/shutdown.ts';
import { type ShutdownPhase, shutdownPhases } from '../../src/runtime/shutdown-report.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { pass as settle } from '../../src/testing/event-loop.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

function given(doing: Partial<PhaseWork> = {}) {
  const clock = new VirtualClock();
  const log = new CapturedLog();
  const shutdown = new Shutdown(clock, log);
  const events: string[] = [];
  const work = Object.fromEntries(
    shutdownPhases.map((phase) => [
      phase,
      async (deadlineMs: number) => {
        events.push(`${phase} ${deadlineMs}`);
        await doing[phase]?.(deadlineMs);
      },
    ]),
  ) as unknown as PhaseWork;
  const run = (options: ShutdownOptions = {}) => shutdown.run(options, 'called', work);
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.wake(ms, resolve));
  return { clock, log, shutdown, events, run, wait };
}

describe('a shutdown of 1,000 ms', () => {
  it('goes through its 5 phases in order, each with its share and what those before did not need', async () => {
    const { run, events, clock, wait } = given({ drain: () => wait(300) });
    const running = run({ deadlineMs: 1_000 });
    await clock.advance(300);
    const { phases, durationMs } = await running;
    expect(events).toEqual(['stop-accepting 100', 'drain 600', 'stop-actors 500', 'close-resources 600', 'leave 700']);
    expect(durationMs).toBe(300);
    expect(phases.map(({ phase, inTime }) => `${phase} ${inTime}`)).toEqual(shutdownPhases.map((one) => `${one} true`));
  });

  it('gives a phase the 50 ms that it is named, and never more than all of it', async () => {
    const { run, events } = given();
    await run({ deadlineMs: 1_000, phases: { drain: 50, leave: 5_000 } });
    expect(events).toEqual(['stop-accepting 100', 'drain 50', 'stop-actors 800', 'close-resources 900', 'leave 1000']);
  });

  it('goes on after a phase that fails, and says so', async () => {
    const { run, events, log } = given({ drain: () => Promise.reject(new Error('broken')) });
    await run({ deadlineMs: 1_000 });
    expect(events).toHaveLength(5);
    expect(log.of('error')[0]?.text).toContain('drain failed: Error: broken');
  });

  it.each([
    [{ deadlineMs: -1 }, 'deadlineMs'],
    [{ phases: { dran: 5 } }, 'phases'],
    [{ deadline: 5 }, 'deadline'],
  ])('refuses %j', async (options, text) => {
    const { checkShutdownOptions } = await import('../../src/runtime/shutdown.ts');
    expect(() => checkShutdownOptions(options as ShutdownOptions)).toThrow(text);
  });
});

describe('a hook', () => {
  it('is called when its phase begins, before its work, which waits for it', async () => {
    const { run, shutdown, events, clock, wait } = given();
    for (const phase of shutdownPhases) {
      shutdown.on(
        phase,
        async ({ phase: told, reason }) => {
          events.push(`hook of ${told} (${reason})`);
          await wait(10);
        },
        {},
      );
    }
    const running = run({ deadlineMs: 1_000 });
    await clock.advance(50);
    await running;
    expect(events.map((event) => event.split(' ').slice(0, 3).join(' '))).toEqual(
      shutdownPhases.flatMap((phase, at) => [`hook of ${phase}`, `${phase} ${[90, 580, 770, 860, 950][at]}`]),
    );
  });

  it('that throws, rejects or takes longer than its 20 ms is reported by name; the others of its phase are called', async () => {
    const { run, shutdown, events, clock, log } = given();
    let aborted = false;
    shutdown.on('drain', function flushes() {
      throw new Error('disk full');
    }, {}); // biome-ignore format: it is one line
    shutdown.on('drain', () => Promise.reject(new Error('no route')), { name: 'tells the balancer' });
    shutdown.on(
      'drain',
      ({ signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return new Promise(() => undefined);
      },
      { name: 'hangs', deadlineMs: 20 },
    );
    shutdown.on('drain', () => void events.push('the fourth'), {});
    const running = run({ deadlineMs: 1_000 });
    await clock.advance(20);
    const { hooks } = await running;
    expect(hooks).toEqual([
      { phase: 'drain', name: 'flushes', outcome: 'failed', error: 'Error: disk full' },
      { phase: 'drain', name: 'tells the balancer', outcome: 'failed', error: 'Error: no route' },
      { phase: 'drain', name: 'hangs', outcome: 'timed-out', error: 'it had not ended after 20 ms' },
    ]);
    expect(aborted).toBe(true);
    expect(events).toContain('the fourth');
    expect(log.of('error')).toHaveLength(3);
  });

  it('that never ends leaves its phase half of its time', async () => {
    const { run, shutdown, events, clock } = given();
    shutdown.on('stop-actors', () => new Promise(() => undefined), {});
    const running = run({ deadlineMs: 1_000 });
    await clock.advance(400);
    await running;
    expect(events).toContain('stop-actors 400');
  });

  it('can be taken back, and is refused for a phase that has begun or does not exist', async () => {
    const { run, shutdown, events } = given();
    shutdown.on('leave', () => void events.push('taken back'), {})();
    shutdown.on(
      'drain',
      () => {
        expect(() => shutdown.on('drain', () => undefined, {})).toThrow('has begun');
        shutdown.on('leave', () => void events.push('added in time'), {});
      },
      {},
    );
    expect(() => shutdown.on('end' as ShutdownPhase, () => undefined, {})).toThrow('the phases are stop-accepting');
    const { hooks } = await run();
    await settle();
    expect(hooks).toEqual([]);
    expect(events).not.toContain('taken back');
    expect(events).toContain('added in time');
    expect(() => shutdown.on('leave', () => undefined, {})).toThrow('never be called');
  });
});
