/** The way to the second node, which is cut for a while in the middle of the job: for `--cut`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChaosProxy, chaosProxy } from 'troupe/testing';
import { count, type Progress } from './display.ts';

export class Cable implements AsyncDisposable {
  readonly #proxy: ChaosProxy;
  readonly #cutMs: number;
  /** Mended when the time is up, or when the job ends before that. */
  readonly #over = new AbortController();
  #story = 'the link to the second node was not cut: the job was over too soon';
  #isCut = false;

  private constructor(proxy: ChaosProxy, cutMs: number) {
    this.#proxy = proxy;
    this.#cutMs = cutMs;
  }

  static async to(address: string, cutMs: number): Promise<Cable> {
    return new Cable(await chaosProxy({ to: address, seed: 1 }), cutMs);
  }

  /** What to join in place of the node. */
  get address(): string {
    return this.#proxy.address;
  }

  /** What became of it, for whoever reads the summary. */
  get story(): string {
    return `${this.#story}; connections to it so far: ${this.#proxy.statistics.connections}`;
  }

  /** Cuts it once, when half of the rows have been read. */
  look({ rows, rowsExpected }: Pick<Progress, 'rows' | 'rowsExpected'>): void {
    if (this.#isCut || rows < rowsExpected / 2) return;
    this.#isCut = true;
    this.#story = `the link to the second node was cut for ${this.#cutMs / 1_000} s when ${count(rows)} rows had been read`;
    this.#proxy.cut();
    sleep(this.#cutMs, undefined, { signal: this.#over.signal }).then(
      () => this.#proxy.mend(),
      () => undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#proxy.close();
  }
}
