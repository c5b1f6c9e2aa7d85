/**
 * The frame codec of a client: the strict form of msgpack (docs/wire-protocol.md), in a few hundred lines of its own.
 *
 * A browser loads it, and the package that nodes use is several times as large. It reads what a server sends with the same
 * limits as it writes.
 */
import { BesideBytes } from '../base/beside-bytes.ts';
import { clientBesideBytesMax, clientLimits } from './client-limits.ts';
import { FrameRefused } from './errors.ts';
import type { FrameCodec } from './frame-codec.ts';

type Finding = FrameRefused['finding'];

export function plainCodec(): FrameCodec {
  const writer = new Writer();
  return {
    besideBytesMax: clientBesideBytesMax,
    pack: (items) => writer.frame(items),
    unpack: (frame) => new Reader(frame).items(),
  };
}

const firstBytes = 4_096;
/** Text up to this is looked at character by character, which is faster than the encoder. */
const shortText = 64;

class Writer {
  #bytes = new Uint8Array(firstBytes);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #values = 0;
  #item = 0;
  readonly #encoder = new TextEncoder();

  frame(items: readonly unknown[]): Uint8Array<ArrayBuffer> {
    this.#at = 0;
    this.#values = 0;
    this.#item = 0;
    this.#head(items.length, 0x90, 15, 0xdc);
    for (const item of items) {
      this.#value(item, 0);
      this.#item += 1;
    }
    if (this.#at > clientLimits.frameBytesMax) this.#refuse('bytes', `it has ${this.#at} bytes`);
    const frame = this.#bytes.slice(0, this.#at);
    // One large message need not be kept for all that follow.
    if (this.#bytes.length > 16 * firstBytes) this.#grown(firstBytes);
    return frame;
  }

  #value(value: unknown, depth: number): void {
    this.#values += 1;
    if (this.#values > clientLimits.itemsMax)
      this.#refuse('items', `it holds more than ${clientLimits.itemsMax} values`);
    switch (typeof value) {
      case 'string':
        this.#text(value);
        return;
      case 'number':
        this.#number(value);
        return;
      case 'boolean':
        this.#byte(value ? 0xc3 : 0xc2);
        return;
      case 'undefined':
        this.#room(3);
        this.#byte(0xd4);
        this.#byte(0);
        this.#byte(0);
        return;
      case 'object':
        if (value === null) this.#byte(0xc0);
        else this.#object(value, depth + 1);
        return;
      default:
        this.#refuse('value', `it holds a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): void {
    if (value instanceof Uint8Array) {
      this.#binary(value instanceof BesideBytes ? new Uint8Array(value.buffer, value.byteOffset, value.length) : value);
      return;
    }
    // A cycle ends here too.
    if (depth > clientLimits.depthMax) this.#refuse('depth', `it nests deeper than ${clientLimits.depthMax} levels`);
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 15, 0xdc);
      for (const one of value) this.#value(one, depth);
      return;
    }
    const keys = Object.keys(value);
    if (keys.length > clientLimits.keysMax)
      this.#refuse('keys', `it holds a map of more than ${clientLimits.keysMax} keys`);
    this.#head(keys.length, 0x80, 15, 0xde);
    for (const key of keys) {
      if (key === '__proto__') this.#refuse('key-name', 'it holds a key named __proto__');
      this.#values += 1;
      this.#text(key);
      this.#value((value as Record<string, unknown>)[key], depth);
    }
  }

  /** The token of an array or a map, and its length. */
  #head(length: number, short: number, shortMax: number, long: number): void {
    this.#room(5);
    if (length <= shortMax) this.#byte(short | length);
    else if (length < 0x1_0000) {
      this.#byte(long);
      this.#u16(length);
    } else {
      this.#byte(long + 1);
      this.#u32(length);
    }
  }

  #text(text: string): void {
    const { length } = text;
    const max = 3 * length;
    this.#room(5 + max);
    if (length <= shortText && this.#asciiText(text)) return;
    // The length comes first, so it is written behind room for the longest token, and moved.
    const from = this.#at + 5;
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(from));
    if (written > clientLimits.stringBytesMax) {
      this.#refuse('string', `it holds a string of more than ${clientLimits.stringBytesMax} bytes`);
    }
    this.#lengthOf(written, 0xa0, 31, 0xd9);
    this.#bytes.copyWithin(this.#at, from, from + written);
    this.#at += written;
  }

  /** True where all of it is ASCII, and so was written. */
  #asciiText(text: string): boolean {
    const { length } = text;
    const before = this.#at;
    this.#lengthOf(length, 0xa0, 31, 0xd9);
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#at = before;
        return false;
      }
      this.#bytes[this.#at] = code;
      this.#at += 1;
    }
    return true;
  }

  #binary(bytes: Uint8Array): void {
    this.#room(5 + bytes.length);
    this.#lengthOf(bytes.length, 0, -1, 0xc4);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The token of a string or of bytes, and the length. */
  #lengthOf(length: number, short: number, shortMax: number, long: number): void {
    if (length <= shortMax) this.#byte(short | length);
    else if (length < 0x100) {
      this.#byte(long);
      this.#byte(length);
    } else if (length < 0x1_0000) {
      this.#byte(long + 1);
      this.#u16(length);
    } else {
      this.#byte(long + 2);
      this.#u32(length);
    }
  }

  #number(value: number): void {
    this.#room(9);
    if (Number.isInteger(value) && value >= -0x8000_0000 && value <= 0xffff_ffff && !Object.is(value, -0)) {
      this.#integer(value);
      return;
    }
    this.#byte(0xcb);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  #integer(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) {
        this.#byte(0xcc);
        this.#byte(value);
      } else if (value < 0x1_0000) {
        this.#byte(0xcd);
        this.#u16(value);
      } else {
        this.#byte(0xce);
        this.#u32(value);
      }
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else {
      this.#byte(0xd2);
      this.#u32(value >>> 0);
    }
  }

  #byte(byte: number): void {
    if (this.#at === this.#bytes.length) this.#room(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  #u16(value: number): void {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    // Text takes up to three bytes a character, so what fits in the end may need more room on the way.
    if (needed > 8 * clientLimits.linkFrameBytesMax) this.#refuse('bytes', 'it is far too large');
    this.#grown(Math.max(needed, 2 * this.#bytes.length));
  }

  #grown(length: number): void {
    const larger = new Uint8Array(length);
    larger.set(this.#bytes.subarray(0, Math.min(this.#at, length)));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #refuse(finding: Finding, what: string): never {
    const message = `item ${this.#item} of the frame cannot be sent: ${what}; make the message smaller or plainer`;
    throw new FrameRefused(finding, message, { index: this.#item });
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(frame: Uint8Array) {
    this.#bytes = frame;
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  items(): unknown[] {
    if (this.#bytes.length > clientLimits.frameBytesMax) throw this.#fault('bytes');
    if (this.#bytes.length === 0) throw this.#fault('empty');
    const items = this.#value(-1);
    if (!Array.isArray(items)) throw this.#fault('not-an-array');
    if (this.#at !== this.#bytes.length) throw this.#fault('trailing');
    return items;
  }

  #value(depth: number): unknown {
    this.#values += 1;
    if (this.#values > clientLimits.itemsMax) throw this.#fault('items');
    if (depth > clientLimits.depthMax) throw this.#fault('depth');
    const token = this.#u8();
    if (token < 0x80) return token;
    if (token < 0x90) return this.#map(token & 0x0f, depth);
    if (token < 0xa0) return this.#array(token & 0x0f, depth);
    if (token < 0xc0) return this.#text(token & 0x1f);
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#u8());
      case 0xc5:
        return this.#binary(this.#u16());
      case 0xc6:
        return this.#binary(this.#u32());
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#u8();
      case 0xcd:
        return this.#u16();
      case 0xce:
        return this.#u32();
      case 0xcf:
        return this.#wide(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return this.#wide(this.#view.getBigInt64(this.#take(8)));
      case 0xd4:
        if (this.#u16() === 0) return undefined;
        throw this.#fault('extension');
      case 0xd9:
        return this.#text(this.#u8());
      case 0xda:
        return this.#text(this.#u16());
      case 0xdb:
        return this.#text(this.#u32());
      case 0xdc:
        return this.#array(this.#u16(), depth);
      case 0xdd:
        return this.#array(this.#u32(), depth);
      case 0xde:
        return this.#map(this.#u16(), depth);
      case 0xdf:
        return this.#map(this.#u32(), depth);
      default:
        throw this.#fault(token === 0xc1 ? 'reserved' : 'extension');
    }
  }

  #array(length: number, depth: number): unknown[] {
    const values: unknown[] = [];
    for (let left = length; left > 0; left -= 1) values.push(this.#value(depth + 1));
    return values;
  }

  #map(length: number, depth: number): object {
    if (length > clientLimits.keysMax) throw this.#fault('keys');
    const map: Record<string, unknown> = {};
    for (let left = length; left > 0; left -= 1) {
      const key = this.#value(depth + 1);
      if (typeof key !== 'string') throw this.#fault('key-type');
      if (key === '__proto__') throw this.#fault('key-name');
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  #text(length: number): string {
    if (length > clientLimits.stringBytesMax) throw this.#fault('string');
    const from = this.#take(length);
    return this.#decoder.decode(this.#bytes.subarray(from, from + length));
  }

  /** A copy of its own. */
  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.slice(from, from + length);
  }

  #wide(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw this.#fault('integer');
    return number;
  }

  #u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Where so many bytes lie that are read now. */
  #take(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#bytes.length) throw this.#fault('truncated');
    this.#at = from + bytes;
    return from;
  }

  #fault(finding: Finding): FrameRefused {
    return new FrameRefused(finding, `a frame of the server cannot be read at byte ${this.#at}: ${finding}`);
  }
}
