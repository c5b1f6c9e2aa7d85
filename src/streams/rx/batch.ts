/** `batch`: elements in arrays, closed by count, by weight or by time, whichever comes first. */
import { Observable, type OperatorFunction, Subscriber, type Subscription } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { elementWeight } from '../element-weight.ts';
import { type Held, Holder } from './holder.ts';
import { onlyInFlow } from './own-here.ts';

/** When `batch` closes a batch: whichever comes first. */
export interface BatchOptions<T> {
  /** Closes a batch of this many elements. */
  readonly count?: number;
  /** Closes a batch before it weighs more than `max`; an element that is heavier alone is a batch by itself. */
  readonly weight?: { readonly of: (item: T) => number; readonly max: number };
  /** The same by about the bytes that the elements take. */
  readonly bytes?: number;
  /** Closes a batch this long after its first element, by the flow's clock. */
  readonly ms?: number;
}

/**
 * Gathers elements in arrays. The last one may be smaller; none is empty. A batch has the time of its latest element.
 *
 * @throws UsageError where it has no bound or one out of range, or outside of a flow.
 */
export function batch<T>(options: BatchOptions<T>): OperatorFunction<T, T[]> {
  const { count = Number.POSITIVE_INFINITY, weight, bytes, ms } = options;
  const bounds = { count: options.count, 'weight.max': weight?.max, bytes, ms };
  if (Object.values(bounds).every((bound) => bound === undefined)) {
    throw new UsageError('batch({}) never closes a batch; give it count, weight, bytes or ms');
  }
  for (const [option, value] of Object.entries(bounds)) {
    if (value === undefined || value > 0) continue;
    throw new UsageError(`batch({ ${option}: ${String(value)} }) is out of range; it is a number above 0`);
  }
  const weightMax = weight?.max ?? Number.POSITIVE_INFINITY;
  const bytesMax = bytes ?? Number.POSITIVE_INFINITY;
  // Where only time bounds a batch, the ledger bounds it too.
  const counted = options.count === undefined && weight === undefined && bytes === undefined;
  return onlyInFlow<T, T[]>('batch', (source, here) => {
    const holder = new Holder<T>(here, 'batch', counted);
    const out = new Observable<T[]>((subscriber) => {
      let members: Held<T>[] = [];
      let [weighs, takes] = [0, 0];
      let timer: Subscription | undefined;
      const close = (): void => {
        timer?.unsubscribe();
        const closed = members;
        members = [];
        [weighs, takes] = [0, 0];
        if (closed.length === 0) return;
        const values = closed.map((member) => member.value);
        holder.letGoAll(closed, () => subscriber.next(values));
      };
      const add = (value: T): void => {
        const [heavy, large] = [weight?.of(value) ?? 0, bytes === undefined ? 0 : elementWeight(value, bytes)];
        if (weighs + heavy > weightMax || takes + large > bytesMax) close();
        members.push(holder.hold(value));
        weighs += heavy;
        takes += large;
        if (members.length >= count || weighs >= weightMax || takes >= bytesMax) close();
        else if (members.length === 1 && ms !== undefined) timer = here.on().schedule(close, ms);
      };
      source.subscribe(new Batching<T>(subscriber, add, close));
      subscriber.add(() => timer?.unsubscribe());
    });
    return holder.over(out);
  });
}

class Batching<T> extends Subscriber<T> {
  readonly #add: (value: T) => void;
  readonly #close: () => void;

  constructor(destination: Subscriber<T[]>, add: (value: T) => void, close: () => void) {
    super(destination as Subscriber<unknown>);
    this.#add = add;
    this.#close = close;
  }

  protected override _next(value: T): void {
    try {
      this.#add(value);
    } catch (thrown) {
      this.error(thrown);
    }
  }

  protected override _complete(): void {
    this.#close();
    // What was given last may have failed behind it.
    if (!this.closed) super._complete();
  }
}
