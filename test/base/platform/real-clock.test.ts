import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Cancel } from '../../../src/base/environment/clock.ts';
import { realClock } from '../../../src/base/platform/real-clock.ts';

const source = new URL('../../../src/base/platform/real-clock.ts', import.meta.url).href;
const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;

afterEach(() => {
  vi.useRealTimers();
});

describe.each(['timer', 'wake'] as const)('a %s', (kind) => {
  test('fires once after 40 ms and not a millisecond earlier', () => {
    vi.useFakeTimers();
    const fire = vi.fn();
    realClock()[kind](39.2, fire);
    vi.advanceTimersByTime(39);
    expect(fire).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1_000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test('fires after 60 days, which is longer than what a timer of Node holds, and can be cancelled until then', () => {
    vi.useFakeTimers();
    const dayMs = 86_400_000;
    const [fire, never] = [vi.fn(), vi.fn()];
    realClock()[kind](60 * dayMs, fire);
    const cancel = realClock()[kind](60 * dayMs, never);
    vi.advanceTimersByTime(59 * dayMs);
    expect(fire).toHaveBeenCalledTimes(0);
    cancel();
    vi.advanceTimersByTime(dayMs);
    expect(fire).toHaveBeenCalledTimes(1);
    expect(never).toHaveBeenCalledTimes(0);
  });

  test('of -1 or NaN ms fires soon, and cancelling it afterwards does nothing', async () => {
    for (const delayMs of [-1, Number.NaN]) {
      let cancel: Cancel | undefined;
      await new Promise<void>((resolve) => {
        cancel = realClock()[kind](delayMs, resolve);
      });
      cancel?.();
    }
  });
});

test('a pending wake keeps the process alive, a pending timer does not', async () => {
  const text = `import { realClock } from '${source}';
    const clock = realClock();
    clock.wake(50, () => console.log('woken'));
    clock.timer(100_000, () => console.log('too late'));`;
  const args = ['--import', tsx, '--input-type=module', '-e', text];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  expect(stdout).toBe('woken\n');
});

test('tells the time of the machine, and a monotonic one that has fractions', () => {
  const clock = realClock();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  const readings = Array.from({ length: 1_000 }, () => clock.monotonicMs());
  expect(readings).toEqual(readings.toSorted((a, b) => a - b));
  expect(readings.some((ms) => !Number.isInteger(ms))).toBe(true);
});
