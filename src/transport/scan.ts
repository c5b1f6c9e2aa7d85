/**
 * The scan: one linear pass over a frame's msgpack before anything is decoded.
 *
 * msgpackr cannot be made strict by options, so a peer could have it build classes, records and huge arrays. The scan
 * lets through nil, booleans, numbers, strings, binary, arrays, maps with string keys, and `undefined` (fixext 1 of
 * type 0); it allocates nothing for a good frame. A frame is one array whose items lie flat (docs/wire-protocol.md). It
 * finds two kinds of fault: what makes the whole frame unreadable or forbidden (the link is closed), and a limit
 * exceeded inside one item, which refuses that item alone.
 */
import { partBytes, partType } from './beside-frame.ts';
import { transportLimits } from './limits.ts';

/** The frame as a whole is not ours to read. */
export type FrameFault = 'empty' | 'not-an-array' | 'truncated' | 'trailing' | 'extension' | 'reserved' | 'items';
/** One item of the frame goes beyond what a message may be. */
export type ItemFault = 'depth' | 'string' | 'keys' | 'key-type' | 'key-name' | 'key-twice' | 'integer';
export type ScanFinding = FrameFault | ItemFault;

export interface ScanLimits {
  readonly itemsMax: number;
  readonly depthMax: number;
  readonly stringBytesMax: number;
  readonly keysMax: number;
  /** Whether the extension may stand in it that stands for a binary of a large message. */
  readonly parts?: boolean;
}

/** An item that exceeds a limit, and where it lies in the frame. */
export interface RefusedItem {
  readonly index: number;
  readonly fault: ItemFault;
  readonly start: number;
  readonly end: number;
}

const defaultLimits: ScanLimits = transportLimits;

/** Bytes after the token of a value of fixed width, for the tokens 0xc0 to 0xdf; 255 where the width is not fixed. */
const varying = 255;
const fixedWidths = Uint8Array.of(
  ...[0, varying, 0, 0, varying, varying, varying, varying, varying, varying, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, varying, varying, varying, varying, varying, varying, varying, varying],
  ...[varying, varying, varying, varying],
);
/** The first two bytes of an integer of 64 bits whose magnitude is surely below 2^53; see `integerIsExact`. */
const highWordMax = 0x1f_ffff;

/** The one key that changes an object when it is assigned. */
const protoKey = Uint8Array.from('__proto__', (character) => character.charCodeAt(0));
const protoHash = hashOf(protoKey, 0, protoKey.length);

/** Scans frames one after the other; keep one per codec, it reuses its stacks. */
export class FrameScanner {
  /** The items refused by the last `scan`. */
  refused: RefusedItem[] = [];
  /** The item at which the last `scan` stopped with a fault of the whole frame. */
  index = 0;

  readonly #limits: ScanLimits;
  /** For each open container: values that are left, and whether it is a map (a map of n has 2n values). */
  readonly #left: Int32Array;
  readonly #isMap: Uint8Array;
  /** Where the keys of each open map begin in the stack of keys. */
  readonly #keysFrom: Int32Array;
  #keyHash = new Int32Array(256);
  #keyStart = new Int32Array(256);
  #keyEnd = new Int32Array(256);

  #bytes: Uint8Array = new Uint8Array(0);
  #items = 0;
  #fault: ScanFinding = 'truncated';

  constructor(limits: ScanLimits = defaultLimits) {
    this.#limits = limits;
    this.#left = new Int32Array(limits.depthMax + 1);
    this.#isMap = new Uint8Array(limits.depthMax + 1);
    this.#keysFrom = new Int32Array(limits.depthMax + 1);
  }

  /** `ok`, `refused` when single items are (listed in `refused`), or what is wrong with the whole frame. */
  scan(frame: Uint8Array): 'ok' | 'refused' | FrameFault {
    this.#bytes = frame;
    this.#items = 0;
    this.index = 0;
    if (this.refused.length > 0) this.refused = [];
    if (frame.length === 0) return 'empty';
    const token = frame[0]!;
    let at = 1;
    let count = token & 0x0f;
    if (token === 0xdc || token === 0xdd) {
      at = token === 0xdc ? 3 : 5;
      if (at > frame.length) return 'truncated';
      count = readUint(frame, 1, at - 1);
    } else if (token >>> 4 !== 9) return 'not-an-array';
    if (count > frame.length - at) return 'truncated';
    this.#items = count;
    if (count > this.#limits.itemsMax) return 'items';

    for (let index = 0; index < count; index += 1) {
      if (at >= frame.length) return this.#stop(index, 'truncated');
      if (frame[at]! < 0x80) {
        at += 1; // most fields of an envelope are small numbers
        continue;
      }
      const end = this.#scanItem(at);
      if (end > 0) {
        at = end;
        continue;
      }
      const fault = this.#fault;
      if (!isItemFault(fault)) return this.#stop(index, fault);
      const next = this.#skipItem(at);
      if (next < 0) return this.#stop(index, this.#fault as FrameFault);
      this.refused.push({ index, fault, start: at, end: next });
      at = next;
    }
    if (at < frame.length) return this.#stop(count, 'trailing');
    return this.refused.length === 0 ? 'ok' : 'refused';
  }

  #stop(index: number, fault: FrameFault): FrameFault {
    this.index = index;
    return fault;
  }

  #fail(fault: ScanFinding): -1 {
    this.#fault = fault;
    return -1;
  }

  /** The offset behind the value at `at`, or -1 with `#fault` set. */
  #scanItem(at: number): number {
    const bytes = this.#bytes;
    const size = bytes.length;
    const { depthMax, stringBytesMax, keysMax } = this.#limits;
    let depth = 0;
    let left = 1;
    let isMap = false;
    let keysTop = 0;
    /** Values still to come in all open containers; each takes a byte at least, so lying counts show at once. */
    let pending = 1;

    while (pending > 0) {
      while (left === 0) {
        if (isMap) keysTop = this.#keysFrom[depth]!;
        depth -= 1;
        left = this.#left[depth]!;
        isMap = this.#isMap[depth] === 1;
      }
      if (at >= size) return this.#fail('truncated');
      const token = bytes[at]!;
      left -= 1;
      pending -= 1;

      if (isMap && (left & 1) === 1) {
        const end = this.#scanKey(at, keysTop, depth);
        if (end < 0) return -1;
        keysTop += 1;
        at = end;
        continue;
      }
      if (token < 0x80 || token >= 0xe0) {
        at += 1;
        continue;
      }
      if (token >= 0xa0 && token < 0xc0) {
        at += 1 + (token & 0x1f);
        continue;
      }
      if (token === 0xd6 && this.#isPart(at)) {
        at += partBytes;
        continue;
      }
      if (!isContainer(token)) {
        const end = leafEnd(bytes, at, stringBytesMax);
        if (typeof end === 'string') return this.#fail(end);
        at = end;
        continue;
      }

      const opensMap = token < 0x90 || token >= 0xde;
      let count = token & 0x0f;
      at += 1;
      if (token >= 0xc0) {
        const width = token & 1 ? 4 : 2;
        if (at + width > size) return this.#fail('truncated');
        count = readUint(bytes, at, width);
        at += width;
      }
      const values = opensMap ? 2 * count : count;
      pending += values;
      if (pending > size - at) return this.#fail('truncated');
      this.#items += values;
      if (this.#items > this.#limits.itemsMax) return this.#fail('items');
      if (opensMap && count > keysMax) return this.#fail('keys');
      if (depth === depthMax) return this.#fail('depth');
      this.#left[depth] = left;
      this.#isMap[depth] = isMap ? 1 : 0;
      depth += 1;
      left = values;
      isMap = opensMap;
      if (opensMap) {
        this.#keysFrom[depth] = keysTop;
        this.#growKeys(keysTop + count);
      }
    }
    return at > size ? this.#fail('truncated') : at;
  }

  /** The offset behind the key at `at`, or -1. The keys of its map so far lie below `keysTop`. */
  #scanKey(at: number, keysTop: number, depth: number): number {
    const bytes = this.#bytes;
    const token = bytes[at]!;
    let start = at + 1;
    let length = token & 0x1f;
    if (token < 0xa0 || token >= 0xc0) {
      if (token < 0xd9 || token > 0xdb) return this.#fail('key-type');
      const end = leafEnd(bytes, at, this.#limits.stringBytesMax);
      if (typeof end === 'string') return this.#fail(end);
      start += 1 << (token - 0xd9);
      length = end - start;
    }
    const end = start + length;
    if (end > bytes.length) return this.#fail('truncated');
    const hash = hashOf(bytes, start, end);
    if (hash === protoHash && sameBytes(bytes, start, end, protoKey, 0, protoKey.length)) return this.#fail('key-name');
    const hashes = this.#keyHash;
    for (let other = this.#keysFrom[depth]!; other < keysTop; other += 1) {
      if (hashes[other] !== hash) continue;
      if (sameBytes(bytes, start, end, bytes, this.#keyStart[other]!, this.#keyEnd[other]!)) {
        return this.#fail('key-twice');
      }
    }
    hashes[keysTop] = hash;
    this.#keyStart[keysTop] = start;
    this.#keyEnd[keysTop] = end;
    return end;
  }

  /** Like `#scanItem` for an item that is refused already: only what would break the frame counts, at any depth. */
  #skipItem(at: number): number {
    const bytes = this.#bytes;
    const size = bytes.length;
    let pending = 1;
    while (pending > 0) {
      if (at >= size) return this.#fail('truncated');
      const token = bytes[at]!;
      pending -= 1;
      if (token === 0xd6 && this.#isPart(at)) {
        at += partBytes;
        continue;
      }
      if (!isContainer(token)) {
        const end = leafEnd(bytes, at, size);
        if (typeof end === 'string' && !isItemFault(end)) return this.#fail(end);
        at = typeof end === 'string' ? at + 9 : end; // the one fault left is an integer of 64 bits
        continue;
      }
      const width = token < 0xc0 ? 0 : token & 1 ? 4 : 2;
      if (at + 1 + width > size) return this.#fail('truncated');
      const count = width === 0 ? token & 0x0f : readUint(bytes, at + 1, width);
      at += 1 + width;
      pending += token < 0x90 || token >= 0xde ? 2 * count : count;
      if (pending > size - at) return this.#fail('truncated');
    }
    return at > size ? this.#fail('truncated') : at;
  }

  /** True for the extension of a part, where there may be any; whether it is whole shows at the end. */
  #isPart(at: number): boolean {
    return this.#limits.parts === true && this.#bytes[at + 1] === partType;
  }

  #growKeys(slots: number): void {
    if (slots <= this.#keyHash.length) return;
    const size = 2 ** Math.ceil(Math.log2(slots));
    this.#keyHash = grown(this.#keyHash, size);
    this.#keyStart = grown(this.#keyStart, size);
    this.#keyEnd = grown(this.#keyEnd, size);
  }
}

/** The offset behind a value that contains no others, which may lie beyond the end for short strings; or a fault. */
function leafEnd(bytes: Uint8Array, at: number, stringBytesMax: number): number | ScanFinding {
  const token = bytes[at]!;
  if (token < 0x80 || token >= 0xe0) return at + 1;
  if (token < 0xc0) return at + 1 + (token & 0x1f);
  const size = bytes.length;
  const width = fixedWidths[token - 0xc0]!;
  if (width !== varying) {
    if (at + 1 + width > size) return 'truncated';
    if ((token === 0xcf || token === 0xd3) && !integerIsExact(bytes, at)) return 'integer';
    return at + 1 + width;
  }
  if (token === 0xc1) return 'reserved';
  if (token === 0xd4) {
    if (at + 3 > size) return 'truncated';
    return bytes[at + 1] === 0 && bytes[at + 2] === 0 ? at + 3 : 'extension';
  }
  const isString = token >= 0xd9 && token <= 0xdb;
  if (!isString && (token < 0xc4 || token > 0xc6)) return 'extension';
  const lengthWidth = 1 << (isString ? token - 0xd9 : token - 0xc4);
  const start = at + 1 + lengthWidth;
  if (start > size) return 'truncated';
  const length = readUint(bytes, at + 1, lengthWidth);
  if (length > size - start) return 'truncated';
  return isString && length > stringBytesMax ? 'string' : start + length;
}

function isContainer(token: number): boolean {
  return (token >= 0x80 && token < 0xa0) || (token >= 0xdc && token < 0xe0);
}

function isItemFault(fault: ScanFinding): fault is ItemFault {
  switch (fault) {
    case 'depth':
    case 'string':
    case 'keys':
    case 'key-type':
    case 'key-name':
    case 'key-twice':
    case 'integer':
      return true;
    default:
      return false;
  }
}

/** True where the 64-bit integer at `at` lies within ±(2^53 − 1), so that a number holds it exactly. */
function integerIsExact(bytes: Uint8Array, at: number): boolean {
  const high = readUint(bytes, at + 1, 4);
  if (high <= highWordMax) return true;
  if (bytes[at] === 0xcf || high < 0xffff_ffff - highWordMax) return false;
  return high > 0xffff_ffff - highWordMax || readUint(bytes, at + 5, 4) > 0;
}

function readUint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let offset = 0; offset < width; offset += 1) value = value * 256 + bytes[at + offset]!;
  return value;
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
  return hash;
}

function sameBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let offset = 0; offset < aEnd - aStart; offset += 1) {
    if (a[aStart + offset] !== b[bStart + offset]) return false;
  }
  return true;
}

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(array);
  return larger;
}
