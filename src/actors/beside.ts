/** The runs of one actor that are open beside its exclusive one: of operations that interleave, and of streams. */
import type { InterleavedRun } from './interleaved-run.ts';
import type { Operation } from './operation.ts';
import type { Run } from './run.ts';

export class Beside {
  /** True while the exclusive run waits, and others may begin. */
  held = false;
  /** The run whose code is being called at this moment, if it is one of these. */
  calling: Run | undefined = undefined;
  readonly #asks = new Set<InterleavedRun>();
  readonly #streams = new Set<Run>();

  /** Runs of asks. */
  get asks(): ReadonlySet<InterleavedRun> {
    return this.#asks;
  }

  /** The one run that is open here; undefined when there are none, or several. */
  get only(): Run | undefined {
    if (this.size !== 1) return undefined;
    for (const run of this.#asks) return run;
    for (const run of this.#streams) return run;
    return undefined;
  }

  get size(): number {
    return this.#asks.size + this.#streams.size;
  }

  /** True when a further run of the operation may begin. */
  hasRoomFor(operation: Operation): boolean {
    let open = 0;
    for (const run of this.#asks) if (run.envelope?.operation === operation) open += 1;
    return open < operation.interleaves;
  }

  begin(run: InterleavedRun): void {
    this.#asks.add(run);
  }

  beginStream(run: Run): void {
    this.#streams.add(run);
  }

  end(run: Run): void {
    run.end();
    this.#asks.delete(run as InterleavedRun);
    this.#streams.delete(run);
  }

  /** True while the handler that got `run` has not left; that of a stream has, once its generator begins. */
  isHandling(run: Run): boolean {
    return this.#asks.has(run as InterleavedRun) || (this.calling === run && !this.#streams.has(run));
  }

  /** The open run of that number. */
  find(number: number): Run | undefined {
    for (const run of this.#asks) if (run.number === number) return run;
    for (const run of this.#streams) if (run.number === number) return run;
    return undefined;
  }
}
