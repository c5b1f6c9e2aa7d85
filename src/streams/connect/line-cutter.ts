/**
 * Cuts bytes into lines, and says at which byte each ends. It holds one line at most, and of one that is too long only
 * that it is.
 *
 * A line ends with LF or CRLF, a BOM at the beginning of the input is no part of it, and what is not UTF-8 is said and
 * never replaced.
 */
import { isUtf8 } from 'node:buffer';

/** A line without its end. */
export interface Line {
  /** Undefined where the line has a `problem`. */
  readonly text: string | undefined;
  readonly problem: 'not UTF-8' | 'too long' | undefined;
  /** The byte behind its line end: where reading goes on. */
  readonly end: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const none: Buffer = Buffer.alloc(0);

export class LineCutter {
  readonly #bytesMax: number;
  /** The byte that comes next. */
  #offset: number;
  /** The byte at which the line begins whose end has not come. */
  #start: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isTooLong = false;

  /** @param offset Where the input begins in its file: only at 0 may a BOM stand. */
  constructor(offset: number, bytesMax: number) {
    this.#offset = offset;
    this.#start = offset;
    this.#bytesMax = bytesMax;
  }

  /** The byte at which the line begins whose end has not come. */
  get lineStart(): number {
    return this.#start;
  }

  /** True while the line that has not ended is too long already. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Takes bytes, which it may keep, and gives the lines that end in them. */
  push(bytes: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, start)) {
      lines.push(this.#line(bytes.subarray(start, at), this.#offset + at + 1));
      start = at + 1;
    }
    this.#offset += bytes.length;
    this.#hold(start === 0 ? bytes : bytes.subarray(start));
    return lines;
  }

  /** The last line, where the input ends without a line end. */
  rest(): Line | undefined {
    return this.#heldBytes === 0 ? undefined : this.#line(none, this.#offset);
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#bytesMax) {
      this.#isTooLong = true;
      this.#held = [];
    } else if (bytes.length > 0) this.#held.push(bytes);
  }

  #line(last: Buffer, end: number): Line {
    const isTooLong = this.#heldBytes + last.length > this.#bytesMax;
    const isFirst = this.#start === 0;
    this.#start = end;
    let bytes = this.#held.length === 0 ? last : Buffer.concat([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    this.#isTooLong = false;
    if (isTooLong) return { text: undefined, problem: 'too long', end };
    if (isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    if (!isUtf8(bytes)) return { text: undefined, problem: 'not UTF-8', end };
    return { text: bytes.toString(), problem: undefined, end };
  }
}
