/** What `troupe doctor` tries for real: the registry on the main thread, then on a worker thread, with a probe that answers. */
import { describeThrown } from '../base/errors.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { codeOf, propertyOf } from '../base/thrown.ts';
import { within } from '../base/within.ts';
import { createSystem } from '../runtime/create-system.ts';
import { type CheckedRegistry, loadRegistryInTime, unfinished } from '../runtime/preflight.ts';
import type { Checked } from './doctor-report.ts';

const clock = realClock();
const hows: { readonly [H in CheckedRegistry['how']]: string } = {
  javascript: 'as JavaScript',
  'inherited-loader': 'by a loader of this process',
  tsx: 'by tsx',
  'type-stripping': "by Node's type stripping",
};

/** @param url of the registry module; where there is none, threads are tried with the probe alone */
export async function threads(url: URL | undefined, timeoutMs: number): Promise<readonly Checked[]> {
  const main = url === undefined ? noRegistry : await onMain(url, timeoutMs);
  if (main.level === 'problem') return [main, notTried];
  return [main, await onWorker(url, timeoutMs)];
}

const noRegistry: Checked = {
  check: 'main thread',
  level: 'skipped',
  text: 'no registry was given; --registry ./actors.ts has it loaded as the program would',
  waysOut: [],
};
const notTried: Checked = {
  check: 'worker thread',
  level: 'skipped',
  text: 'not tried, since the main thread does not load the registry either',
  waysOut: [],
};

async function onMain(url: URL, timeoutMs: number): Promise<Checked> {
  const beganMs = clock.monotonicMs();
  try {
    const { value, how } = await loadRegistryInTime(url, clock, timeoutMs);
    const kinds = (['actor', 'flow', 'resource'] as const)
      .map((kind) => [value.definitions.filter((one) => one.kind === kind).length, kind] as const)
      .filter(([count]) => count > 0)
      .map(([count, kind]) => `${count} ${kind}${count === 1 ? '' : 's'}`);
    const text = `loads the registry ${hows[how]} in ${took(beganMs)}: ${kinds.join(', ') || 'nothing is in it'}`;
    return {
      check: 'main thread',
      level: kinds.length > 0 ? 'ok' : 'warning',
      text,
      waysOut: kinds.length > 0 ? [] : ['write: export default registry(…), with every actor, flow and resource in it'],
    };
  } catch (error) {
    return problem('main thread', error);
  }
}

async function onWorker(url: URL | undefined, timeoutMs: number): Promise<Checked> {
  const { registryVariable, startProbe } = await probeFor(url);
  const beganMs = clock.monotonicMs();
  const system = await createSystem({
    registry: new URL('./doctor-registry.js', import.meta.url),
    threads: 1,
    name: 'doctor',
    logLevel: 'silent',
  });
  try {
    const spawning = startProbe(system);
    if (!(await within(clock, timeoutMs, spawning))) {
      if (url !== undefined) throw unfinished(url, 'a worker thread', timeoutMs);
      throw new Error(`it did not start within ${timeoutMs} ms`);
    }
    const look = await spawning;
    const started = took(beganMs);
    const askedMs = clock.monotonicMs();
    const how = await look();
    const loads = how === undefined ? '' : `, loads the registry ${hows[how as CheckedRegistry['how']]}`;
    const text = `starts in ${started}${loads}; a probe answered from there in ${took(askedMs)}`;
    return { check: 'worker thread', level: 'ok', text, waysOut: [] };
  } catch (error) {
    return problem('worker thread', error);
  } finally {
    delete process.env[registryVariable];
    await system.shutdown({ deadlineMs: 0 });
  }
}

/** The module with the probe, which finds the user's registry through the environment. */
async function probeFor(url: URL | undefined): Promise<typeof import('./doctor-registry.ts')> {
  if (url !== undefined) process.env.TROUPE_DOCTOR_REGISTRY = url.href;
  return await import('./doctor-registry.ts');
}

/** By the innermost error of ours that knows a way out. */
function problem(check: string, error: unknown): Checked {
  let known: unknown = error;
  for (let cause = error; cause !== undefined; cause = propertyOf(cause, 'cause')) {
    if (Array.isArray(propertyOf(cause, 'waysOut'))) known = cause;
  }
  const finding = propertyOf(known, 'finding');
  const code = codeOf(known);
  const reason = propertyOf(known, 'reason');
  return {
    check,
    level: 'problem',
    text:
      typeof finding === 'string'
        ? `does not load ${propertyOf(known, 'file')}: ${finding}`
        : `fails: ${describeThrown(known)}`,
    waysOut: (propertyOf(known, 'waysOut') as readonly string[] | undefined) ?? [],
    ...(code !== undefined && { code }),
    ...(typeof reason === 'string' && { reason }),
  };
}

function took(sinceMs: number): string {
  const ms = clock.monotonicMs() - sinceMs;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
