/** A node in a process of its own, what it logs, and a link to it that must never notice what others do to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, node, type Ref, secret } from 'troupe';
import { expect } from 'vitest';
import { secretFolder } from '../system/node-process.ts';
import { mayfly, type Watchman, watchman, watchword } from './fixtures/actors.ts';

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** What `secretFolder` writes. */
export const secretText: string = 'x'.repeat(48);
export const registryUrl: URL = new URL('./fixtures/actors.ts', import.meta.url);

export interface Memory {
  readonly heapBytes: number;
  readonly rssBytes: number;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** pino's number for an error. */
const errorLevel = 50;
/** What a mistake in our own code says of itself, wherever it was caught. */
const mistakes =
  /TypeError|ReferenceError|RangeError|is not a function|is not iterable|Cannot (read|set|convert|destructure|access)|call stack|Assertion/;

export class LiveNode {
  readonly address: string;
  /** Lines of its log, in order; what is no JSON is a line of level 0. */
  readonly log: LogLine[] = [];
  readonly #process: ChildProcess;
  readonly #folder: Awaited<ReturnType<typeof secretFolder>>;
  #hasEnded = false;

  private constructor(child: ChildProcess, address: string, folder: LiveNode['secretFolder'], log: LogLine[]) {
    this.#process = child;
    this.address = address;
    this.#folder = folder;
    this.log = log;
  }

  /** @param more further options of `troupe node`. */
  static async start(more: readonly string[] = []): Promise<LiveNode> {
    const folder = await secretFolder();
    const args = ['--registry', fileURLToPath(registryUrl), '--listen', 'ws://127.0.0.1:0', '--role', 'workers'];
    const child = spawn(
      process.execPath,
      [
        '--expose-gc',
        '--import',
        'tsx',
        cli,
        'node',
        ...args,
        '--secret-file',
        folder.file,
        '--exit-with-stdin',
        ...more,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const log: LogLine[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 0, msg: line });
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the node ended with ${code} before it listened: ${log.map(({ msg }) => msg).join('\n')}`);
    });
    const listening = (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        const found = /listening on (ws:\S+)/.exec(line);
        if (found !== null) return found[1]!;
      }
      return ended;
    })();
    const address = await Promise.race([listening, ended]);
    ended.catch(() => undefined);
    return new LiveNode(child, address, folder, log);
  }

  get port(): number {
    return Number(new URL(this.address).port);
  }

  get secretFolder(): Awaited<ReturnType<typeof secretFolder>> {
    return this.#folder;
  }

  get isUp(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Lines since `from` that hold this text. */
  logged(text: string, from = 0): readonly LogLine[] {
    return this.log.slice(from).filter(({ msg }) => msg.includes(text));
  }

  /** Nothing that it logged is a mistake of its own: what peers do wrong has a text that names it. */
  expectNoMistakes(): void {
    const own = this.log.filter(({ level, msg }) => mistakes.test(msg) || level > errorLevel || level === 0);
    expect(own).toEqual([]);
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.isUp) {
      const gone = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await gone;
    }
    await this.#folder.remove();
  }
}

/** How an honest node fares at the same time: it asks every few ms, and each answer must be right and in time. */
export class GoodLink {
  readonly #system: ActorSystem;
  readonly #watchman: Ref<typeof Watchman>;
  readonly #failures: string[] = [];
  #noted = 0;
  #sum = 0;
  #asks = 0;
  #slowestMs = 0;
  #over = false;
  readonly #asking: Promise<void>;

  private constructor(system: ActorSystem, ref: Ref<typeof Watchman>) {
    this.#system = system;
    this.#watchman = ref;
    this.#asking = this.#ask();
  }

  static async open(live: LiveNode): Promise<GoodLink> {
    const system = await joined(live);
    const on = node({ role: 'workers' });
    // A node of the cluster may stop any actor, so this one gets a number that no frame names by chance.
    for (let n = 0; n < 1_000; n += 1) await system.spawn(mayfly, { on });
    return new GoodLink(system, await system.spawn(watchman, { on }));
  }

  get system(): ActorSystem {
    return this.#system;
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      this.#noted += 1;
      this.#sum += this.#noted;
      this.#watchman.note({ word: watchword, n: this.#noted });
      const from = performance.now();
      try {
        const { count, sum } = await this.#watchman.noted({ word: watchword });
        if (count !== this.#noted || sum !== this.#sum) this.#failures.push(`noted ${count} of ${this.#noted}`);
      } catch (error) {
        this.#failures.push(String(error));
      }
      this.#asks += 1;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }

  /** The node's memory, garbage left out. */
  memory(): Promise<Memory> {
    return this.#watchman.memory({ word: watchword }, { timeoutMs: 20_000 });
  }

  /** Every answer so far was right and in time, and the link is the one that it began with. */
  expectUndisturbed(): void {
    expect(this.#failures).toEqual([]);
    expect(this.#asks).toBeGreaterThan(0);
  }

  get figures(): { readonly asks: number; readonly slowestMs: number } {
    return { asks: this.#asks, slowestMs: Math.round(this.#slowestMs) };
  }

  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#asking;
    await this.#system.shutdown({ deadlineMs: 500 });
  }
}

/** An honest node that has joined. */
export function joined(live: LiveNode, address = live.address): Promise<ActorSystem> {
  return createSystem({
    registry: registryUrl,
    threads: 1,
    join: [address],
    auth: secret({ file: live.secretFolder.file }),
    logLevel: 'silent',
  });
}
