/**
 * Large bytes of one other place that wait in mailboxes of this one.
 *
 * A mailbox is bounded by messages, whatever they hold. So what comes in from another place and is large is also counted
 * by its bytes, until its actor has dealt with it; what comes from another process also where it is text or many values.
 * Above a first bound the senders over there are told to slow down and their offers wait, above a second one their
 * messages are refused.
 */
import type { Origin } from '../actors/operation.ts';
import { BesideBytes } from '../base/beside-bytes.ts';
import { limits } from '../base/limits.ts';
import { Ring } from '../base/ring.ts';

class Held {
  bytes = 0;
  isPressed = false;
  /** Called in order while there is room. */
  readonly waiting = new Ring<() => void>();
}

export class HeldBytes {
  readonly #cells = new Map<number, Held>();
  readonly #press: (cell: number, pressed: boolean) => void;

  /** @param press Tells the other place that its senders should slow down, and that they need not any more. */
  constructor(press: (cell: number, pressed: boolean) => void) {
    this.#press = press;
  }

  /** True where offers should wait. */
  isAbove(cell: number): boolean {
    return this.#cells.get(cell)?.isPressed === true;
  }

  /** True where a message must be refused. */
  isFull(cell: number): boolean {
    return (this.#cells.get(cell)?.bytes ?? 0) >= limits.mailboxBytesCapacity;
  }

  /** A message of so many bytes goes into the mailbox. @returns whom to tell when it was dealt with, in place of `origin` */
  hold(cell: number, bytes: number, origin: Origin): Origin {
    const held = this.#cells.get(cell) ?? new Held();
    this.#cells.set(cell, held);
    held.bytes += bytes;
    if (!held.isPressed && held.bytes >= limits.mailboxBytesHighWater) {
      held.isPressed = true;
      this.#press(cell, true);
    }
    let isHeld = true;
    return {
      settled: () => {
        if (isHeld) this.#release(cell, held, bytes);
        isHeld = false;
        origin.settled();
      },
    };
  }

  /** The same for a message that waits for room itself: it is held from `begin` on. */
  holdLater(cell: number, bytes: number, origin: Origin): { readonly origin: Origin; begin(): void } {
    let told = origin;
    let isSettled = false;
    return {
      origin: {
        settled: () => {
          isSettled = true;
          told.settled();
        },
      },
      begin: () => {
        if (!isSettled) told = this.hold(cell, bytes, origin);
      },
    };
  }

  /** Has `admit` called when there is room. */
  awaitRoom(cell: number, admit: () => void): void {
    this.#cells.get(cell)!.waiting.push(admit);
  }

  close(): void {
    this.#cells.clear();
  }

  #release(cell: number, held: Held, bytes: number): void {
    held.bytes -= bytes;
    while (held.waiting.size > 0 && held.bytes < limits.mailboxBytesHighWater) held.waiting.shift()!();
    if (held.isPressed && held.bytes < limits.mailboxBytesHighWater / 2 && held.waiting.size === 0) {
      held.isPressed = false;
      this.#press(cell, false);
    }
    if (held.bytes === 0 && held.waiting.size === 0 && this.#cells.get(cell) === held) this.#cells.delete(cell);
  }
}

/** How many bytes of binary values, memory that threads share left out, a wire form holds. */
export function bytesIn(wire: unknown): number {
  if (typeof wire !== 'object' || wire === null) return 0;
  if (wire instanceof Uint8Array) return wire instanceof BesideBytes ? wire.ownedBytes : wire.byteLength;
  let bytes = 0;
  const parts = wire as Readonly<Record<string, unknown>>;
  for (const key in parts) bytes += bytesIn(parts[key]);
  return bytes;
}

/** What a value takes at least, beside its text or its bytes. */
const valueBytes = 8;

/** About how many bytes of memory a wire form of another process takes: text, numbers and the values that hold them too. */
export function weightOf(wire: unknown): number {
  if (typeof wire === 'string') return valueBytes + wire.length;
  if (typeof wire !== 'object' || wire === null) return valueBytes;
  if (wire instanceof Uint8Array) return valueBytes + wire.byteLength;
  let bytes = 2 * valueBytes;
  const parts = wire as Readonly<Record<string, unknown>>;
  if (Array.isArray(wire)) for (const part of wire) bytes += weightOf(part);
  else for (const key in parts) bytes += key.length + weightOf(parts[key]);
  return bytes;
}
