/**
 * One direction of a connection through the chaos proxy: what comes in at one socket leaves at the other, as late, as
 * slowly, in such pieces and as damaged as the faults say.
 *
 * Where a piece ends and which byte is flipped is drawn by its place in the stream and not by how the operating system
 * happened to cut it, so that the same seed does the same to the same bytes. Order is kept: this is TCP. What waits is
 * bounded: a full lane reads no more, and its sender feels it.
 */
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import type { ChaosFaults } from './chaos-proxy.ts';
import { limits } from './limits.ts';

interface Waiting {
  bytes: Buffer;
  readonly dueMs: number;
}

export class ChaosLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #clock: Clock;
  readonly #pieces: Random;
  readonly #delays: Random;
  readonly #flips: Random;
  readonly #queue: Waiting[] = [];
  #faults: ChaosFaults = {};
  #queued = 0;
  #lastDueMs = 0;
  /** When the line is free for the next byte, where its rate is bounded. */
  #freeMs = 0;
  #stalled = false;
  #waitsForDrain = false;
  /** The sender has said that nothing more comes. */
  #ended = false;
  #timer: Cancel | undefined = undefined;
  /** Bytes left of the piece that is being written, and bytes before the next one to flip. */
  #pieceLeft = 0;
  #untilFlip = Number.POSITIVE_INFINITY;
  /** Bytes that left. */
  carried = 0;
  /** Bytes that were flipped. */
  flipped = 0;

  constructor(from: Socket, to: Socket, clock: Clock, random: Random) {
    this.#from = from;
    this.#to = to;
    this.#clock = clock;
    this.#pieces = random.fork('pieces');
    this.#delays = random.fork('delays');
    this.#flips = random.fork('flips');
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.#pump();
    });
    to.on('drain', () => {
      this.#waitsForDrain = false;
      this.#pump();
    });
  }

  set faults(faults: ChaosFaults) {
    const before = this.#faults;
    this.#faults = faults;
    this.#pieceLeft = 0;
    if (faults.flipOneIn !== before.flipOneIn) this.#untilFlip = this.#drawFlip();
    this.#pump();
  }

  /** Carries nothing while true; the connection stays open, as with a cable that was cut. */
  set stalled(stalled: boolean) {
    this.#stalled = stalled;
    this.#pump();
  }

  /** The receiver is told that nothing more comes; what waits is dropped. */
  halfClose(): void {
    this.#drop();
    this.#to.end();
  }

  close(): void {
    this.#drop();
  }

  #drop(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#queue.length = 0;
    this.#queued = 0;
    this.#ended = false;
  }

  #take(bytes: Buffer): void {
    const { delayMs = 0, jitterMs = 0 } = this.#faults;
    const dueMs = this.#clock.monotonicMs() + delayMs + jitterMs * this.#delays.fraction();
    // A later byte never overtakes.
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#queued += bytes.length;
    if (this.#queued >= limits.chaosQueuedBytesMax) this.#from.pause();
    this.#pump();
  }

  /** Writes what is due. */
  #pump(): void {
    if (this.#timer !== undefined || this.#stalled || this.#waitsForDrain) return;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const waitMs = Math.max(first.dueMs, this.#freeMs) - this.#clock.monotonicMs();
      if (waitMs > 0) {
        this.#later(waitMs);
        return;
      }
      if (!this.#write(this.#nextPiece(first))) return;
    }
    if (this.#ended) {
      this.#ended = false;
      this.#to.end();
    }
  }

  #later(waitMs: number): void {
    this.#timer = this.#clock.timer(waitMs, () => {
      this.#timer = undefined;
      this.#pump();
    });
  }

  /** Takes the next piece out of the queue: up to where a piece ends, and merged with what is due behind it. */
  #nextPiece(first: Waiting): Buffer {
    const { pieceBytesMax } = this.#faults;
    if (pieceBytesMax === undefined) {
      this.#queue.shift();
      this.#queued -= first.bytes.length;
      return first.bytes;
    }
    if (this.#pieceLeft === 0) this.#pieceLeft = 1 + Math.floor(this.#pieces.fraction() * pieceBytesMax);
    const piece = first.bytes.subarray(0, this.#pieceLeft);
    this.#pieceLeft -= piece.length;
    this.#queued -= piece.length;
    if (piece.length === first.bytes.length) this.#queue.shift();
    else first.bytes = first.bytes.subarray(piece.length);
    return piece;
  }

  /** False when the receiver takes no more for now. */
  #write(piece: Buffer): boolean {
    const { bytesPerSecond } = this.#faults;
    if (bytesPerSecond !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      this.#freeMs = Math.max(this.#freeMs, nowMs) + (piece.length / bytesPerSecond) * 1_000;
    }
    this.carried += piece.length;
    if (this.#from.isPaused() && this.#queued < limits.chaosQueuedBytesMax) this.#from.resume();
    // Its end may be known here later than there.
    if (!this.#to.writable) return true;
    this.#waitsForDrain = !this.#to.write(this.#damaged(piece));
    return !this.#waitsForDrain;
  }

  #damaged(piece: Buffer): Buffer {
    if (this.#untilFlip >= piece.length) {
      this.#untilFlip -= piece.length;
      return piece;
    }
    const own = Buffer.from(piece);
    while (this.#untilFlip < own.length) {
      const at = this.#untilFlip;
      own[at] = own[at]! ^ (1 << (this.#flips.u32() % 8));
      this.flipped += 1;
      this.#untilFlip += 1 + this.#drawFlip();
    }
    this.#untilFlip -= own.length;
    return own;
  }

  /** How many bytes stay whole before the next that does not: each is hit with the same chance. */
  #drawFlip(): number {
    const { flipOneIn } = this.#faults;
    if (flipOneIn === undefined) return Number.POSITIVE_INFINITY;
    if (flipOneIn === 1) return 0;
    return Math.floor(Math.log(1 - this.#flips.fraction()) / Math.log(1 - 1 / flipOneIn));
  }
}
