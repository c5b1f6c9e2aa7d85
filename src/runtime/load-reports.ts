/**
 * How much this node has to do, said to the others at intervals while they may place actors here: the use of its main thread's
 * loop, and what waits there. A node whose load stays as it is says nothing.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { LoadAside } from '../transport/node-aside.ts';
import type { NodeLink } from '../transport/node-link.ts';

export interface LoadReportsOptions {
  readonly clock: Clock;
  /** The use of the loop since it was asked last, from 0 to 1. */
  readonly use: () => number;
  /** Messages that wait for actors. */
  readonly queued: () => number;
}

export class LoadReports {
  readonly #options: LoadReportsOptions;
  /** Who is told, and what they were told last. */
  readonly #told = new Map<NodeLink, LoadAside | undefined>();
  #load: LoadAside = { kind: 'load', use: 0, queued: 0, isLeaving: false };
  #next: Cancel | undefined = undefined;

  constructor(options: LoadReportsOptions) {
    this.#options = options;
  }

  /** From now on that peer is told. */
  begin(link: NodeLink): void {
    this.#told.set(link, undefined);
    if (this.#next !== undefined) return;
    // What came before is not of now.
    this.#options.use();
    this.#wait();
  }

  end(link: NodeLink): void {
    this.#told.delete(link);
    if (this.#told.size > 0) return;
    this.#next?.();
    this.#next = undefined;
  }

  /** Everybody is told at once that nothing more is to be placed here. */
  leave(): void {
    this.#load = { ...this.#load, isLeaving: true };
    for (const link of this.#told.keys()) link.sendAside(this.#load);
    this.#told.clear();
    this.#next?.();
    this.#next = undefined;
  }

  #wait(): void {
    this.#next = this.#options.clock.timer(limits.loadEveryMs, () => {
      this.#tell();
      this.#wait();
    });
  }

  #tell(): void {
    const { use, queued } = this.#options;
    this.#load = { kind: 'load', use: use(), queued: queued(), isLeaving: false };
    for (const [link, told] of this.#told) {
      if (told !== undefined && isAlike(told, this.#load)) continue;
      // Where the peer does not read it is told the next time.
      if (link.sendAside(this.#load)) this.#told.set(link, this.#load);
    }
  }
}

/** True for a difference that decides nothing. */
function isAlike(one: LoadAside, other: LoadAside): boolean {
  const frames = (load: LoadAside): number => Math.floor(load.queued / limits.frameMessagesMax);
  return Math.abs(one.use - other.use) < limits.loadUseAlike && frames(one) === frames(other);
}
