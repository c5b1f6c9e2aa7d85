/** Nodes in processes of their own that send to each other, and what must hold of what they say afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { SystemOptions } from 'troupe';
import { expect } from 'vitest';
import type { Commands, Told } from './fixtures/faulted-node.ts';
import { kindOf, type Report } from './fixtures/under-faults.ts';

const program = fileURLToPath(new URL('./fixtures/faulted-node.ts', import.meta.url));

type Result<K extends keyof Commands> = Awaited<ReturnType<Commands[K]>>;

export type FaultedNodeOptions = SystemOptions & { readonly name: string; readonly secretFile?: string };

export class FaultedNode {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, value, error }: { id: number; value: never; error?: string }) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    });
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`the node ended with ${code ?? signal}`));
      this.#calls.clear();
    });
  }

  /** Started where `within` leads: `ip netns exec <namespace>`, or here. */
  static async start(options: FaultedNodeOptions, within: readonly string[] = []): Promise<FaultedNode> {
    const own = [process.execPath, '--expose-gc', '--import', 'tsx', program, JSON.stringify(options)];
    const [command, ...args] = [...within, ...own];
    const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const started = new FaultedNode(child);
    await new Promise<void>((resolve, reject) => started.#calls.set(0, { resolve, reject }));
    return started;
  }

  call<K extends keyof Commands>(what: K, argument?: Parameters<Commands[K]>[0]): Promise<Result<K>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: never) => void, reject });
      this.#child.send({ id, what, argument });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGCONT');
    this.#child.kill(signal);
    await gone;
  }
}

/** What the witnesses of a file have handled, by sender, in order. */
export async function handledIn(file: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const handled = new Map<string, number[]>();
  const lines = await readFile(file, 'utf8').catch(() => '');
  for (const line of lines.split('\n')) {
    const [from, n] = line.split(' ');
    if (n === undefined) continue;
    const numbers = handled.get(from!) ?? [];
    handled.set(from!, numbers);
    numbers.push(Number(n));
  }
  return handled;
}

/** Waits until 50 messages more of both senders have been handled. */
export async function goesOn(file: string): Promise<void> {
  const before = await handledIn(file);
  const more = async () => {
    const counts = [...(await handledIn(file))].map(([from, { length }]) => length - (before.get(from)?.length ?? 0));
    return counts.length === 2 ? Math.min(...counts) : 0;
  };
  await expect.poll(more, { timeout: 30_000 }).toBeGreaterThan(50);
}

/** Ends its load: nothing was lost, came twice or out of order, and every call was answered. Returns how many messages there were. */
export async function expectWhole(node: FaultedNode, file: string): Promise<number> {
  const count = await expectAnswered(node, file);
  const { dead, lost, ends } = await node.call('told');
  expect({ dead, lost, ends }).toEqual({ dead: {}, lost: 0, ends: [] });
  return count;
}

/** The same, whatever comes in late of what was sent before that. */
export async function expectAnswered(node: FaultedNode, file: string): Promise<number> {
  const reports = await node.call('end');
  const handled = await handledIn(file);
  for (const { from, sent, calls, values, inOrder, ended } of reports) {
    expect([from, calls.filter(([, code]) => code !== 'ok')]).toEqual([from, []]);
    expect([from, firstWrong(handled.get(from)!), handled.get(from)!.length]).toEqual([from, undefined, sent]);
    expect([from, values > 0, inOrder, ended]).toEqual([from, true, true, 'ok']);
  }
  return reports.reduce((sum, { sent }) => sum + sent, 0);
}

function firstWrong(numbers: readonly number[]): number | undefined {
  return numbers.find((n, index) => n !== index);
}

/**
 * Ends its load: the other node was lost so many times, and came `back` or did not. Then exactly the calls that were open are
 * unknown, those that had not left are not delivered, those before and after are answered; what was told and not handled is a
 * dead letter, or counted.
 */
export async function expectSettled(node: FaultedNode, file: string, losses: number, back: boolean): Promise<object> {
  const reports = await node.call('end');
  const handled = await handledIn(file);
  // Threads post their dead letters now and then.
  await expect.poll(async () => silent(reports, handled, await node.call('told')), { timeout: 20_000 }).toBe(0);
  const told = await node.call('told');
  const unreachable = new Set(told.dead.unreachable);
  for (const report of reports) {
    const { from, sent } = report;
    const numbers = handled.get(from) ?? [];
    expect([from, numbers.find((n, index) => index > 0 && n <= numbers[index - 1]!)]).toEqual([from, undefined]);
    const { ask, held, offer } = endsOf(report);
    const ends = (one: string) => expect.stringMatching(new RegExp(`^(${one}){${losses}}${back ? 'o+' : ''}$`));
    expect([from, ask, held, offer]).toEqual([from, ends('o+(u+n*|n+)'), ends('o*(u+n*|n+)'), ends('o*u*n*')]);
    const done = new Set(numbers);
    for (const [n, code] of report.calls) {
      // An offer is answered when it has been taken.
      if (code === 'ok' && kindOf(n) !== 'offer') expect([from, n, done.has(n)]).toEqual([from, n, true]);
      if (code === 'NotDelivered') expect([from, n, done.has(n)]).toEqual([from, n, false]);
    }
    for (let n = 0; n < sent; n += 1) {
      if (unreachable.has(`${from} ${n}`)) expect([from, n, done.has(n)]).toEqual([from, n, false]);
    }
    expect([from, report.inOrder, report.ended]).toEqual([from, true, 'OutcomeUnknown']);
  }
  // Of calls that take a while some are open at any time.
  const unknown = reports.flatMap(({ calls }) => calls.filter(([, code]) => code === 'OutcomeUnknown')).length;
  expect(unknown).toBeGreaterThan(0);
  expect(told.lost).toBeGreaterThan(0);
  const reasons = Object.keys(told.dead).filter((reason) => reason !== 'unreachable' && reason !== 'place-lost');
  expect([reasons, told.ends]).toEqual([[], ['place-lost']]);
  const dead = Object.values(told.dead).flat().length;
  return {
    unknown,
    sent: reports.reduce((sum, { sent }) => sum + sent, 0),
    dead,
    lost: told.lost,
    missed: told.missed,
  };
}

/** Tells, and offers that were taken, of which nobody knows what became: neither handled, nor dead letters, nor among those that were counted. */
function silent(reports: readonly Report[], handled: ReadonlyMap<string, readonly number[]>, told: Told): number {
  const dead = new Set(Object.values(told.dead).flat());
  let count = -told.lost - told.missed;
  for (const { from, sent, calls } of reports) {
    const done = new Set(handled.get(from));
    const taken = new Set(calls.filter(([n, code]) => kindOf(n) === 'offer' && code === 'ok').map(([n]) => n));
    for (let n = 0; n < sent; n += 1) {
      if ((kindOf(n) === 'tell' || taken.has(n)) && !done.has(n) && !dead.has(`${from} ${n}`)) count += 1;
    }
  }
  return Math.max(0, count);
}

/** How the calls of each kind ended, in their order: o for answered, u for unknown, n for not delivered. */
function endsOf({ calls }: Report): Record<string, string> {
  const ends: Record<string, string> = {};
  for (const [n, code] of calls) {
    const letter = { ok: 'o', OutcomeUnknown: 'u', NotDelivered: 'n' }[code] ?? `(${code})`;
    ends[kindOf(n)] = `${ends[kindOf(n)] ?? ''}${letter}`;
  }
  return ends;
}
