/**
 * An island: a chain of ordinary RxJS operators, pushed one element at a time.
 *
 * Inside an island nothing is queued and nothing is granted. One push runs every synchronous operator to its end, so
 * when it returns, all that the element gave has come out, and the caller can decide by the room in its outlets
 * whether to push the next ("metered islands": backpressure begins and ends at the island's shores). An operator that
 * lets go of elements later, by time or I/O, would hold them where nothing counts them: it fails the stage.
 */
import type { Observable, Subscription } from 'rxjs';
import type { Clock } from '../base/environment/clock.ts';
import { AsyncOperator, asStageFailure, type FlowError } from './errors.ts';
import { Port } from './port.ts';

/** A named part of the chain. Its name is what errors and statistics speak of. */
export interface Via {
  readonly name: string;
  readonly operator: (input: Observable<unknown>) => Observable<unknown>;
}

export interface IslandEvents {
  /** One element came out at the end of the chain, with the event time of the one that it was made of. */
  readonly emit: (value: unknown, timeMs: number) => void;
  /** Everything that was pushed before this watermark has come out. */
  readonly watermark: (watermarkMs: number) => void;
  /** It holds as much as it may, or may be given more again. */
  readonly full: (full: boolean) => void;
  /** The input had ended, and all is out. */
  readonly completed: () => void;
  /** The chain completed before its input did, by an operator such as `take`. */
  readonly closedEarly: () => void;
  /** A stage failed. Nothing is called after it. */
  readonly failed: (error: FlowError) => void;
}

export interface IslandOptions {
  readonly clock: Clock;
  readonly events: IslandEvents;
}

/** One via stage at work. */
class IslandStage {
  readonly name: string;
  readonly port: Port<unknown> = new Port<unknown>();
  subscription: Subscription | undefined;
  completed = false;
  in = 0;
  out = 0;

  constructor(name: string) {
    this.name = name;
  }
}

export class Island {
  readonly #vias: readonly Via[];
  readonly #events: IslandEvents;
  readonly #stages: readonly IslandStage[];
  readonly #first: IslandStage | undefined;
  /** True while elements may come out: during a push, while subscribing, while completing. */
  #pushing = false;
  #inputEnded = false;
  /** The event time of the element that is being pushed. */
  #timeMs = Number.NaN;
  /** No more input is taken: completed, closed early, failed or disposed of. */
  closed = false;

  constructor(vias: readonly Via[], { events }: IslandOptions) {
    this.#vias = vias;
    this.#events = events;
    this.#stages = vias.map((via) => new IslandStage(via.name));
    this.#first = this.#stages[0];
  }

  /** Elements in and out of each stage so far. */
  get stages(): readonly { readonly name: string; readonly in: number; readonly out: number }[] {
    return this.#stages;
  }

  /** Builds and subscribes the chain, from its end to its start; operators such as `startWith` emit here. */
  open(): void {
    this.#pushing = true;
    for (let index = this.#stages.length - 1; index >= 0 && !this.closed; index -= 1) this.#subscribe(index);
    this.#pushing = false;
  }

  /** Runs one element through the chain. Does nothing once the island is closed. */
  push(value: unknown, timeMs: number): void {
    if (this.closed) return;
    const first = this.#first;
    if (first === undefined) {
      this.#events.emit(value, timeMs);
      return;
    }
    this.#timeMs = timeMs;
    first.in += 1;
    this.#pushing = true;
    first.port.next(value);
    this.#pushing = false;
  }

  /** No element before `watermarkMs` will be pushed any more. */
  watermark(watermarkMs: number): void {
    if (!this.closed) this.#events.watermark(watermarkMs);
  }

  /** The input has ended. What the operators gathered comes out before this returns. */
  complete(): void {
    if (this.closed) return;
    this.#inputEnded = true;
    this.#pushing = true;
    this.#first?.port.complete();
    this.#pushing = false;
    const holding = this.#stages.find((stage) => !stage.completed);
    if (holding !== undefined) this.#fail(new AsyncOperator(holding.name, 'held'));
    if (this.closed) return;
    this.closed = true;
    this.#events.completed();
  }

  /** Unsubscribes everything; nothing comes out any more. */
  dispose(): void {
    this.closed = true;
    for (const stage of this.#stages) stage.subscription?.unsubscribe();
  }

  #subscribe(index: number): void {
    const stage = this.#stages[index]!;
    const following = this.#stages[index + 1];
    const last = following === undefined;
    const { emit } = this.#events;
    try {
      const output = this.#vias[index]!.operator(stage.port.observable);
      stage.subscription = output.subscribe({
        next: (value) => {
          if (this.closed) return;
          if (!this.#pushing) {
            this.#fail(new AsyncOperator(stage.name, 'emitted'));
            return;
          }
          stage.out += 1;
          // RxJS would report what is thrown here as unhandled, from a timer of its own.
          try {
            if (last) {
              emit(value, this.#timeMs);
              return;
            }
            following.in += 1;
            following.port.next(value);
          } catch (thrown) {
            this.#fail(asStageFailure(stage.name, thrown));
          }
        },
        error: (thrown) => this.#fail(asStageFailure(stage.name, thrown)),
        complete: () => {
          stage.completed = true;
          if (following === undefined) this.#completed();
          else following.port.complete();
        },
      });
    } catch (thrown) {
      this.#fail(asStageFailure(stage.name, thrown));
    }
    if (this.closed) stage.subscription?.unsubscribe();
  }

  /** The last stage completed, and so the chain: because its input did, or early. */
  #completed(): void {
    if (this.#inputEnded || this.closed) return;
    this.dispose();
    this.#events.closedEarly();
  }

  #fail(error: FlowError): void {
    if (this.closed) return;
    this.dispose();
    this.#events.failed(error);
  }
}
