/** Nodes in processes of their own that send to each other, and what must hold of what they say afterwards. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { SystemOptions } from 'troupe';
import { expect } from 'vitest';
import type { Commands, Told } from './fixtures/faulted-node.ts';
import { kindOf, type Report } from './fixtures/under-faults.ts';

const program = fileURLToPath(new URL('./fixtures/faulted-node.ts', import.meta.url));

type Result<K extends keyof Commands> = Awaited<ReturnType<Commands[K]>>;

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

  static async start(options: SystemOptions & { readonly name: string }): Promise<FaultedNode> {
    const execArgv = ['--expose-gc', '--import', 'tsx'];
    const child = fork(program, [JSON.stringify(options)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
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

  get residentFile(): string {
    return `/proc/${this.#child.pid}/status`;
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
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [from, n] = line.split(' ');
    if (n === undefined) continue;
    const numbers = handled.get(from!) ?? [];
    handled.set(from!, numbers);
    numbers.push(Number(n));
  }
  return handled;
}

/** Nothing was lost, came twice or out of order, and every call was answered. Returns how many messages there were. */
export async function expectWhole(told: Told, file: string): Promise<number> {
  const handled = await handledIn(file);
  for (const { from, sent, calls, values, inOrder, ended } of told.reports) {
    expect([from, calls.filter(([, code]) => code !== 'ok')]).toEqual([from, []]);
    expect([from, firstWrong(handled.get(from)!), handled.get(from)!.length]).toEqual([from, undefined, sent]);
    expect([from, values > 0, inOrder, ended]).toEqual([from, true, true, 'ok']);
  }
  expect({ ...told, reports: [] }).toEqual({ reports: [], dead: {}, missed: 0, lost: 0, ends: [] });
  return told.reports.reduce((sum, { sent }) => sum + sent, 0);
}

function firstWrong(numbers: readonly number[]): number | undefined {
  return numbers.find((n, index) => n !== index);
}

/**
 * So many times the link was away for longer than its window: then exactly the calls that were open are unknown, those that had
 * not left are not delivered, and those before and after are answered; what was told and not handled is a dead letter or counted.
 */
export async function expectConserved(told: Told, file: string, losses: number): Promise<void> {
  const handled = await handledIn(file);
  const unreachable = new Set(told.dead.unreachable);
  const dead = new Set(Object.values(told.dead).flat());
  let silent = 0;
  for (const report of told.reports) {
    const { from, sent } = report;
    const numbers = handled.get(from) ?? [];
    expect([from, numbers.find((n, index) => index > 0 && n <= numbers[index - 1]!)]).toEqual([from, undefined]);
    const { ask, held, offer } = endsOf(report);
    expect([from, ask, held, offer]).toEqual([from, matching(losses), matching(losses), expect.stringMatching(/^[oun]+$/)]);
    const done = new Set(numbers);
    for (const [n, code] of report.calls) {
      if (code === 'ok') expect([from, n, done.has(n)]).toEqual([from, n, true]);
      if (code === 'NotDelivered') expect([from, n, done.has(n)]).toEqual([from, n, false]);
    }
    for (let n = 0; n < sent; n += 1) {
      if (kindOf(n) !== 'tell') continue;
      if (unreachable.has(`${from} ${n}`)) expect([from, n, done.has(n)]).toEqual([from, n, false]);
      if (!done.has(n) && !dead.has(`${from} ${n}`)) silent += 1;
    }
    expect([from, report.inOrder, report.ended]).toEqual([from, true, losses > 0 ? 'OutcomeUnknown' : 'ok']);
  }
  expect(silent).toBeLessThanOrEqual(told.lost + told.missed);
  expect(told.ends).toEqual(losses > 0 ? ['place-lost'] : []);
  expect(Object.keys(told.dead).filter((reason) => reason !== 'unreachable' && reason !== 'place-lost')).toEqual([]);
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

function matching(losses: number): unknown {
  return expect.stringMatching(new RegExp(`^(o+u+n*){${losses}}o+$`));
}
