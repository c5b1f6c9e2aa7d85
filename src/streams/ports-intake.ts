/**
 * Joins the elements of several ports, each of which may have several inputs.
 *
 * A port is read only while its elements are of use: what it is ahead by stays in its inlets, whose credit holds back
 * whoever writes there. So nothing is queued here but one batch a port. The rules are those of RxJS's `concat`, `zip`,
 * `combineLatest` and `withLatestFrom`.
 */
import type { Batch, Intake } from './intake.ts';
import type { MergeIntake } from './merge-intake.ts';
import type { PortsHead } from './plan.ts';
import { WatermarkMerge } from './watermark-merge.ts';

/** A port, and the batch of it that is being used. */
class Port {
  readonly intake: MergeIntake;
  #batch: Batch | undefined;
  #at = 0;
  latest: { readonly item: unknown; readonly timeMs: number } | undefined;

  constructor(intake: MergeIntake) {
    this.intake = intake;
  }

  /** True when nothing is left of it and nothing will come. */
  get ended(): boolean {
    return this.#batch === undefined && this.intake.ended;
  }

  /** How many elements of its batch are left; takes the next where there is none. */
  fill(): number {
    this.#batch ??= this.intake.take();
    return this.#batch === undefined ? 0 : this.#batch.items.length - this.#at;
  }

  /** Whether it has a batch, if only of a watermark. */
  get filled(): boolean {
    return this.#batch !== undefined;
  }

  next(): { readonly item: unknown; readonly timeMs: number } {
    const { items, times } = this.#batch!;
    const taken = { item: items[this.#at], timeMs: times?.[this.#at] ?? Number.NaN };
    this.#at += 1;
    return taken;
  }

  /** Lets go of a batch that is used up. Answers what it says about time. */
  release(): readonly number[] {
    const batch = this.#batch;
    if (batch === undefined || this.#at < batch.items.length) return [];
    this.#batch = undefined;
    this.#at = 0;
    this.intake.release();
    return batch.marks;
  }
}

type JoiningOnly = Exclude<PortsHead['how'], 'merge'>;

export class PortsIntake implements Intake {
  readonly #how: JoiningOnly;
  readonly #ports: readonly Port[];
  readonly #watermarks: WatermarkMerge;
  /** The port whose turn it is. */
  #current: number;
  #ended = false;
  /** Elements that came before all of those they are to be joined with. */
  dropped = 0;
  /** What was made of the elements of its ports. */
  given = 0;

  /** @param groups which of the ports come from the same sources, as `WatermarkMerge` says. */
  constructor(how: JoiningOnly, ports: readonly MergeIntake[], groups: readonly number[]) {
    this.#how = how;
    // What the elements of the first are joined with had better be there before them.
    this.#current = how === 'withLatestFrom' ? 1 : 0;
    this.#ports = ports.map((intake) => new Port(intake));
    this.#watermarks = new WatermarkMerge(groups);
  }

  get ended(): boolean {
    if (!this.#ended && this.#isOver()) {
      this.#ended = true;
      this.cancel();
    }
    return this.#ended;
  }

  /** Elements taken from its ports so far. */
  get taken(): number {
    return this.#ports.reduce((sum, { intake }) => sum + intake.taken, 0);
  }

  /** @throws the failure of a segment before. */
  take(): Batch | undefined {
    const batch = this.#takeOne();
    this.given += batch?.items.length ?? 0;
    return batch;
  }

  #takeOne(): Batch | undefined {
    switch (this.#how) {
      case 'concat':
        return this.#takeInOrder();
      case 'zip':
        return this.#takeTogether();
      case 'combineLatest':
        return this.#takeLatest(() => true);
      case 'withLatestFrom':
        return this.#takeLatest((port) => port === this.#ports[0]);
      default:
        return this.#how satisfies never;
    }
  }

  release(): void {
    // Each port lets go of its batches itself, when they are used up.
  }

  cancel(): void {
    for (const { intake } of this.#ports) intake.cancel();
  }

  #isOver(): boolean {
    const [first] = this.#ports;
    switch (this.#how) {
      case 'zip':
        return this.#ports.some((port) => port.ended);
      case 'withLatestFrom':
        return first!.ended;
      case 'combineLatest':
        if (this.#ports.some((port) => port.ended && port.latest === undefined)) return true;
        return this.#ports.every((port) => port.ended);
      case 'concat':
        return this.#ports.every((port) => port.ended);
      default:
        return this.#how satisfies never;
    }
  }

  #takeInOrder(): Batch | undefined {
    for (; this.#current < this.#ports.length; this.#current += 1) {
      const port = this.#ports[this.#current]!;
      const taken = Array.from({ length: port.fill() }, () => port.next());
      if (port.filled) {
        const marks = port.release();
        const [items, times] = [taken.map(({ item }) => item), taken.map(({ timeMs }) => timeMs)];
        // The end of one is not the end of event time: others come behind it.
        return { items, times, marks: marks.filter((mark) => mark !== Infinity) };
      }
      if (!port.ended) return undefined;
    }
    return undefined;
  }

  #takeTogether(): Batch | undefined {
    const counts = this.#ports.map((port) => port.fill());
    const count = Math.min(...counts);
    const items: unknown[] = [];
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const together = this.#ports.map((port) => port.next());
      items.push(together.map(({ item }) => item));
      times.push(Math.max(...together.map(({ timeMs }) => timeMs)));
    }
    const marks = this.#release();
    return count === 0 && marks.length === 0 ? undefined : { items, times, marks };
  }

  /** Takes a batch of the next port that has one, and pairs each element of a port that gives with the latest of the others. */
  #takeLatest(gives: (port: Port) => boolean): Batch | undefined {
    for (let turn = 0; turn < this.#ports.length; turn += 1) {
      const index = (this.#current + turn) % this.#ports.length;
      const port = this.#ports[index]!;
      const count = port.fill();
      if (!port.filled) continue;
      this.#current = index + 1;
      const items: unknown[] = [];
      const times: number[] = [];
      for (let at = 0; at < count; at += 1) {
        port.latest = port.next();
        if (!gives(port)) continue;
        if (this.#ports.every(({ latest }) => latest !== undefined)) {
          items.push(this.#ports.map(({ latest }) => latest!.item));
          times.push(port.latest.timeMs);
        } else if (this.#how === 'withLatestFrom') this.dropped += 1;
      }
      return { items, times, marks: this.#release() };
    }
    return undefined;
  }

  #release(): readonly number[] {
    return this.#ports.flatMap((port, index) =>
      port.release().flatMap((mark) => this.#watermarks.advance(index, mark)),
    );
  }
}
