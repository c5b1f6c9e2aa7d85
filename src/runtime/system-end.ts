/** The end of a system: what each phase of its shutdown does, over all its threads, and the report of what was left. */
import type { DeadLetterReason } from '../actors/dead-letters.ts';
import type { ActorView } from '../actors/tree.ts';
import { runPhase } from './place-phases.ts';
import type { PhaseWork, Shutdown, ShutdownOptions } from './shutdown.ts';
import {
  describeReport,
  type ShutdownReason,
  type ShutdownReport,
  type UnclosedResource,
  type UndeliveredTo,
} from './shutdown-report.ts';
import type { SystemParts } from './system-parts.ts';

/** Of the time to drain, what the main thread has at most: the workers' actors, which serve it, come after. */
const mainShare = 0.6;

export class SystemEnd {
  readonly #parts: SystemParts;
  readonly #shutdown: Shutdown;
  readonly #killed: ActorView[] = [];
  readonly #resources: UnclosedResource[] = [];
  readonly #threads: string[] = [];
  #nodes: readonly UndeliveredTo[] = [];

  constructor(parts: SystemParts, shutdown: Shutdown) {
    this.#parts = parts;
    this.#shutdown = shutdown;
  }

  async run(options: ShutdownOptions, reason: ShutdownReason): Promise<ShutdownReport> {
    const { host, log } = this.#parts;
    const before = this.#deadLetters();
    const lostBefore = this.#lostWithPlace();
    const { durationMs, phases, hooks } = await this.#shutdown.run(options, reason, this.#work);
    const deadLetters = difference(this.#deadLetters(), before);
    const lostWithPlace = this.#lostWithPlace() - lostBefore;
    const [killed, resources, threads, nodes] = [this.#killed, this.#resources, this.#threads, this.#nodes];
    const left = [killed, resources, threads, nodes, hooks].some((list) => list.length > 0);
    // What was refused while its actor drained was told so; it is as if it had come after the end.
    const isLost = Object.keys(deadLetters).some((one) => one !== 'draining') || lostWithPlace > 0;
    const clean = !left && !isLost;
    const report: ShutdownReport = {
      clean,
      reason,
      durationMs,
      phases,
      killed,
      deadLetters,
      lostWithPlace,
      resources,
      threads,
      nodes,
      hooks,
    };
    if (!clean) log.warn({ report }, `shutdown of ${host.placeId} left something: ${describeReport(report)}`);
    return report;
  }

  readonly #work: PhaseWork = {
    'stop-accepting': async (deadlineMs) => {
      const { host, workers, placement, links, clients } = this.#parts;
      host.refuseSpawns();
      placement.close();
      await Promise.all([
        links.refuse(),
        clients?.refuse(),
        workers.refuse(),
        workers.runPhase('stop-accepting', deadlineMs),
      ]);
    },
    drain: async (deadlineMs) => {
      const { host, workers } = this.#parts;
      const { clock } = host.environment;
      const startMs = clock.monotonicMs();
      await runPhase(host, 'drain', deadlineMs * mainShare);
      await workers.runPhase('drain', Math.max(0, deadlineMs - (clock.monotonicMs() - startMs)));
    },
    'stop-actors': async (deadlineMs) => {
      const { host, workers } = this.#parts;
      const [own, others] = await Promise.all([
        runPhase(host, 'stop-actors', deadlineMs),
        workers.runPhase('stop-actors', deadlineMs),
      ]);
      this.#killed.push(...own.killed);
      for (const { placeId, answered, killed } of others) {
        this.#killed.push(...killed);
        if (!answered) this.#threads.push(placeId);
      }
    },
    'close-resources': async (deadlineMs) => {
      const { host, workers } = this.#parts;
      const [own, others] = await Promise.all([
        runPhase(host, 'close-resources', deadlineMs),
        workers.runPhase('close-resources', deadlineMs),
      ]);
      this.#unclosed(host.placeId, own.unclosed);
      for (const { placeId, unclosed } of others) this.#unclosed(placeId, unclosed);
    },
    leave: async (deadlineMs) => {
      const { router, workers, links, clients } = this.#parts;
      [this.#nodes] = await Promise.all([router.flush(deadlineMs), clients?.flush(deadlineMs)]);
      clients?.close();
      router.report();
      await workers.end();
      router.close('the system is shut down');
      await links.close();
    },
  };

  /** Of all threads of this node. */
  #deadLetters(): Counts {
    const { host, letters } = this.#parts;
    const sum: { [R in DeadLetterReason]?: number } = Object.fromEntries(host.deadLetters.countsOfUsers);
    for (const [reason, count] of letters.counts) sum[reason] = (sum[reason] ?? 0) + count;
    return sum;
  }

  #lostWithPlace(): number {
    return this.#parts.host.deadLetters.lostWithPlace + this.#parts.letters.lostWithPlace;
  }

  #unclosed(place: string, names: readonly string[]): void {
    this.#resources.push(...names.map((name) => ({ place, name })));
  }
}

type Counts = { readonly [R in DeadLetterReason]?: number };

function difference(after: Counts, before: Counts): Counts {
  const more = Object.entries(after).map(([reason, count]) => [
    reason,
    count - (before[reason as DeadLetterReason] ?? 0),
  ]);
  return Object.fromEntries(more.filter(([, count]) => count !== 0));
}
