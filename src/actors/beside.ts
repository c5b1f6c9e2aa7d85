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
  /** Those of `#asks` whose operation does not interleave: call-chain reentrancy has let them in. */
  readonly #letIn = new Set<Run>();

  /** Runs of asks. */
  get asks(): ReadonlySet<InterleavedRun> {
    return this.#asks;
  }

  /** Runs that were let in beside the exclusive one, and keep others waiting as it does. */
  get letIn(): ReadonlySet<Run> {
    return this.#letIn;
  }

  /** True while an exclusive message may not begin. */
  get isClosed(): boolean {
    return this.held || this.#letIn.size > 0;
  }

  /** The one run that is open here; undefined when there are none, or several, or one whose code goes on in vain. */
  get only(): Run | undefined {
    if (this.size !== 1) return undefined;
    for (const run of this.#asks) return run;
    for (const run of this.#streams) return run.isOver ? undefined : run;
    return undefined;
  }

  get size(): number {
    return this.#asks.size + this.#streams.size;
  }

  /** True when a further run of the operation may begin, after `sooner` others of it. */
  hasRoomFor(operation: Operation, sooner = 0): boolean {
    let open = sooner;
    if (this.#asks.size + open < operation.interleaves) return true;
    for (const run of this.#asks) if (run.envelope?.operation === operation) open += 1;
    return open < operation.interleaves;
  }

  /** The open runs of an operation. */
  runsOf(operation: Operation): Run[] {
    return [...this.#asks].filter((run) => run.envelope?.operation === operation);
  }

  begin(run: InterleavedRun, operation: Operation): void {
    this.#asks.add(run);
    if (operation.interleaves === 0) this.#letIn.add(run);
  }

  beginStream(run: Run): void {
    this.#streams.add(run);
  }

  /** A stream was given up while its handler works: its calls are still to be told from those of others. */
  giveUp(run: Run): void {
    run.end();
  }

  end(run: Run): void {
    run.end();
    this.#asks.delete(run as InterleavedRun);
    this.#letIn.delete(run);
    this.#streams.delete(run);
  }

  /** True while the handler that got `run` has not left; that of a stream has, once its generator begins. */
  isHandling(run: Run): boolean {
    return this.#asks.has(run as InterleavedRun) || (this.calling === run && !this.#streams.has(run));
  }
}
